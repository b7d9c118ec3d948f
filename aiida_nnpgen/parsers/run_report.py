"""How a molecular dynamics run ended, as a node, whatever ran it."""

from __future__ import annotations

from aiida import orm

from ..common.dynamics import MdRun

__all__ = ["run_report"]


def run_report(run: MdRun) -> orm.Dict:
    """Return how a run ended as a node."""
    return orm.Dict(
        {
            "end": run.end.value,
            "message": run.message,
            "n_frames": len(run.frames),
            "failure_time": run.failure_time,
            "last_step": int(run.steps[-1]) if len(run.steps) else 0,
        }
    )
