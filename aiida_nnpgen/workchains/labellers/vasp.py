"""Label with VASP, one frame per job."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from aiida import orm

from ...calculations.functions.label_from_vasp import label_from_vasp
from ...calculations.functions.prepare_vasp import POTCARS, prepare_vasp
from ...dft.attempts import Batch
from ..caching import forget
from ..job_outputs import job_outputs, last_calculation
from .base import LabellerWorkChain
from .potcars import family_of, load_potcars

__all__ = ["VaspLabellerWorkChain", "prepared_inputs"]

DISABLED_HANDLERS = (
    "handler_unfinished_calc_ionic",
    "handler_unfinished_calc_generic",
    "handler_electronic_conv",
    "handler_ionic_conv",
)
"""Handlers of aiida-vasp that would change the input unseen, or go on with a dynamics without its velocities."""


class VaspLabellerWorkChain(LabellerWorkChain):
    """Label each frame in a ``vasp.vasp`` work chain; a frame that fails comes again with one of our remedies."""

    NAME = "vasp"

    @classmethod
    def load_pseudopotentials(
        cls, wanted: str | dict[str, str] | None, elements: Collection[str], folder: Path
    ) -> dict[str, orm.Data]:
        """Return the potential of each element; see :func:`~.potcars.load_potcars`."""
        return load_potcars(wanted, elements, folder)

    def start(self, batch: Batch, structures: dict[str, orm.StructureData], method: orm.Dict) -> orm.ProcessNode:
        """Submit the work chain of one frame."""
        from ..restart.vasp import CachedVaspWorkChain

        [structure] = structures.values()
        potcars = self.pseudopotentials(structures)["pseudopotentials"]
        return self.submit(
            CachedVaspWorkChain,
            **prepared_inputs(self.inputs.code, self.options(batch), potcars, method, structure),
            clean_workdir=orm.Bool(True),
            metadata={"call_link_label": batch.key},
        )

    def gather(self, batch: Batch, node: orm.ProcessNode) -> tuple[orm.TrajectoryData | None, orm.Dict | None]:
        """Make the label of what the last job computed, or tell why there is none."""
        calculation = last_calculation(node)
        if calculation is None:
            return None, None
        made = label_from_vasp(**job_outputs(calculation), method=self.method_of(batch), **self.structures_of(batch))
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
) -> dict[str, Any]:
    """Return what every ``vasp.vasp`` work chain is given.

    :param job: conditions of a dynamics, and the number of configurations that are done; none: a single point.
    """
    potcars = {element: pseudopotentials[element] for element in sorted(structure.get_symbols_set())}
    links = {f"{POTCARS}{element}": node for element, node in potcars.items()}
    prepared = prepare_vasp(method, structure, *job, **links)
    family, mapping = family_of(potcars)
    resources = {"num_machines": 1, "num_mpiprocs_per_machine": 1}
    return {
        "code": code,
        **{name: prepared[name] for name in ("structure", "parameters", "kpoints", "settings")},
        "potential_family": orm.Str(family),
        "potential_mapping": orm.Dict(mapping),
        "calc": {"metadata": {"options": {"resources": resources, "withmpi": True, **options}}},
        "handler_overrides": orm.Dict({name: {"enabled": False} for name in DISABLED_HANDLERS}),
    }
