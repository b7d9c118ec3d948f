"""What VASP computed, as labels: ``vasprun.xml`` and ``OUTCAR`` in, frames in the order of the structure out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from ...common.exceptions import OutputError
from ...common.frames import Frames
from ...common.units import KBAR
from ..label import NO_LIMITS, LabelFailure, LabelProblem, RefusedLabelError, check_label
from ..reading import FileContent, Reading
from ..text import read_text
from .input import group_atoms
from .messages import has_ended
from .outcar import read_outcar
from .vasprun import read_vasprun

__all__ = ["OUTCAR", "VASPRUN", "VaspPart", "count_steps", "read_part", "read_single_point"]

VASPRUN, OUTCAR = "vasprun.xml", "OUTCAR"

_TOLERANCES = {"energy": 1e-6, "forces": 2e-6, "stress": 2e-5 * KBAR}  # eV, eV/Å, eV/Å³: two of the last digits printed
_SAME_PLACE = 5e-5  # Å; OUTCAR has five decimals
_SAME_CELL = 1e-6  # Å
_LARGEST_JUMP = 1.0  # Å; from one frame to the next


@dataclass(frozen=True, kw_only=True)
class VaspPart:
    """What one job of a dynamics gave.

    :ivar frames: good frames in their order, None if there are none; positions go on from those before, not wrapped.
    :ivar rows: number of each in the job, (n_frames,).
    :ivar problems: what is wrong with the others, by number.
    :ivar n_steps: number of configurations that are complete, good or not.
    """

    frames: Frames | None
    rows: NDArray[np.int64]
    problems: dict[int, LabelProblem]
    n_steps: int


def read_single_point(folder: Path, atoms: Atoms) -> Frames:
    """Return the label of one structure.

    The energy is the free energy, from which the forces derive; VASP's `energy` is extrapolated to no smearing.

    :param folder: with ``vasprun.xml`` and ``OUTCAR``, which must say the same.
    :param atoms: what was to be labelled.
    :return: one frame, with the structure's own positions, cell and order of atoms.
    :raises OutputError: if something is missing, or the two files differ.
    :raises RefusedLabelError: with the reason, if it is whole but no label.
    """
    steps = _read_steps(folder, atoms)
    if len(steps) != 1:
        raise OutputError(
            f"a single point has `{len(steps)}` configurations, not one: the output is cut or of another run"
        )
    [step] = steps
    if isinstance(step, LabelProblem):
        raise RefusedLabelError(step.reason, step.detail)
    if not has_ended(read_text(folder / OUTCAR)):
        raise OutputError("VASP did not come to its end")
    _displacement(atoms.positions, step.positions, atoms.cell.array, _SAME_PLACE)
    return _frames(atoms, [atoms.positions], [step])


def read_part(folder: Path, atoms: Atoms, last: NDArray[np.float64] | None = None) -> VaspPart:
    """Return the frames of one job of a dynamics.

    VASP goes on where a self-consistent field does not converge; such frames are left out. Its stress has no kinetic
    part of the ions: OUTCAR has that in a line of its own, `Total+kin.`.

    :param folder: with ``vasprun.xml`` and ``OUTCAR``, which must say the same as far as both go.
    :param atoms: where the dynamics started.
    :param last: positions of the last good frame of the job before, (n_atoms, 3); None: this is the first job.
    :raises OutputError: if the files are of another run, or nothing can be read.
    """
    steps = _read_steps(folder, atoms)
    good = {row: step for row, step in enumerate(steps) if not isinstance(step, LabelProblem)}
    places: list[NDArray[np.float64]] = []
    for row, step in good.items():
        before = places[-1] if places else atoms.positions if last is None else last
        is_start = last is None and row == 0
        moved = _displacement(before, step.positions, atoms.cell.array, _SAME_PLACE if is_start else _LARGEST_JUMP)
        places.append(before if is_start else before + moved)
    return VaspPart(
        frames=_frames(atoms, places, list(good.values())) if good else None,
        rows=np.array(list(good), dtype=np.int64),
        problems={row: step for row, step in enumerate(steps) if isinstance(step, LabelProblem)},
        n_steps=len(steps),
    )


def count_steps(folder: Path) -> int:
    """Return how many configurations of a dynamics are complete in both files, good or not."""
    try:
        return len(_rows(_contents(folder)))
    except OutputError:
        return 0


def _contents(folder: Path) -> tuple[FileContent, FileContent]:
    for name in (VASPRUN, OUTCAR):
        if not (folder / name).is_file() or not (folder / name).stat().st_size:
            raise OutputError(f"VASP left no `{name}`")
    return read_vasprun(folder / VASPRUN), read_outcar(folder / OUTCAR)


def _rows(contents: tuple[FileContent, FileContent]) -> list[LabelProblem | tuple[Reading, Reading]]:
    """Return for each configuration what is wrong with it in either file, or both readings of it.

    What is broken at the end was cut, and does not count.
    """
    rows = [_look_up(contents, row) for row in range(min(map(_n_steps, contents)))]
    while rows and isinstance(rows[-1], LabelProblem) and rows[-1].reason is LabelFailure.NO_OUTPUT:
        rows.pop()
    return rows


def _read_steps(folder: Path, atoms: Atoms) -> list[Reading | LabelProblem]:
    """Return what every configuration gave that is complete in both files, in the order of the structure."""
    order = group_atoms(atoms.numbers)
    back = np.argsort(order)
    steps: list[Reading | LabelProblem] = []
    for row, found in enumerate(_rows(_contents(folder))):
        if isinstance(found, LabelProblem):
            steps.append(found)
            continue
        if any(not np.array_equal(frame.numbers, atoms.numbers[order]) for frame in found):
            raise OutputError("the atoms in the output are not those of the structure: the files do not match")
        step = _merge(row, *found)
        _check_cell(step.cell, atoms)
        steps.append(_judge(_ordered(step, back)))
    return steps


def _n_steps(content: FileContent) -> int:
    indices = [frame.index for frame in content.frames] + [item.index for item in content.dropped]
    return max(indices, default=-1) + 1


def _look_up(contents: tuple[FileContent, FileContent], row: int) -> LabelProblem | tuple[Reading, Reading]:
    dropped = [item for content in contents for item in content.dropped if item.index == row]
    for item in sorted(dropped, key=lambda item: item.reason != LabelFailure.NOT_CONVERGED):
        reason = LabelFailure.NOT_CONVERGED if item.reason == LabelFailure.NOT_CONVERGED else LabelFailure.NO_OUTPUT
        return LabelProblem(reason, item.detail)
    exact, printed = ([frame for frame in content.frames if frame.index == row] for content in contents)
    if len(exact) != 1 or len(printed) != 1:
        return LabelProblem(LabelFailure.NO_OUTPUT, f"configuration `{row}` is not in both files")
    return exact[0], printed[0]


def _merge(row: int, exact: Reading, printed: Reading) -> Reading:
    """Return the reading of ``vasprun.xml``, which has more digits, after comparing it with that of ``OUTCAR``."""
    for frame in (exact, printed):
        for name in ("energy", "forces", "stress"):
            if getattr(frame, name) is None:
                raise OutputError(f"configuration `{row}` has no {name}: the output is cut or of another run")
    for name, tolerance in _TOLERANCES.items():
        ours, theirs = (np.asarray(getattr(frame, name)) for frame in (exact, printed))
        # What is not finite in the first one is judged later.
        difference = np.abs(ours - theirs)[np.isfinite(ours)].max(initial=0)
        if not difference <= tolerance:
            raise OutputError(f"the {name} of configuration `{row}` differs by `{difference:.3g}` between the files")
    _displacement(exact.positions, printed.positions, exact.cell, _SAME_PLACE)
    if np.abs(exact.cell - printed.cell).max() > _SAME_CELL:
        raise OutputError(f"the cell of configuration `{row}` differs between the files")
    return exact


def _judge(frame: Reading) -> Reading | LabelProblem:
    """Return the frame, or why it is no label; the limits of what is worth learning come later."""
    assert frame.energy is not None
    assert frame.forces is not None
    assert frame.stress is not None
    # Six NaN would pass as `no stress`, which VASP was told to compute.
    if not (np.isfinite(frame.positions).all() and np.isfinite(frame.stress).all()):
        return LabelProblem(LabelFailure.NOT_FINITE, "positions or stress hold NaN or infinity")
    problem = check_label(frame.energy, frame.forces, frame.stress, len(frame.numbers), NO_LIMITS)
    return frame if problem is None else problem


def _ordered(frame: Reading, places: NDArray[np.int64]) -> Reading:
    assert frame.forces is not None
    return replace(frame, numbers=frame.numbers[places], positions=frame.positions[places], forces=frame.forces[places])


def _check_cell(cell: NDArray[np.float64], atoms: Atoms) -> None:
    """Check that a cell is the structure's, or the opposite of it, which is right-handed."""
    if min(np.abs(cell - sign * atoms.cell.array).max() for sign in (1, -1)) > _SAME_CELL:
        raise OutputError("the cell in the output is not that of the structure: the files do not match")


def _displacement(
    first: NDArray[np.float64], second: NDArray[np.float64], cell: NDArray[np.float64], limit: float
) -> NDArray[np.float64]:
    """Return the way from one set of positions to another, lattice vectors apart.

    :raises OutputError: if an atom moves further than the limit in Å.
    """
    fractional = np.linalg.solve(cell.T, (second - first).T).T
    moved: NDArray[np.float64] = (fractional - np.round(fractional)) @ cell
    largest = float(np.linalg.norm(moved, axis=1).max(initial=0))
    if not largest <= limit:
        raise OutputError(f"an atom is `{largest:.3g}` Å from where it should be: the files do not match")
    return moved


def _frames(atoms: Atoms, places: list[NDArray[np.float64]], steps: list[Reading]) -> Frames:
    return Frames(
        numbers=atoms.numbers,
        positions=np.array(places),
        cells=np.tile(atoms.cell.array, (len(steps), 1, 1)),
        energies=np.array([step.energy for step in steps]),
        forces=np.array([step.forces for step in steps]),
        stresses=np.array([step.stress for step in steps]),
    )
