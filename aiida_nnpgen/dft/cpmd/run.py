"""How a run of CPMD ended, and what it left: the same words for single points and dynamics."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from ...common.exceptions import OutputError
from ...common.frames import Frames
from ..label import LabelFailure, LabelProblem, RefusedLabelError
from ..text import read_text
from .checks import check_equal
from .files import read_energies
from .labels import read_single_point, salvage_steps
from .sources import STDOUT, read_sources

__all__ = ["LATEST", "LOCAL_ERRORS", "CpmdRun", "read_dynamics_run", "read_single_run"]

LATEST = "LATEST"
"""File with the name of the newest restart file; it is there as soon as there is one."""
LOCAL_ERRORS = "LocalError*.log"

_STOP = re.compile(r"PROGRAM STOPS IN SUBROUTINE\s+(.*\S)")
_UNKNOWN = re.compile(r"UNKNOWN KEYWORDS IN SECTION\s+(&\w+).*\n((?:\s*=\s.*\n)*)")
_MEMORY = re.compile(
    r"out of memory|oom-kill|bad_alloc|cannot allocate memory|allocation problem|MEMORY ALLOCATION", re.I
)


@dataclass(frozen=True, kw_only=True)
class CpmdRun:
    """What came of one run.

    :ivar frames: labelled frames in the order of the structure, or None.
    :ivar steps: time step of each frame, 0 for a single point, (n_frames,).
    :ivar problem: why frames are missing or the run is not done; None: all is well.
    :ivar interrupted: the run was cut from outside, so that the same input may succeed.
    :ivar out_of_memory: the run, or its scheduler, complained about memory.
    :ivar last_step: last time step that was finished.
    :ivar restart_step: time step of the newest restart file, as far as the other files tell; None: there is none.
    """

    problem: LabelProblem | None
    frames: Frames | None = None
    steps: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    interrupted: bool = False
    out_of_memory: bool = False
    last_step: int = 0
    restart_step: int | None = None


def read_single_run(folder: Path, atoms: Atoms) -> CpmdRun:
    """Read a single point, whatever state it is in.

    :param folder: with the files of :func:`read_single_point`, and ``LocalError*.log`` and the streams where they are.
    :param atoms: the structure that was to be labelled.
    """
    stopped = _stopped(folder)
    if stopped:
        return stopped
    try:
        frames = read_single_point(folder)
        _check_structure(frames, atoms)
        check_equal(frames.positions[0], atoms.positions, 1e-4, "positions (Å) of the structure and of the output")
    except OutputError as exception:
        return _failed(folder, exception)
    return CpmdRun(frames=frames, steps=np.zeros(1, dtype=np.int64), problem=None)


def read_dynamics_run(folder: Path, atoms: Atoms, *, first: int, total: int, store: int) -> CpmdRun:
    """Read one run of a dynamics, whatever state it is in.

    :param folder: with the files of this run alone, as for :func:`read_md`.
    :param atoms: the structure that the dynamics started from.
    :param first: step at which it began; 0 without a restart.
    :param total: step at which the dynamics is done.
    :param store: steps between two restart files.
    """
    stopped = _stopped(folder)
    if stopped:
        return stopped
    try:
        frames, steps, problems = salvage_steps(read_sources(folder))
        _check_structure(frames, atoms)
    except OutputError as exception:
        return _failed(folder, exception, _restart_step(folder, first, first, store))
    last = max([first, *read_energies(folder / "ENERGIES").values])
    # A restart file that is newer than the files tell makes a run longer than it was asked to be.
    kept = steps <= total
    problem = _problem(problems[0]) if problems else None
    finished = _is_finished(folder)
    if problem is None and last < total:
        problem = LabelProblem(LabelFailure.NO_OUTPUT, f"the run ended after step {last} of {total}")
    return CpmdRun(
        frames=frames[kept] if kept.any() else None,
        steps=steps[kept],
        problem=problem,
        interrupted=last < total and (problem is None or problem.reason is not LabelFailure.NOT_CONVERGED),
        out_of_memory=not finished and _complains_of_memory(folder),
        last_step=last,
        restart_step=_restart_step(folder, first, last, last if finished else store),
    )


def _check_structure(frames: Frames, atoms: Atoms) -> None:
    """Check that an output is of the structure.

    :raises OutputError: if species, their order or the cell differ.
    """
    if not np.array_equal(frames.numbers, atoms.numbers):
        raise OutputError("the atoms of the output are not those of the structure: files of another run")
    check_equal(
        frames.cells[:1], np.array([atoms.cell])[: len(frames)], 1e-4, "cells (Å) of the structure and the output"
    )


def _restart_step(folder: Path, first: int, last: int, store: int) -> int | None:
    """Return the step of the newest restart file: every ``store`` steps there is one, and a copy from before."""
    if not (folder / LATEST).exists():
        return None
    return max(first, last // max(store, 1) * max(store, 1))


def _stopped(folder: Path) -> CpmdRun | None:
    """Return the run if CPMD stopped with an error of its own, or skipped a part of the input."""
    text = read_text(folder / STDOUT, optional=True)
    errors = [read_text(path, optional=True) for path in sorted(folder.glob(LOCAL_ERRORS))]
    skipped = _UNKNOWN.search(text)
    if skipped:
        words = " ".join(re.sub(r"^\s*=\s*|=\s*$", " ", line) for line in skipped.group(2).splitlines()).split()
        detail = f"CPMD knows no `{' '.join(words)}` in `{skipped.group(1)}` and skipped it: correct `parameters`"
    elif errors or _STOP.search(text):
        found = _STOP.search("\n".join([text, *errors]))
        lines = [line.strip() for line in errors[0].splitlines() if line.strip()] if errors else []
        detail = f"CPMD stopped: {found.group(1) if found else (lines[-1] if lines else 'an empty LocalError file')}"
    else:
        return None
    return CpmdRun(
        problem=LabelProblem(LabelFailure.CALCULATOR, detail[:500]),
        out_of_memory=not skipped and _complains_of_memory(folder),
    )


def _failed(folder: Path, exception: OutputError, restart_step: int | None = None) -> CpmdRun:
    finished = _is_finished(folder)
    problem = _problem(exception)
    return CpmdRun(
        problem=problem,
        interrupted=not finished and problem.reason is LabelFailure.NO_OUTPUT,
        out_of_memory=not finished and _complains_of_memory(folder),
        last_step=restart_step or 0,
        restart_step=restart_step,
    )


def _problem(exception: OutputError) -> LabelProblem:
    reason = exception.reason if isinstance(exception, RefusedLabelError) else LabelFailure.NO_OUTPUT
    return LabelProblem(reason, str(exception))


def _is_finished(folder: Path) -> bool:
    text = read_text(folder / STDOUT, optional=True)
    return text.rfind("PROGRAM CPMD ENDED AT:") > text.rfind("PROGRAM CPMD STARTED AT")


def _complains_of_memory(folder: Path) -> bool:
    streams = [path for path in folder.iterdir() if path.name == STDOUT or path.suffix in (".txt", ".log")]
    return any(_MEMORY.search(read_text(path, optional=True)) for path in streams)
