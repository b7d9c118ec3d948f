"""Take the frames just before a failure as candidates."""

from __future__ import annotations

from typing import Any

from aiida import orm
from aiida.engine import calcfunction
from numpy.typing import NDArray

from ...data.arrays import has_array, read_array
from ...data.trajectory import frames_to_trajectory, read_steps, trajectory_to_frames

__all__ = ["take_last_frames"]


@calcfunction
def take_last_frames(trajectory: orm.TrajectoryData) -> dict[str, orm.Data]:
    """Return the last good frames of a probe that failed without its start, and step and deviation of each.

    Nothing if there are none.

    :param trajectory: start and last good frames.
    """
    steps = read_steps(trajectory)
    if len(steps) < 2:
        return {}
    columns: dict[str, NDArray[Any]] = {"step": steps[1:]}
    if has_array(trajectory, "deviation"):
        columns["deviation"] = read_array(trajectory, "deviation", "f", (len(steps),))[1:]
    node, deviation = frames_to_trajectory(trajectory_to_frames(trajectory)[1:], steps[1:]), orm.ArrayData()
    for name, column in columns.items():
        deviation.set_array(name, column)
    node.base.attributes.set("start", trajectory.base.attributes.get("start", ""))
    node.base.attributes.set("before_failure", True)
    return {"trajectory": node, "deviation": deviation}
