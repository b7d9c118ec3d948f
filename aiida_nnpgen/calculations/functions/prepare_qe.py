"""Write down what pw.x is to do."""

from __future__ import annotations

from typing import Any

from aiida import orm
from aiida.engine import calcfunction

from ...common.dynamics import Conditions
from ...dft.method import Method
from ...dft.qe.input import write_md, write_single_point

__all__ = ["prepare_qe"]


@calcfunction
def prepare_qe(
    method: orm.Dict,
    structure: orm.StructureData,
    conditions: orm.Dict | None = None,
    done: orm.Int | None = None,
    valences: orm.Dict | None = None,
) -> dict[str, Any]:
    """Return ``parameters``, ``kpoints`` and ``settings`` of a calculation with pw.x.

    :param method: level of theory.
    :param structure: to be labelled, or where the job of a dynamics starts.
    :param conditions: of the dynamics, with its seed; none: a single point.
    :param done: number of configurations that earlier jobs of the dynamics computed.
    :param valences: electrons of each element in its pseudopotential, which initial moments need.
    """
    electrons = None if valences is None else valences.get_dict()
    level, atoms = Method.from_dict(method.get_dict()), structure.get_ase()
    if conditions is None:
        wanted = write_single_point(level, atoms, electrons)
    else:
        told, n_done = Conditions(**conditions["conditions"]), 0 if done is None else done.value
        wanted = write_md(level, atoms, told, conditions["seed"], n_done, electrons)
    settings: dict[str, Any] = {"gamma_only": True} if wanted.gamma_only else {}
    if wanted.velocities is not None:
        settings["atomic_velocities"] = wanted.velocities.tolist()
    kpoints = orm.KpointsData()
    kpoints.set_kpoints_mesh(wanted.mesh)
    return {"parameters": orm.Dict(wanted.namelists), "kpoints": kpoints, "settings": orm.Dict(settings)}
