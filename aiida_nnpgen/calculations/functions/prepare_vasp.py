"""Write down what VASP is to do."""

from __future__ import annotations

from functools import cache
from typing import Any

from aiida import orm
from aiida.engine import calcfunction

from ...common.dynamics import Conditions
from ...dft.method import Method
from ...dft.vasp.input import write_md, write_single_point
from ...dft.vasp.potcar import read_potcar

__all__ = ["POTCARS", "RESUME", "prepare_vasp"]

POTCARS = "potcar_"
"""What the link labels of potentials begin with; the element follows."""

RESUME = "mv CONTCAR POSCAR"
"""Command before VASP that makes it go on where the last job ended, with its velocities and its thermostat."""

_SKIPPED = ("forces", "stress", "band_properties", "fermi_level", "site_magnetization", "magnetization")
"""Quantities that would be stored a second time, or that nobody reads."""


@calcfunction
def prepare_vasp(
    method: orm.Dict,
    structure: orm.StructureData,
    conditions: orm.Dict | None = None,
    done: orm.Int | None = None,
    **potcars: orm.Data,
) -> dict[str, Any]:
    """Return ``structure``, ``parameters``, ``kpoints`` and ``settings`` of a calculation with VASP.

    The structure is the one to be computed with its atoms grouped by element: aiida-vasp would write a potential, and
    VASP read one, for every group of neighbours of one element.

    :param method: level of theory.
    :param structure: to be labelled, or where a dynamics starts.
    :param conditions: of the dynamics, with its seed; none: a single point.
    :param done: number of configurations that earlier jobs of the dynamics computed.
    :param potcars: the potential of each element, as ``potcar_O`` and so on.
    """
    level, atoms = Method.from_dict(method.get_dict()), structure.get_ase()
    heads = {name.removeprefix(POTCARS): read_potcar(node.get_content().decode()) for name, node in potcars.items()}
    valences = {element: head.valence for element, head in heads.items()}
    count = 0 if done is None else done.value
    if conditions is None:
        wanted = write_single_point(level, atoms, valences)
    else:
        wanted = write_md(
            level, atoms, valences, Conditions(**conditions["conditions"]), conditions["seed"], done=count
        )
    kpoints = orm.KpointsData()
    kpoints.set_kpoints_mesh(wanted.mesh)
    return {
        "structure": orm.StructureData(ase=wanted.atoms),
        "parameters": orm.Dict({"incar": _for_plugin(wanted.incar)}),
        "kpoints": kpoints,
        "settings": orm.Dict(_settings(is_continued=bool(count))),
    }


def _settings(is_continued: bool) -> dict[str, Any]:
    """Return how aiida-vasp runs and parses: labels come from the files, not from its nodes."""
    parser = {"exclude_quantity": list(_SKIPPED), "check_ionic_convergence": False}
    settings = {"parser_settings": parser, "CHECK_IONIC_CONVERGENCE": False, "poscar_precision": 14}
    # Its check of the tags is at the border of the work chain already, and its writer has a list of its own.
    settings |= {"skip_parameters_validation": True, "no_default_monitors": True}
    return settings | ({"ADDITIONAL_REMOTE_COPY_LIST": ["CONTCAR"]} if is_continued else {})


def _for_plugin(incar: dict[str, Any]) -> dict[str, Any]:
    """Return tags as aiida-vasp takes them: in lower case, and those that it does not know behind one that it knows.

    A line of INCAR may hold several statements with a semicolon between them, https://www.vasp.at/wiki/INCAR.
    """
    unknown = [tag for tag in incar if not _is_known(tag.lower())]
    known = {tag.lower(): value for tag, value in incar.items() if tag not in unknown}
    if unknown:
        statements = [f"; {tag} = {_words(incar[tag])}" for tag in unknown]
        known["isif"] = [str(incar["ISIF"]), *statements]
    return known


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return ".TRUE." if value else ".FALSE."
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


@cache
def _is_known(tag: str) -> bool:
    """Return whether aiida-vasp knows a tag: version 5.1 lacks CSVR_PERIOD and LIBXC1, among others."""
    from aiida_vasp.assistant.parameters import ParametersMassage  # type: ignore[import-untyped]

    try:
        ParametersMassage({"incar": {tag: 0}})
    except ValueError:
        return False
    return True
