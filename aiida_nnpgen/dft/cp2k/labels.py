"""Labels from the folder of a job: a batch of frames, or dynamics.

What is not there was not done; what contradicts itself has failed.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ...common.dynamics import Conditions, MdRun
from ...common.exceptions import OutputError, UnphysicalError
from ...common.frames import Frames
from ...common.types import RunEnd
from ...common.units import BOHR, HARTREE
from ..label import LabelFailure, LabelProblem
from ..text import read_text
from .files import CellRecord, Snapshot, read_cells, read_table, read_xyz
from .folder import check_converged, check_copies
from .input import PROJECT, STDOUT
from .log import Cp2kLog, parse_log

__all__ = ["BATCH_FILES", "MD_FILES", "Batch", "NoStepError", "out_of_memory", "read_batch", "read_md"]

_FORCES, _POSITIONS = f"{PROJECT}-frc-1.xyz", f"{PROJECT}-pos-1.xyz"
_CELLS, _ENERGIES = f"{PROJECT}-1.cell", f"{PROJECT}-1.ener"
BATCH_FILES = (_FORCES, _POSITIONS, _CELLS)
"""What a batch must leave beside its standard output; ``MD_FILES``: what dynamics must."""
MD_FILES = (_FORCES, _POSITIONS, _ENERGIES)

Label = tuple[float, NDArray[np.float64], NDArray[np.float64]]
Record = TypeVar("Record")


class NoStepError(OutputError):
    """CP2K refused its input, or could not set up its calculation: it would do so again."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What a batch gave; a row that is in neither list was not done.

    :ivar rows: of the frames that have a label.
    :ivar frames: those, with their labels.
    :ivar failures: reason for each row that failed.
    :ivar message: why rows were not done, in one sentence.
    """

    rows: list[int]
    frames: Frames
    failures: dict[int, LabelProblem]
    message: str


@dataclass(frozen=True)
class _Files:
    """The files of a run; ``numbers`` are those of the structure."""

    log: Cp2kLog
    numbers: tuple[int, ...]
    forces: dict[int, Snapshot]
    positions: dict[int, Snapshot]

    def has(self, step: int) -> bool:
        """Return whether a step is in all of them."""
        return step in self.log.steps and step in self.forces and step in self.positions

    def label(self, step: int, cell: NDArray[np.float64]) -> Label:
        """Return energy (eV), forces (eV/Å) and stress (eV/Å³) of a step.

        :raises OutputError: if copies are missing or contradict each other.
        """
        found, forces, positions = self.log.steps[step], self.forces[step], self.positions[step]
        if len(found) != 1 or found[0].potential is None:
            raise OutputError(f"there are {len(found)} energies of one step: the standard output is damaged")
        [evaluation] = found
        check_converged(evaluation)
        check_copies(evaluation, positions, forces, cell)
        if evaluation.forces is None or evaluation.stress is None:
            raise OutputError(f"the standard output has no forces or no stress of step {step}: damaged")
        if positions.numbers != self.numbers:
            raise OutputError(f"the elements of step {step} are not those of the structure")
        if not np.isfinite(forces.values).all():
            raise UnphysicalError(f"forces of step {step} are not finite")
        return evaluation.energy * HARTREE, forces.values * HARTREE / BOHR, evaluation.stress


def read_batch(folder: Path, frames: Frames) -> Batch:
    """Read what a run left of :func:`~.input.write_batch`.

    :param folder: with the standard output, trajectories of positions and forces, and cells; all may be cut.
    :param frames: those that were written, in the same order.
    :raises OutputError: if nothing can be read, or CP2K stopped before the first frame.
    """
    files = _read(folder, frames, is_batch=True)
    cells = _once([(item.step, item) for item in read_cells(read_text(folder / _CELLS, optional=True))])
    log, labels, failures = files.log, {}, {}
    for row in range(len(frames)):
        step = row + 1
        if step in log.unconverged:
            failures[row] = LabelProblem(LabelFailure.NOT_CONVERGED, f"the SCF of frame {step} did not converge")
        elif log.abort is not None and step == log.last + 1:
            failures[row] = LabelProblem(LabelFailure.CALCULATOR, log.abort)
        elif files.has(step) and step in cells:
            try:
                label = files.label(step, frames.cells[row])
                _check_geometry(files.positions[step], cells[step], frames[[row]])
                labels[row] = label
            except OutputError as exception:
                failures[row] = LabelProblem(LabelFailure.NO_OUTPUT, f"frame {step}: {exception}")
    rows = sorted(labels)
    labelled = _labelled(frames[np.array(rows)], [labels[row] for row in rows])
    return Batch(rows=rows, frames=labelled, failures=failures, message=_why_ended(log))


def read_md(folder: Path, start: Frames, conditions: Conditions) -> MdRun:
    """Read what a run left of :func:`~.input.write_md`. A frame whose SCF did not converge is left out.

    :param folder: with the standard output, trajectories of positions and forces, and energies; all may be cut.
    :param start: the frame that was written.
    :param conditions: those that were written.
    :raises OutputError: if nothing can be read, or CP2K stopped before the first step.
    """
    files = _read(folder, start, is_batch=False)
    log, thermo = files.log, _once(read_table(read_text(folder / _ENERGIES, optional=True), 6))
    hot = [step for step, row in sorted(thermo.items()) if not row[2] <= conditions.max_temperature]
    last = min([*hot, conditions.steps + 1]) - 1
    labels, bad = {}, set(log.unconverged)
    for step in range(0, min(last, log.last) + 1, conditions.stride):
        if step in bad or not files.has(step) or step not in thermo:
            continue
        try:
            label = files.label(step, start.cells[0])
            _check_motion(files, step, start, thermo[step][3])
            labels[step] = label
        except OutputError:
            bad.add(step)
    good = sorted(labels)
    positions = np.array([files.positions[step].values for step in good]).reshape(-1, start.n_atoms, 3)
    moved = Frames(numbers=start.numbers, positions=positions, cells=np.repeat(start.cells, len(good), axis=0))
    end, message = RunEnd.COMPLETED, "all steps were done"
    if hot:
        end, message = RunEnd.UNPHYSICAL, f"the temperature left all bounds at step {hot[0]}"
    elif not log.finished or log.abort is not None or log.last < conditions.steps:
        message = f"the run ended after step {log.last} of {conditions.steps}: {_why_ended(log)}"
        end = RunEnd.INTERRUPTED
    note = f"; {len(bad)} steps are no labels, most often for want of SCF convergence" if bad else ""
    return MdRun(
        frames=_labelled(moved, [labels[step] for step in good]),
        steps=np.array(good, dtype=np.int64),
        end=end,
        message=message + note,
        failure_time=hot[0] * conditions.timestep if hot else None,
    )


def _read(folder: Path, frames: Frames, *, is_batch: bool) -> _Files:
    log = parse_log(read_text(folder / STDOUT, optional=True))
    if not log.ensemble and log.abort is not None:
        raise NoStepError(log.abort)
    if (log.ensemble == "REFTRAJ") != is_batch:
        raise OutputError(f"`{STDOUT}` is from a run of another kind: `{log.ensemble}`")
    if log.n_atoms != frames.n_atoms:
        raise OutputError(f"`{STDOUT}` has `{log.n_atoms}` atoms, the structure `{frames.n_atoms}`")
    forces, positions = (
        _once([(item.step, item) for item in read_xyz(read_text(folder / name, optional=True))])
        for name in (_FORCES, _POSITIONS)
    )
    return _Files(log, tuple(frames.numbers), forces, positions)


def _once(records: list[tuple[int, Record]]) -> dict[int, Record]:
    """Return records by step; a step that is there twice, which a new run never writes, is not among them."""
    count = Counter(step for step, _ in records)
    return {step: record for step, record in records if count[step] == 1}


def out_of_memory(folder: Path, *names: str) -> bool:
    """Return whether the output or one of some other files say that there was not enough memory."""
    text = "".join(read_text(folder / name, optional=True) for name in (STDOUT, *names)).lower()
    return any(words in text for words in ("out of memory", "out-of-memory", "cannot allocate memory", "bad_alloc"))


def _check_geometry(positions: Snapshot, cell: CellRecord, frame: Frames) -> None:
    """Prove that a step belongs to a frame."""
    moved, strained = np.abs(positions.values - frame.positions).max(), np.abs(cell.cell - frame.cells).max()
    if not max(moved, strained) < 1e-9 or not cell.fits_volume:
        raise OutputError("positions or cell are not those of the structure")


def _check_motion(files: _Files, step: int, start: Frames, potential: float) -> None:
    """Check the start, and that the second copies of positions and energy, which dynamics has, are there."""
    positions, [evaluation] = files.positions[step], files.log.steps[step]
    if evaluation.places is None or evaluation.places.shape != positions.values.shape:
        raise OutputError(f"the standard output has no positions of step {step}")
    if step == 0 and not np.abs(positions.values - start.positions).max() < 1e-9:
        raise OutputError("the run did not start from the structure")
    if not abs(potential - positions.energy) < 6e-10:
        raise OutputError(f"energies of step {step} differ between the files: damaged")


def _labelled(frames: Frames, labels: list[Label]) -> Frames:
    return replace(
        frames,
        energies=np.array([energy for energy, _, _ in labels]),
        forces=np.array([forces for _, forces, _ in labels]).reshape(frames.positions.shape),
        stresses=np.array([stress for _, _, stress in labels]).reshape(-1, 6),
    )


def _why_ended(log: Cp2kLog) -> str:
    if log.abort is not None:
        return log.abort
    if log.out_of_time:
        return "the time was over"
    return "its files are cut or damaged" if log.finished else "it was ended from outside"
