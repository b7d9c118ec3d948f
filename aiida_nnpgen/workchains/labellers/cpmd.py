"""Label with CPMD, one frame per job, or run dynamics with it."""

from __future__ import annotations

from typing import Any, ClassVar

from aiida import orm

from ...calculations.functions.label_from_cpmd import label_from_cpmd
from ...dft.label import LabelFailure
from ..restart.cpmd import CpmdBaseWorkChain
from .aimd import AimdWorkChain
from .base import LabellerWorkChain

__all__ = ["CpmdAimdWorkChain", "CpmdLabellerWorkChain"]


class CpmdLabellerWorkChain(LabellerWorkChain):
    """Label each frame in a work chain of its own, which changes the input where it must."""

    NAME = "cpmd"

    def start(self, key: str, structures: dict[str, orm.StructureData], method: orm.Dict) -> orm.ProcessNode:
        """Submit the work chain of one frame."""
        [structure] = structures.values()
        inputs: dict[str, Any] = {
            "code": self.inputs.code,
            "structure": structure,
            "method": method,
            "metadata": {"options": self.options(key)},
            **self.pseudopotentials(structures),
        }
        return self.submit(
            CpmdBaseWorkChain,
            cpmd=inputs,
            max_iterations=orm.Int(self.inputs.settings["max_attempts"]),
            metadata={"call_link_label": key},
        )

    def gather(self, key: str, node: orm.ProcessNode) -> tuple[orm.TrajectoryData | None, orm.Dict | None]:
        """Give the label its number, or tell why there is none; a run that left no report is nobody's verdict."""
        if "report" not in node.outputs:
            return None, None
        [frame] = self.ctx.batches[key]["frames"]
        calculated = {"calculated": node.outputs.labels} if "labels" in node.outputs else {}
        made = label_from_cpmd(node.outputs.report, **calculated, **{frame: self.inputs.structures[frame]})
        return made.get("labels"), made.get("failures")

    def _remedy(self, key: str, reason: LabelFailure, frames: list[str]) -> None:
        """Leave it at that: the work chain of the frame has tried every remedy already."""


class CpmdAimdWorkChain(AimdWorkChain):
    """Run dynamics, going on from the restart files where it was cut."""

    NAME = "cpmd"
    MAX_RUNS: ClassVar[int] = 20
    """Jobs of one dynamics: it may take many time limits, and ends before if it makes no progress."""

    def start(self) -> orm.ProcessNode:
        """Submit the work chain of the dynamics."""
        inputs: dict[str, Any] = {
            "code": self.inputs.code,
            "structure": self.inputs.structure,
            "conditions": self.inputs.conditions,
            "method": self.inputs.method,
            "pseudopotentials": dict(self.inputs.pseudopotentials),
            "metadata": {"options": self.inputs.options},
        }
        return self.submit(
            CpmdBaseWorkChain, cpmd=inputs, max_iterations=orm.Int(self.MAX_RUNS), metadata={"call_link_label": "run"}
        )
