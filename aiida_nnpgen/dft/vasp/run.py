"""A dynamics of VASP in several jobs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ase import Atoms

from ...common.dynamics import Conditions, MdRun, Part, join_parts
from ...common.exceptions import OutputError
from ...common.types import RunEnd
from ..attempts import run_end
from ..label import LabelProblem
from .labels import VaspPart, read_part

__all__ = ["join_run", "read_run"]


def read_run(folders: Iterable[Path], atoms: Atoms) -> tuple[list[VaspPart], OutputError | None]:
    """Return what consecutive jobs gave, up to the first that cannot be read, and why that is.

    :param folders: of the jobs in their order.
    :param atoms: where the dynamics started.
    """
    parts: list[VaspPart] = []
    last = None
    for folder in folders:
        try:
            # Only a first job starts at the structure.
            parts.append(read_part(folder, atoms, atoms.positions if last is None and parts else last))
        except OutputError as exception:
            return parts, exception
        frames = parts[-1].frames
        last = last if frames is None else frames.positions[-1]
    return parts, None


def join_run(parts: list[VaspPart], conditions: Conditions, why: LabelProblem) -> MdRun:
    """Return a dynamics at its stride, and how it ended.

    :param why: what is known of the last job, in case that it did not do all its steps.
    """
    joined, done = [], 0
    for part in parts:
        problems = {done + row: item.reason.value for row, item in part.problems.items()}
        joined.append(Part(frames=part.frames, steps=done + part.rows, problems=problems))
        done += part.n_steps
    is_complete = done >= conditions.n_frames
    return join_parts(
        joined,
        timestep=conditions.timestep,
        last_step=conditions.n_frames - 1,
        stride=conditions.stride,
        end=RunEnd.COMPLETED if is_complete else run_end(why.reason),
        message="all steps done" if is_complete else str(why),
    )
