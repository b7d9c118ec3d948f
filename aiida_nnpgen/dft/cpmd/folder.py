"""Run folders of CPMD."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ...common.exceptions import OutputError, UnphysicalError
from ...common.frames import Frames
from ..label import LabelFailure
from ..reading import DropReason, FileContent, ReadFrame
from .labels import INPUT, STDOUT, read_single_point, salvage_md
from .log import parse_log, read_text

__all__ = ["read_cpmd"]

_FILES = ("GEOMETRY", "FTRAJECTORY", "TRAJECTORY", "ENERGIES", "STRESS", "CELL")


def read_cpmd(path: Path) -> FileContent:
    """Read a single point or a dynamics of CPMD.

    :param path: the standard output, under any name; the files of the run lie beside it.
    :raises OutputError: if a file is missing, damaged, or of another kind of run.
    """
    inputs = [item for item in sorted(path.parent.glob("*.inp")) + sorted(path.parent.glob("*.in")) if _is_input(item)]
    if len(inputs) > 1 and not (path.parent / INPUT).is_file():
        raise OutputError(f"{len(inputs)} inputs of CPMD lie beside `{path.name}`: leave the one of this run")
    source = path.parent / INPUT if (path.parent / INPUT).is_file() else next(iter(inputs), None)
    content = FileContent(companions=[path.parent / name for name in _FILES if (path.parent / name).is_file()])
    content.companions += [source] if source else []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / STDOUT).symlink_to(path.resolve())
        for item in [*content.companions]:
            (folder / (INPUT if item == source else item.name)).symlink_to(item.resolve())
        _read(content, folder)
    return content


def _read(content: FileContent, folder: Path) -> None:
    is_single = parse_log(read_text(folder / STDOUT)).is_single_point
    try:
        frames, problems = (read_single_point(folder), []) if is_single else salvage_md(folder)
    except UnphysicalError as exception:
        content.drop(-1, LabelFailure.NOT_CONVERGED, str(exception))
        return
    for problem in problems:
        reason = LabelFailure.NOT_CONVERGED if isinstance(problem, UnphysicalError) else DropReason.UNREADABLE
        content.drop(-1, reason, str(problem))
    content.frames += _frames(frames)


def _frames(frames: Frames) -> list[ReadFrame]:
    assert frames.energies is not None
    assert frames.forces is not None
    return [
        ReadFrame(
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


def _is_input(path: Path) -> bool:
    return "&CPMD" in path.read_bytes()[:1_000_000].decode("ascii", errors="replace").upper()
