"""Run molecular dynamics in ASE in the folder of a job, and read what it has left so far.

The start structure is the first frame of ``frames.npz``. Each good frame is appended to ``trajectory.bin`` as it
comes, so a killed job keeps them. Started again in its folder, a job runs from the beginning.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import BaseCalculator
from numpy.typing import NDArray

from ..common.dynamics import Conditions, MdRun
from ..common.exceptions import InputError, OutputError
from ..common.files import read_object
from ..common.types import RunEnd
from ..samplers.ase.md import MdFrame, assemble_run, run_md
from ..samplers.ase.trajectory import append_frame, read_frames
from .files import RESULT, write_result
from .files import read_frames as read_inputs

__all__ = ["FILES", "TRAJECTORY", "read_run", "run"]

TRAJECTORY = "trajectory.bin"
FILES = (TRAJECTORY, RESULT)
"""What :func:`read_run` needs."""
_ENDS = [end.value for end in RunEnd]
_SHAPE = {"end": str, "message": str, "failure_time": (float, None), "frames": int}


def run(
    folder: Path,
    calculator: BaseCalculator,
    conditions: Conditions,
    seed: int,
    deviation: Callable[[Atoms], float] | None = None,
    cutoff: float | None = None,
) -> None:
    """Run the dynamics and leave trajectory and result in the folder; see :func:`~..samplers.ase.md.run_md`.

    :raises InputError: if the conditions ask for what cannot be done, or there is no start structure.
    :raises OutputError: if the start structure itself cannot be evaluated.
    """
    parts = read_inputs(folder, "frames")
    if not (parts and len(parts[0])):
        raise InputError("the start structure `frames.npz` is missing or empty")
    start = parts[0][:1].without_labels().to_atoms()[0]
    with (folder / TRAJECTORY).open("wb") as handle:
        done = run_md(
            start,
            calculator,
            conditions,
            seed,
            on_frame=lambda frame: append_frame(handle, frame),
            deviation=deviation,
            cutoff=cutoff,
        )
    report = done.report()
    values = {"end": report.end.value, "message": report.message, "failure_time": report.failure_time}
    write_result(folder, values | {"frames": report.n_frames})


def read_run(folder: Path, numbers: NDArray[np.int64], conditions: Conditions) -> MdRun:
    """Return the good part of the run that a job has left so far.

    Where there is no readable ``result.json`` the job was killed: the run ends as interrupted, with the frames written
    by then. Frames that are damaged end it in the same way.

    :param numbers: atomic numbers of the start structure.
    :param conditions: those that the job was given.
    :raises OutputError: if there is no frame, unless the run itself failed at the first, or a file is not what it
        should be.
    """
    frames = _read_frames(folder / TRAJECTORY, len(numbers), conditions)
    message = f"the job ended before its last step, {len(frames)} frames were written"
    try:
        result = _read_result(folder)
    except OutputError as exception:
        result, message = None, str(exception)
    if result is not None and len(frames) == result["frames"]:
        return assemble_run(numbers, frames, RunEnd(result["end"]), result["message"], result["failure_time"])
    if result is not None:
        message = f"`{TRAJECTORY}` is damaged: {len(frames)} of its {result['frames']} frames can be read"
    if not frames:
        raise OutputError(message)
    return assemble_run(numbers, frames, RunEnd.INTERRUPTED, message, None)


def _read_frames(path: Path, n_atoms: int, conditions: Conditions) -> list[MdFrame]:
    try:
        return read_frames(path, n_atoms, conditions)
    except OSError as exception:
        raise OutputError(f"`{path.name}` cannot be read: {type(exception).__name__}: {exception}") from exception


def _read_result(folder: Path) -> dict[str, Any] | None:
    """Return how a job says that its run ended; None if it has not."""
    if not (folder / RESULT).exists():
        return None
    result = read_object(folder / RESULT, _SHAPE)
    if result["end"] not in _ENDS:
        raise OutputError(f"`{RESULT}` is damaged: there is no end `{result['end']}`")
    return result
