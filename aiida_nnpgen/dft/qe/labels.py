"""What pw.x computed, as labels: standard output and XML file in, frames out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from ...common.dynamics import Conditions, MdRun, Part, join_parts
from ...common.exceptions import OutputError
from ...common.frames import Frames
from ...common.types import RunEnd
from ...common.units import GPA
from ..attempts import run_end
from ..label import NO_LIMITS, LabelFailure, LabelProblem, RefusedLabelError, check_label
from ..reading import Dropped, DropReason, FileContent, Reading
from .stdout import read_error, read_qe_output
from .xml import read_qe_xml

__all__ = ["CRASH", "STDOUT", "QeRun", "count_steps", "join_run", "read_run", "read_single_point", "read_why"]

STDOUT, XML, CRASH = "aiida.out", "data-file-schema.xml", "CRASH"
"""Files of a job, as the plugin calls them."""

# eV, eV/Å, eV/Å³; of the digits in the standard output half the last one is a tenth of these.
_TOLERANCES = {"energy": 1e-6, "forces": 1e-6, "stress": 1e-3 * GPA}
_LARGEST_JUMP = 1.0  # Å; from one frame to the next
_COMES_AGAIN = (LabelFailure.NOT_CONVERGED, LabelFailure.NO_OUTPUT)  # in the next job, where a job ended with it


@dataclass(frozen=True, kw_only=True)
class QeRun:
    """What the jobs of one dynamics gave.

    :ivar frames: good frames in their order; None: not one.
    :ivar makers: number of the job of each frame, (n_frames,).
    :ivar problem: what is wrong with the frame after them; None: nothing.
    """

    frames: Frames | None
    makers: NDArray[np.int64]
    problem: LabelProblem | None


def read_single_point(folder: Path, atoms: Atoms) -> Frames:
    """Return the label of one structure.

    :param folder: with standard output and XML file, which must say the same. The former alone is enough: where pw.x
        was killed the latter may be missing, cut, or of the job before.
    :param atoms: what was to be labelled.
    :return: one frame, with the structure's own positions and cell.
    :raises OutputError: if something is missing, or the two files differ.
    :raises RefusedLabelError: with the reason, if it is whole but no label.
    """
    steps, _ = _read_steps(folder)
    if len(steps) != 1:
        raise OutputError(f"a single point has `{len(steps)}` configurations, not one: the output is of another run")
    step = _judge(steps[0], atoms, atoms.positions, 0.0)
    if isinstance(step, LabelProblem):
        raise RefusedLabelError(step.reason, step.detail)
    return _frames(atoms, [atoms.positions], [step])


def read_run(folders: Iterable[Path], atoms: Atoms) -> QeRun:
    """Return the good frames of the consecutive jobs of one dynamics, up to the first that is none.

    pw.x itself stops where the self-consistent field does not converge; the next job computes that configuration, and
    the one in which a job was cut. The stress has no kinetic part of the ions: that is printed apart.

    :param folders: of the jobs, as for :func:`read_single_point`.
    :param atoms: where the dynamics started.
    """
    good: list[Reading] = []
    makers: list[int] = []
    problem: LabelProblem | None = None
    place, limit = atoms.positions, 0.0
    for number, folder in enumerate(folders):
        problem, n_before = None, len(good)
        try:
            steps, following = _read_steps(folder)
            for step in steps:
                found = _judge(step, atoms, place, limit)
                if isinstance(found, LabelProblem):
                    problem = found
                    break
                good.append(found)
                makers.append(number)
                place, limit = found.positions, _LARGEST_JUMP
        except OutputError as exception:
            problem = LabelProblem(LabelFailure.NO_OUTPUT, str(exception))
            break
        is_last = len(good) - n_before == len(steps) - 1
        if problem is not None and not (is_last and problem.reason in _COMES_AGAIN):
            break
        if following is not None:
            place, limit = following, 0.0
    frames = _frames(atoms, [step.positions for step in good], good) if good else None
    return QeRun(frames=frames, makers=np.array(makers, dtype=np.int64), problem=problem)


def join_run(run: QeRun, conditions: Conditions, why: str) -> MdRun:
    """Return a dynamics at its stride, and how it ended.

    :param why: what is known of the last job, in case that it did not do all its steps.
    """
    done, reason = len(run.makers), None if run.problem is None else run.problem.reason
    end, message = run_end(reason), str(run.problem)
    if done >= conditions.n_frames:
        end, message = RunEnd.COMPLETED, "all steps done"
    elif reason is LabelFailure.NOT_CONVERGED:
        message = f"the self-consistent field of step {done} does not converge"
    elif end is RunEnd.INTERRUPTED:
        message = why
    rows = [] if run.frames is None else [np.flatnonzero(run.makers == number) for number in range(max(run.makers) + 1)]
    return join_parts(
        [Part(frames=run.frames[row], steps=row) for row in rows if run.frames is not None],
        timestep=conditions.timestep,
        last_step=conditions.n_frames - 1,
        stride=conditions.stride,
        end=end,
        message=message,
    )


def read_why(folder: Path) -> str | None:
    """Return what pw.x wrote as it stopped; None: nothing."""
    said = (read_error(path.read_bytes().decode(errors="replace")) for path in _files(folder, CRASH, STDOUT))
    return next(filter(None, said), None)


def count_steps(folder: Path) -> int:
    """Return how many configurations of a dynamics are complete, up to the first that is not."""
    try:
        steps, _ = _read_steps(folder)
    except OutputError:
        return 0
    return next((row for row, step in enumerate(steps) if isinstance(step, LabelProblem)), len(steps))


def _files(folder: Path, *names: str) -> list[Path]:
    return [folder / name for name in names if (folder / name).is_file()]


def _read_steps(folder: Path) -> tuple[list[Reading | LabelProblem], NDArray[np.float64] | None]:
    """Return every configuration of a job, or what is wrong with it, and the positions that were printed last.

    Numbers are those of the XML file, which has more digits, as far as that goes.

    :raises OutputError: if there are none, or the two files differ.
    """
    if not _files(folder, STDOUT):
        raise OutputError(f"pw.x left no `{STDOUT}`")
    output = read_qe_output(folder / STDOUT)
    printed, exact = _by_index(output), {}
    for path in _files(folder, XML):
        try:
            exact = _by_index(read_qe_xml(path))
        except OutputError:  # killed before it was written, or while
            continue
    return [_merge(row, printed[row], exact.get(row)) for row in sorted(printed)], output.following


def _by_index(content: FileContent) -> dict[int, Reading | Dropped]:
    found: list[Reading | Dropped] = [*content.frames, *content.dropped]
    return {item.index: item for item in found}


def _merge(row: int, printed: Reading | Dropped, exact: Reading | Dropped | None) -> Reading | LabelProblem:
    """Return the reading of the XML file if it has one that is the same, otherwise that of the standard output."""
    if isinstance(printed, Dropped):
        is_known = printed.reason in list(LabelFailure)
        return LabelProblem(LabelFailure(printed.reason) if is_known else LabelFailure.NO_OUTPUT, printed.detail)
    for name in _TOLERANCES:
        if getattr(printed, name) is None:
            return LabelProblem(LabelFailure.NO_OUTPUT, f"configuration `{row}` has no {name}: the output is cut")
    if isinstance(exact, Dropped) and exact.reason == LabelFailure.NOT_CONVERGED:
        raise OutputError(f"only one file says that configuration `{row}` has converged: the files do not match")
    if isinstance(exact, Dropped) and exact.reason == DropReason.CONTRADICTORY:
        raise OutputError(f"{exact.detail}; in configuration `{row}`, the files differ")
    if not isinstance(exact, Reading):
        return printed
    exact = replace(exact, stress=printed.stress if exact.stress is None else exact.stress)
    place = _same_place(printed.cell)
    for name, tolerance in {"numbers": 0.0, "positions": place, "cell": place, **_TOLERANCES}.items():
        ours, theirs = getattr(exact, name), getattr(printed, name)
        if np.shape(ours) != np.shape(theirs) or not np.abs(ours - theirs).max() <= tolerance:
            raise OutputError(f"the {name} of configuration `{row}` differ between the files: they do not match")
    return exact


def _same_place(cell: NDArray[np.float64]) -> float:
    """Return how far in Å equal places may be apart: six decimals of the lattice parameter are printed."""
    return 1e-6 * max(10.0, float(np.linalg.norm(cell, axis=1).max()))


def _judge(
    step: Reading | LabelProblem, atoms: Atoms, place: NDArray[np.float64], limit: float
) -> Reading | LabelProblem:
    """Return a configuration, or why it is no label; the limits of what is worth learning come later.

    :raises OutputError: if it is of another structure, or further than a limit in Å from where it should be.
    """
    if isinstance(step, LabelProblem):
        return step
    same = _same_place(step.cell)
    if not np.array_equal(step.numbers, atoms.numbers) or np.abs(step.cell - atoms.cell.array).max() > same:
        raise OutputError("atoms or cell in the output are not those of the structure: the files do not match")
    largest = float(np.linalg.norm(step.positions - place, axis=1).max(initial=0))
    if not largest <= max(limit, same):
        raise OutputError(f"an atom is `{largest:.3g}` Å from where it should be: the files do not match")
    assert step.energy is not None
    assert step.forces is not None
    return check_label(step.energy, step.forces, step.stress, len(step.numbers), NO_LIMITS) or step


def _frames(atoms: Atoms, positions: list[NDArray[np.float64]], steps: list[Reading]) -> Frames:
    names = {"energies": "energy", "forces": "forces", "stresses": "stress"}
    labels: dict[str, Any] = {name: np.array([getattr(step, key) for step in steps]) for name, key in names.items()}
    cells = np.tile(atoms.cell.array, (len(steps), 1, 1))
    return Frames(numbers=atoms.numbers, positions=np.array(positions), cells=cells, **labels)
