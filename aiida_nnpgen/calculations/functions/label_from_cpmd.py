"""Turn what a run of CPMD left into the label of a frame."""

from __future__ import annotations

from typing import Any

from aiida import orm
from aiida.engine import calcfunction

from ...data.labels import StructureLink, frame_number, label_node
from ...data.trajectory import trajectory_to_frames

__all__ = ["label_from_cpmd"]


@calcfunction
def label_from_cpmd(
    report: orm.Dict, calculated: orm.TrajectoryData | None = None, **structures: orm.StructureData
) -> dict[str, Any]:
    """Return the label of one frame as ``labels``, or why there is none as ``failures``.

    :param report: of the run that was to make it.
    :param calculated: its label, if it made one.
    :param structures: the frame, under its key.
    """
    [key] = structures
    if calculated is None or report["reason"] is not None:
        reason = {"reason": report["reason"] or "job_failed", "detail": report["detail"]}
        return {"failures": orm.Dict({key: reason | {"process": report.creator.uuid}})}
    frames = trajectory_to_frames(calculated)
    return {"labels": label_node(frames, [frame_number(key)], StructureLink.FRAME)}
