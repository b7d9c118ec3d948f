"""What the last job of a process left, also where somebody else's work chain runs it."""

from __future__ import annotations

from typing import Any

from aiida import orm

from ..data.lineage import CALCULATED
from .ports import optional_output

__all__ = ["job_outputs", "last_calculation"]


def last_calculation(node: orm.ProcessNode) -> orm.CalcJobNode | None:
    """Return the job that a process is, or the last one that it called."""
    if isinstance(node, orm.CalcJobNode):
        return node
    jobs = [child for child in node.called if isinstance(child, orm.CalcJobNode)]
    return max(jobs, key=lambda job: job.pk, default=None)


def job_outputs(calculation: orm.CalcJobNode, output: str = "retrieved") -> dict[str, Any]:
    """Return what the function that makes labels is told about a job: how it ended, and one of its outputs if it is."""
    facts = {
        "process": calculation.uuid,
        "exit_status": calculation.exit_status,
        "exit_message": calculation.exit_message,
    }
    node = optional_output(calculation, output)
    return {"facts": orm.Dict(facts), **({} if node is None else {CALCULATED: node})}
