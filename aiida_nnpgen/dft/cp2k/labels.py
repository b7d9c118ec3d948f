"""Labels from the folder of a CP2K run: a batch of frames, or dynamics.

Whatever CP2K writes twice is compared. What is not there was not done; what contradicts itself has failed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...common.exceptions import OutputError, UnphysicalError
from ...common.frames import Frames
from ...common.types import RunEnd
from ...common.units import BOHR, HARTREE
from ..label import LabelFailure, LabelProblem
from .files import Snapshot, read_table, read_xyz
from .input import PROJECT, STDOUT
from .log import Cp2kLog, evaluate, parse_log, read_text

__all__ = [
    "CELLS_OUT",
    "ENERGIES_OUT",
    "FORCES_OUT",
    "POSITIONS_OUT",
    "Batch",
    "NoStepError",
    "Run",
    "out_of_memory",
    "read_batch",
    "read_md",
]

FORCES_OUT = f"{PROJECT}-frc-1.xyz"
POSITIONS_OUT = f"{PROJECT}-pos-1.xyz"
CELLS_OUT = f"{PROJECT}-1.cell"
ENERGIES_OUT = f"{PROJECT}-1.ener"
_FORCE = HARTREE / BOHR
_VOIGT = ([0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1])


class NoStepError(OutputError):
    """CP2K refused its input, or could not set up its calculation: it would do so again."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What a batch gave; a row that is in neither list was not done.

    :ivar rows: of the frames that have a label.
    :ivar frames: those, with their labels; None if there are none.
    :ivar failures: reason for each row that failed.
    :ivar message: why rows were not done, in one sentence.
    """

    rows: list[int]
    frames: Frames | None
    failures: dict[int, LabelProblem]
    message: str


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a run of dynamics gave.

    :ivar frames: good frames with their labels; None if there are none.
    :ivar steps: of each good frame.
    :ivar end: how the run ended.
    :ivar message: one sentence for the user.
    :ivar failure_time: fs, of the first unphysical step; None if there was none.
    """

    frames: Frames | None
    steps: NDArray[np.int64]
    end: RunEnd
    message: str
    failure_time: float | None = None


@dataclass(frozen=True)
class _Files:
    """The files of a run; ``n_atoms`` and ``symbols`` are those of the structure."""

    log: Cp2kLog
    symbols: tuple[str, ...]
    forces: dict[int, Snapshot]
    positions: dict[int, Snapshot]

    def has(self, step: int) -> bool:
        """Return whether a step is in all of them."""
        return step in self.log.steps and step in self.forces and step in self.positions

    def label(self, step: int) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
        """Return energy (eV), forces (eV/Å) and stress (eV/Å³) of a step.

        :raises OutputError: if copies contradict each other.
        """
        found = evaluate(self.log.steps[step], len(self.symbols))
        forces, positions = self.forces[step], self.positions[step]
        for snapshot in (forces, positions):
            if not abs(snapshot.energy - found.energy) < 6e-10 or snapshot.symbols != self.symbols:
                raise OutputError(f"energy or elements of step {step} differ between the files: damaged")
        if found.forces is not None:
            fits = np.abs(forces.values - found.forces).max() < 6e-9
            if found.symbols != self.symbols or not fits:
                raise OutputError(f"forces of step {step} differ between the files: damaged")
        if not np.isfinite(forces.values).all():
            raise UnphysicalError(f"forces of step {step} are not finite")
        stress = np.full((3, 3), np.nan) if found.stress is None else found.stress
        return found.energy * HARTREE, forces.values * _FORCE, stress[_VOIGT]


def read_batch(folder: Path, frames: Frames) -> Batch:
    """Read what a run left of :func:`~.cp2k_input.write_batch`.

    :param folder: with the standard output, trajectories of positions and forces, and cells; all may be cut.
    :param frames: those that were written, in the same order.
    :raises OutputError: if nothing can be read, or CP2K stopped before the first frame.
    """
    files = _read(folder, frames, "REFTRAJ")
    cells = read_table(_optional(folder / CELLS_OUT), 11)
    log, labels, failures = files.log, {}, {}
    for row in range(len(frames)):
        step = row + 1
        if step in log.unconverged():
            failures[row] = LabelProblem(LabelFailure.NOT_CONVERGED, f"the SCF of frame {step} did not converge")
        elif log.abort is not None and step == log.last + 1:
            failures[row] = LabelProblem(LabelFailure.CALCULATOR, log.abort)
        elif files.has(step) and step in cells:
            try:
                _check_geometry(files.positions[step], cells[step], frames, row)
                labels[row] = files.label(step)
            except OutputError as exception:
                failures[row] = LabelProblem(LabelFailure.NO_OUTPUT, f"frame {step}: {exception}")
    rows = sorted(labels)
    return Batch(
        rows=rows,
        frames=_labelled(frames[np.array(rows)], [labels[row] for row in rows]) if rows else None,
        failures=failures,
        message=_why_ended(log),
    )


def read_md(
    folder: Path, start: Frames, *, steps: int, stride: int, timestep: float, max_temperature: float = np.inf
) -> Run:
    """Read what a run left of :func:`~.cp2k_input.write_md`. A frame whose SCF did not converge is left out.

    :param folder: with the standard output, trajectories of positions and forces, and energies; all may be cut.
    :param start: the frame that was written.
    :param steps: number of steps that were asked for, with a frame every ``stride``.
    :param timestep: fs.
    :param max_temperature: K; the run is good until a step above it.
    :raises OutputError: if nothing can be read, or CP2K stopped before the first step.
    """
    files = _read(folder, start, None)
    log, thermo = files.log, read_table(_optional(folder / ENERGIES_OUT), 6)
    hot = [step for step, row in sorted(thermo.items()) if not row[2] <= max_temperature]
    last = min([*hot, steps + 1]) - 1
    labels, bad = {}, log.unconverged()
    for step in range(0, min(last, log.last) + 1, stride):
        if step in bad or not files.has(step) or step not in thermo:
            continue
        try:
            _check_motion(files, step, start, thermo[step][3])
            labels[step] = files.label(step)
        except OutputError:
            bad.add(step)
    good = sorted(labels)
    positions = np.array([files.positions[step].values for step in good]).reshape(-1, start.n_atoms, 3)
    cells = np.repeat(start.cells, len(good), axis=0)
    moved = Frames(numbers=start.numbers, positions=positions, cells=cells)
    frames = _labelled(moved, [labels[step] for step in good]) if good else None
    note = f"; {len(bad)} steps are no labels, most often for want of SCF convergence" if bad else ""
    array = np.array(good, dtype=np.int64)
    if hot:
        message = f"the temperature left all bounds at step {hot[0]}{note}"
        return Run(frames=frames, steps=array, end=RunEnd.UNPHYSICAL, message=message, failure_time=hot[0] * timestep)
    complete = log.finished and log.abort is None and log.last >= steps
    message = (
        "all steps were done" if complete else f"the run ended after step {log.last} of {steps}: {_why_ended(log)}"
    )
    end = RunEnd.COMPLETED if complete else RunEnd.INTERRUPTED
    return Run(frames=frames, steps=array, end=end, message=message + note)


def _read(folder: Path, frames: Frames, ensemble: str | None) -> _Files:
    log = parse_log(read_text(folder / STDOUT))
    if not log.ensemble and log.abort is not None:
        raise NoStepError(log.abort)
    if (log.ensemble == "REFTRAJ") != (ensemble == "REFTRAJ"):
        raise OutputError(f"`{STDOUT}` is from a run of another kind: `{log.ensemble}`")
    if log.n_atoms != frames.n_atoms:
        raise OutputError(f"`{STDOUT}` has `{log.n_atoms}` atoms, the structure `{frames.n_atoms}`")
    forces, positions = (read_xyz(_optional(folder / name), frames.n_atoms) for name in (FORCES_OUT, POSITIONS_OUT))
    return _Files(log, tuple(frames.symbols), forces, positions)


def out_of_memory(folder: Path, *names: str) -> bool:
    """Return whether the output or one of some other files say that there was not enough memory."""
    text = "".join(_optional(folder / name) for name in (STDOUT, *names)).lower()
    return any(words in text for words in ("out of memory", "out-of-memory", "cannot allocate memory", "bad_alloc"))


def _optional(path: Path) -> str:
    return path.read_bytes().decode("ascii", errors="replace") if path.is_file() else ""


def _check_geometry(positions: Snapshot, cell: NDArray[np.float64], frames: Frames, row: int) -> None:
    """Prove that a step belongs to a frame."""
    moved = np.abs(positions.values - frames.positions[row]).max()
    strained = np.abs(cell[1:10].reshape(3, 3) - frames.cells[row]).max()
    if not max(moved, strained) < 1e-9:
        raise OutputError("positions or cell are not those of the structure")


def _check_motion(files: _Files, step: int, start: Frames, potential: float) -> None:
    """Compare the second copies of positions and energy in dynamics."""
    places, positions = files.log.steps[step].places, files.positions[step]
    if places is None or places.shape != positions.values.shape:
        raise OutputError(f"the standard output has no positions of step {step}")
    moved = (positions.values - places) @ np.linalg.inv(start.cells[0])
    if not np.abs((moved - np.round(moved)) @ start.cells[0]).max() < 6e-7:
        raise OutputError(f"positions of step {step} differ between the files: damaged")
    if step == 0 and not np.abs(positions.values - start.positions[0]).max() < 1e-9:
        raise OutputError("the run did not start from the structure")
    if not abs(potential - positions.energy) < 6e-10:
        raise OutputError(f"energies of step {step} differ between the files: damaged")


def _labelled(frames: Frames, labels: list[tuple[float, NDArray[np.float64], NDArray[np.float64]]]) -> Frames:
    energies, forces, stresses = zip(*labels, strict=True)
    return Frames(
        numbers=frames.numbers,
        positions=frames.positions,
        cells=frames.cells,
        energies=np.array(energies),
        forces=np.array(forces),
        stresses=np.array(stresses),
    )


def _why_ended(log: Cp2kLog) -> str:
    if log.abort is not None:
        return log.abort
    if log.out_of_time:
        return "the time was over"
    return "its files are cut or damaged" if log.finished else "it was ended from outside"
