"""Label with CPMD, one frame per job."""

from __future__ import annotations

from typing import Any

from aiida import orm

from ...calculations.functions.label_from_cpmd import label_from_cpmd
from ...dft.attempts import Batch
from ..ports import optional_output
from .base import LabellerWorkChain

__all__ = ["CpmdLabellerWorkChain"]


class CpmdLabellerWorkChain(LabellerWorkChain):
    """Label each frame by a job of its own; a frame that fails comes again with another optimiser."""

    NAME = "cpmd"

    @classmethod
    def calculation(cls) -> str:
        """Return the calculation that labels a frame, or runs dynamics."""
        return "nnpgen.cpmd"

    def structure_input(self, structures: dict[str, orm.StructureData]) -> dict[str, Any]:
        """Return the input with the only structure of a batch."""
        [structure] = structures.values()
        return {"structure": structure}

    def gather(self, batch: Batch, node: orm.ProcessNode) -> tuple[orm.TrajectoryData | None, orm.Dict | None]:
        """Give the label its number, or tell why there is none; a job that left no report did not do it."""
        report, calculated = (optional_output(node, name) for name in ("report", "labels"))
        if report is None:
            return None, None
        found = {} if calculated is None else {"calculated": calculated}
        made = label_from_cpmd(report, **found, **self.structures_of(batch))
        return made.get("labels"), made.get("failures")
