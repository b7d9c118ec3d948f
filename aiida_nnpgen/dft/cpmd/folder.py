"""Run folders of CPMD that people have."""

from __future__ import annotations

from pathlib import Path

from ...common.exceptions import OutputError
from ...common.frames import Frames
from ..label import RefusedLabelError
from ..reading import DropReason, FileContent, Reading
from .labels import label_single_point, salvage_steps
from .log import read_log
from .sources import find_input, join_sources

__all__ = ["read_cpmd"]

_FILES = ("GEOMETRY", "FTRAJECTORY", "TRAJECTORY", "ENERGIES", "STRESS", "CELL")


def read_cpmd(path: Path) -> FileContent:
    """Read a single point or a dynamics of CPMD.

    :param path: the standard output, under any name; the files of the run lie beside it.
    :raises OutputError: if a file is missing, damaged, or of another kind of run.
    """
    log = read_log(path)
    source = find_input(path, log)
    sources = join_sources(path.parent, log, source)
    content = FileContent(companions=[path.parent / name for name in _FILES if (path.parent / name).is_file()])
    content.companions += [source] if source else []
    problems: list[OutputError] = []
    try:
        if log.is_single_point:
            frames = label_single_point(sources)
        else:
            frames, _, problems = salvage_steps(sources, needs_stress=False)
        if log.stress is not None and frames.stresses is None:
            content.notes.append("the file `STRESS` was not kept: the frames have no stress")
        content.frames += _frames(frames)
    except RefusedLabelError as exception:
        problems = [exception]
    for problem in problems:
        reason = problem.reason if isinstance(problem, RefusedLabelError) else DropReason.UNREADABLE
        content.drop(-1, reason, str(problem))
    return content


def _frames(frames: Frames) -> list[Reading]:
    assert frames.energies is not None
    assert frames.forces is not None
    return [
        Reading(
            index=row,
            numbers=frames.numbers,
            positions=frames.positions[row],
            cell=frames.cells[row],
            energy=float(frames.energies[row]),
            forces=frames.forces[row],
            stress=None if frames.stresses is None else frames.stresses[row],
        )
        for row in range(len(frames))
    ]
