"""Label with Quantum ESPRESSO, one frame per job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiida import orm

from ...calculations.functions.label_from_qe import label_from_qe
from ...calculations.functions.prepare_qe import prepare_qe
from ...dft.attempts import Batch
from ..caching import forget
from ..job_outputs import job_outputs, last_calculation
from .base import LabellerWorkChain

__all__ = ["QeLabellerWorkChain", "prepared_inputs"]

MAX_ITERATIONS = 3
"""Jobs that ``PwBaseWorkChain`` may spend on one frame; after that it is for our own remedies."""


class QeLabellerWorkChain(LabellerWorkChain):
    """Label each frame in a ``PwBaseWorkChain``, which changes the solver or continues where it must."""

    NAME = "qe"

    def start(self, batch: Batch, structures: dict[str, orm.StructureData], method: orm.Dict) -> orm.ProcessNode:
        """Submit the work chain of one frame."""
        from ..restart.pw import CachedPwBaseWorkChain

        [structure] = structures.values()
        return self.submit(
            CachedPwBaseWorkChain,
            **prepared_inputs(self.inputs.code, self.options(batch), self.inputs.pseudopotentials, method, structure),
            max_iterations=orm.Int(MAX_ITERATIONS),
            clean_workdir=orm.Bool(True),
            metadata={"call_link_label": batch.key},
        )

    def gather(self, batch: Batch, node: orm.ProcessNode) -> tuple[orm.TrajectoryData | None, orm.Dict | None]:
        """Make the label of what the last job computed, or tell why there is none."""
        calculation = last_calculation(node)
        if calculation is None:
            return None, None
        made = label_from_qe(**job_outputs(calculation), method=self.method_of(batch), **self.structures_of(batch))
        if "labels" not in made:
            forget(calculation)
        return made.get("labels"), made.get("failures")


def prepared_inputs(
    code: orm.AbstractCode,
    options: Mapping[str, Any],
    pseudopotentials: Mapping[str, orm.Data],
    method: orm.Dict,
    structure: orm.StructureData,
    *job: orm.Data,
    parent_folder: orm.RemoteData | None = None,
) -> dict[str, Any]:
    """Return what every ``PwBaseWorkChain`` is given; pw.x wants a pseudopotential for each kind of site.

    :param job: conditions of a dynamics, and the number of configurations that are done; none: a single point.
    :param parent_folder: where an earlier job ran that this one continues.
    """
    moments = {} if not method.get_dict().get("magmoms") else {"valences": _valences(pseudopotentials, structure)}
    prepared = prepare_qe(method, structure, *job, **moments)
    resources = {"num_machines": 1, "num_mpiprocs_per_machine": 1}
    pw = {
        "code": code,
        "structure": structure,
        "parameters": prepared["parameters"],
        "settings": prepared["settings"],
        "pseudos": {kind.name: pseudopotentials[kind.symbol] for kind in structure.kinds},
        "metadata": {"options": {"resources": resources, **options}},
    }
    more = {} if parent_folder is None else {"parent_folder": parent_folder}
    return {"pw": pw | more, "kpoints": prepared["kpoints"]}


def _valences(pseudopotentials: Mapping[str, orm.Data], structure: orm.StructureData) -> orm.Dict:
    """Return the electrons of each element in its pseudopotential."""
    return orm.Dict({element: pseudopotentials[element].z_valence for element in sorted(structure.get_symbols_set())})
