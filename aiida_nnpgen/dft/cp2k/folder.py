"""Runs of CP2K that people have: the log, and the files beside it. Whatever CP2K writes twice is compared."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...common.exceptions import OutputError
from ...common.units import BOHR, HARTREE
from ..label import LabelFailure, RefusedLabelError
from ..reading import DropReason, FileContent, Reading
from ..text import read_text
from .files import Snapshot, read_cells, read_xyz
from .head import CELL_ROUNDING, Cp2kHead, parse_head
from .log import Evaluation, parse_log

__all__ = ["check_converged", "check_copies", "read_cp2k"]

_ENERGY_ROUNDING = 6e-10  # Ha: ten decimals
_FORCE_ROUNDING = 6e-9  # Ha/bohr: eight decimals
_PLACE_ROUNDING = 6e-7  # Å: six decimals
_SAME_FORCES = 1e-5  # Ha/bohr: of one geometry that was computed twice


def read_cp2k(path: Path) -> FileContent:
    """Read a single point from the log, or the steps of a run from its file of positions.

    CP2K ends well where a field has not converged; only the log tells. Each step is found in it by its energy, to see
    that, and for the stress: the stress file holds the kinetic part of the ions, too. Forces have more digits in their
    file than in the log, which is enough where there is no such file.

    :param path: the log; the other files lie beside it under the names that CP2K gives them.
    :raises OutputError: if the log is cut, or no file has positions or forces.
    """
    log, content = parse_log(read_text(path, optional=True)), FileContent()
    if not log.evaluations:
        raise OutputError("the log has no energy of Quickstep: the run was cut, or of another method")
    head, evaluations = parse_head(log.head, log.ensemble), log.evaluations
    if head.is_single_point:
        start = Snapshot(0, evaluations[0].energy, tuple(head.numbers), head.positions)
        positions: dict[int, Snapshot] = {0: start}
        forces: dict[int, Snapshot] = {}
        if len(evaluations) > 1:
            content.notes.append(f"only the first of {len(evaluations)} energies in the log was read")
            evaluations = evaluations[:1]
    else:
        positions, forces = _trajectories(path.parent, head.project, evaluations, content)
    cells = _cells(head, path.parent, content, list(positions))
    for index, (step, place) in enumerate(sorted(positions.items())):
        try:
            content.frames.append(_frame(index, place, forces.get(step), cells.get(step), evaluations, head))
        except RefusedLabelError as exception:
            content.drop(index, exception.reason, str(exception))
        except OutputError as exception:
            content.drop(index, DropReason.UNREADABLE, str(exception))
    if content.frames and all(frame.forces is None for frame in content.frames):
        content.notes.append("the log has no forces: print them with FORCE_EVAL/PRINT/FORCES")
    if content.frames and not head.is_single_point and all(frame.stress is None for frame in content.frames):
        content.notes.append("the log has no stress; what a stress file holds has the kinetic part of the ions in it")
    return content


def _trajectories(
    folder: Path, project: str, evaluations: list[Evaluation], content: FileContent
) -> tuple[dict[int, Snapshot], dict[int, Snapshot]]:
    """Return positions and forces of each step in their files; of one that was written again the last one counts."""
    found = []
    for name in (f"{project}-pos-1.xyz", f"{project}-frc-1.xyz"):
        text = read_text(folder / name, optional=True)
        records = read_xyz(text)
        if len(records) < text.count(" i ="):
            content.notes.append(f"{text.count(' i =') - len(records)} steps of `{name}` are cut or damaged")
        found.append({item.step: item for item in records})
        if (folder / name).is_file():
            content.companions.append(folder / name)
        elif not found[1:]:
            raise OutputError(f"`{name}` with the positions is missing: give the whole folder of the run")
        elif all(item.forces is None for item in evaluations):
            raise OutputError(f"`{name}` with the forces is missing, and the log has none")
        else:
            content.notes.append(f"there is no `{name}`: forces are those of the log")
    return found[0], found[1]


def _frame(
    index: int,
    place: Snapshot,
    force: Snapshot | None,
    cell: NDArray[np.float64] | None,
    evaluations: list[Evaluation],
    head: Cp2kHead,
) -> Reading:
    if place.numbers != tuple(head.numbers):
        raise OutputError(f"the atoms of step {place.step} are not those of the log")
    if cell is None:
        raise OutputError(f"step {place.step} has no cell")
    evaluation = _evaluation_of(place, force, cell, evaluations)
    check_converged(evaluation)
    forces = evaluation.forces if force is None else force.values
    if forces is None and not head.is_single_point:
        raise OutputError(f"step {place.step} has positions but no forces")
    return Reading(
        index=index,
        numbers=head.numbers,
        positions=place.values,
        cell=cell,
        periodic=head.periodic,
        energy=evaluation.energy * HARTREE,
        forces=None if forces is None else forces * HARTREE / BOHR,
        stress=evaluation.stress,
    )


def _evaluation_of(
    place: Snapshot, force: Snapshot | None, cell: NDArray[np.float64], evaluations: list[Evaluation]
) -> Evaluation:
    """Return the evaluation with the energy of a step that agrees with its files.

    :raises OutputError: if there is none, or there are two with other forces and no file says which.
    """
    problem = OutputError(f"the log has no energy of step {place.step}: nothing says it converged")
    fitting = []
    for item in evaluations:
        if not abs(item.energy - place.energy) >= _ENERGY_ROUNDING:  # one that is not a number says what is wrong
            try:
                check_copies(item, place, force, cell)
                fitting.append(item)
            except OutputError as exception:
                problem = exception
    if not fitting:
        raise problem
    tables = [item.forces for item in fitting if item.forces is not None]
    if force is None and tables and np.ptp(tables, axis=0).max() > _SAME_FORCES:
        raise OutputError(f"the log has other forces with the energy of step {place.step}")
    return fitting[-1]


def check_converged(evaluation: Evaluation) -> None:
    """Check that the log says that the SCF converged.

    :raises RefusedLabelError: if it does not.
    """
    if not evaluation.converged:
        detail = "the SCF did not converge" if evaluation.converged is False else "nothing says that the SCF converged"
        raise RefusedLabelError(LabelFailure.NOT_CONVERGED, detail)


def check_copies(evaluation: Evaluation, place: Snapshot, force: Snapshot | None, cell: NDArray[np.float64]) -> None:
    """Compare whatever is there twice of one step.

    :param place: positions of the step; ``force``: forces in Ha/bohr, or None.
    :raises OutputError: if something is damaged or differs.
    """
    energy, step = evaluation.energy, place.step
    if evaluation.problem:
        raise OutputError(evaluation.problem)
    if evaluation.potential is not None and not abs(energy - evaluation.potential) <= 1e-10 * abs(energy):
        raise OutputError(f"the energy is `{energy}` and `{evaluation.potential}` Ha: the standard output is damaged")
    for record in (place, force or place):
        if not abs(record.energy - energy) < _ENERGY_ROUNDING or record.numbers != place.numbers:
            raise OutputError(f"energy or elements of step {step} differ between the files: damaged")
    if evaluation.forces is not None:
        forces = evaluation.forces if force is None else force.values
        if len(evaluation.forces) != len(place.numbers) or evaluation.numbers not in ((), place.numbers):
            raise OutputError(f"the table of forces does not have the atoms of step {step}")
        # Seen in 2023.1: at the last step of a geometry optimisation the file has those of another trial geometry.
        if not np.abs(forces - evaluation.forces).max() < _FORCE_ROUNDING:
            raise OutputError(f"forces of step {step} differ between log and file")
    if evaluation.places is not None and evaluation.places.shape == place.values.shape:
        moved = (place.values - evaluation.places) @ np.linalg.inv(cell)
        if not np.abs((moved - np.round(moved)) @ cell).max() < _PLACE_ROUNDING:
            raise OutputError(f"positions of step {step} differ between the files: damaged")


def _cells(head: Cp2kHead, folder: Path, content: FileContent, steps: list[int]) -> dict[int, NDArray[np.float64]]:
    """Return the cell of each step in Å.

    :raises OutputError: if it moves and its file is missing, or if the file is damaged where the log is not enough.
    """
    path = folder / f"{head.project}-1.cell"
    found = {item.step: item.cell for item in read_cells(read_text(path, optional=True)) if item.fits_volume}
    if head.moves_cell:
        if not found:
            raise OutputError(f"the cell moves and `{path.name}` is missing or damaged")
        content.companions.append(path)
        return found
    same = [cell for cell in found.values() if np.abs(cell - head.cell).max() < CELL_ROUNDING]
    if same:
        content.companions.append(path)
        return dict.fromkeys(steps, np.median(same, axis=0))  # one damaged row changes nothing
    if path.is_file() and not found and not head.cell_is_exact:
        raise OutputError(f"`{path.name}` is cut or damaged, and the log gives the cell with three decimals only")
    if found:
        content.notes.append(f"`{path.name}` has another cell than the log and is not used")
    if not head.cell_is_exact:
        content.notes.append(
            "the cell is known to three decimals only, which is an error of up to 0.0005 Å in each of its numbers: "
            f"lay `{path.name}` beside the log if you have it"
        )
    return dict.fromkeys(steps, head.cell)
