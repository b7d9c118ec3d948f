"""Join the runs of one dynamics whose parsers made labels of each."""

from __future__ import annotations

from typing import Any

from aiida import orm
from aiida.engine import calcfunction

from ...common.dynamics import Conditions, Part, join_parts
from ...common.types import RunEnd
from ...data.labels import run_nodes
from ...data.trajectory import trajectory_to_frames
from ...dft.attempts import run_end
from ...dft.label import LabelFailure

__all__ = ["join_runs"]


@calcfunction
def join_runs(
    structure: orm.StructureData, conditions: orm.Dict, facts: orm.Dict, **runs: orm.TrajectoryData
) -> dict[str, Any]:
    """Return the frames of all runs, each time step once, as ``labels``, and the ``report``.

    The labels of a single run are those that it made itself: for them there is the report alone.

    :param structure: start of the dynamics.
    :param conditions: of the dynamics.
    :param facts: ``reason`` (a value of :class:`~aiida_nnpgen.dft.label.LabelFailure`) and ``detail`` of what is wrong
        with the last run; both are none if it did all its steps.
    :param runs: labels of each run, with keys in the order of the runs.
    """
    nodes = [runs[key] for key in sorted(runs)]
    told = Conditions(**conditions["conditions"])
    run = join_parts(
        [Part(frames=trajectory_to_frames(node), steps=node.get_stepids()) for node in nodes],
        timestep=told.timestep,
        last_step=told.steps,
        end=run_end(LabelFailure(facts["reason"])) if facts["reason"] else RunEnd.COMPLETED,
        message=facts["detail"] or "all steps done",
    )
    made = run_nodes(run)
    return {"report": made["report"]} if len(nodes) == 1 else made
