"""Runs of CP2K that people have: the log, and the files beside it. Whatever CP2K writes twice is compared."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...common.exceptions import OutputError
from ...common.units import BOHR, HARTREE
from ..label import LabelFailure, RefusedLabelError
from ..reading import DropReason, FileContent, ReadFrame
from .files import Snapshot, read_cells, read_optional, read_text, read_xyz
from .head import CELL_ROUNDING, Cp2kHead, parse_head
from .log import Evaluation, parse_log

__all__ = ["check_converged", "check_copies", "read_cp2k"]

_ENERGY_ROUNDING = 6e-10  # Ha: ten decimals
_FORCE_ROUNDING = 6e-9  # Ha/bohr: eight decimals
_PLACE_ROUNDING = 6e-7  # Å: six decimals
_SAME_FORCES = 1e-5  # Ha/bohr: of one geometry that was computed twice
_SINGLE = ("ENERGY", "ENERGY_FORCE")


def read_cp2k(path: Path) -> FileContent:
    """Read a single point from the log, or the steps of a run from its file of positions.

    CP2K ends well where a field has not converged; only the log tells. Each step is found in it by its energy, to see
    that, and for the stress: the stress file holds the kinetic part of the ions, too. Forces have more digits in their
    file than in the log, which is enough where there is no such file.

    :param path: the log; the other files lie beside it under the names that CP2K gives them.
    :raises OutputError: if the log is cut, or no file has positions or forces.
    """
    log, content = parse_log(read_text(path)), FileContent()
    if not log.evaluations:
        raise OutputError("the log has no energy of Quickstep: the run was cut, or of another method")
    head = parse_head(log.head, log.ensemble)
    if head.run_type in _SINGLE:
        first, cells = log.evaluations[0], _cells(head, path.parent, content, [0])
        _add(content, 0, Snapshot(0, first.energy, tuple(head.numbers), head.positions), None, cells, [first], head)
        if first.forces is None and content.frames:
            content.notes.append("the log has no forces: print them with FORCE_EVAL/PRINT/FORCES")
        if len(log.evaluations) > 1:
            content.notes.append(f"only the first of {len(log.evaluations)} energies in the log was read")
        return content
    _read_steps(content, path.parent, log.evaluations, head)
    if content.frames and all(frame.stress is None for frame in content.frames):
        content.notes.append("the log has no stress; what a stress file holds has the kinetic part of the ions in it")
    return content


def _read_steps(content: FileContent, folder: Path, evaluations: list[Evaluation], head: Cp2kHead) -> None:
    files = {kind: folder / f"{head.project}-{kind}-1.xyz" for kind in ("pos", "frc")}
    in_file = files["frc"].is_file()
    if not files["pos"].is_file():
        raise OutputError(f"`{files['pos'].name}` with the positions is missing: give the whole folder of the run")
    if not in_file and all(item.forces is None for item in evaluations):
        raise OutputError(f"`{files['frc'].name}` with the forces is missing, and the log has none")
    content.companions += [file for file in files.values() if file.is_file()]
    positions, forces = (_snapshots(file, content) for file in files.values())
    cells = _cells(head, folder, content, positions)
    if not in_file:
        evaluations = [item for item in evaluations if item.forces is not None]
        content.notes.append(f"there is no `{files['frc'].name}`: forces are those of the log")
    for index, (step, place) in enumerate(sorted(positions.items())):
        if place.numbers != tuple(head.numbers):
            content.drop(index, DropReason.UNREADABLE, f"the atoms of step {step} are not those of the log")
        elif in_file and step not in forces:
            content.drop(index, DropReason.UNREADABLE, f"step {step} has positions but no forces")
        elif step not in cells:
            content.drop(index, DropReason.UNREADABLE, f"step {step} has no cell")
        else:
            _add(content, index, place, forces.get(step), cells, evaluations, head)


def _add(
    content: FileContent,
    index: int,
    place: Snapshot,
    force: Snapshot | None,
    cells: Mapping[int, NDArray[np.float64]],
    evaluations: list[Evaluation],
    head: Cp2kHead,
) -> None:
    """Add one step, or the reason why it cannot be used."""
    cell = cells[place.step]
    try:
        evaluation = _evaluation_of(place, force, cell, evaluations)
        check_converged(evaluation)
    except RefusedLabelError as exception:
        content.drop(index, exception.reason, str(exception))
        return
    except OutputError as exception:
        content.drop(index, DropReason.UNREADABLE, str(exception))
        return
    forces = evaluation.forces if force is None else force.values
    content.frames.append(
        ReadFrame(
            index=index,
            numbers=head.numbers,
            positions=place.values,
            cell=cell,
            periodic=head.periodic,
            energy=evaluation.energy * HARTREE,
            forces=None if forces is None else forces * HARTREE / BOHR,
            stress=evaluation.stress,
        )
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
        if not np.abs(forces - evaluation.forces).max() < _FORCE_ROUNDING:
            raise OutputError(f"forces of step {step} differ between the files: damaged")
    if evaluation.places is not None and evaluation.places.shape == place.values.shape:
        moved = (place.values - evaluation.places) @ np.linalg.inv(cell)
        if not np.abs((moved - np.round(moved)) @ cell).max() < _PLACE_ROUNDING:
            raise OutputError(f"positions of step {step} differ between the files: damaged")


def _snapshots(path: Path, content: FileContent) -> dict[int, Snapshot]:
    """Return the records of a trajectory by step; of one that was written again the last one counts."""
    text = read_optional(path)
    found = read_xyz(text)
    if len(found) < text.count(" i ="):
        content.notes.append(f"{text.count(' i =') - len(found)} steps of `{path.name}` are cut or damaged")
    return {item.step: item for item in found}


def _cells(
    head: Cp2kHead, folder: Path, content: FileContent, steps: Mapping[int, Snapshot] | list[int]
) -> dict[int, NDArray[np.float64]]:
    """Return the cell of each step in Å.

    :raises OutputError: if it moves and its file is missing, or if the file is damaged where the log is not enough.
    """
    path = folder / f"{head.project}-1.cell"
    found = {item.step: item.cell for item in read_cells(read_optional(path)) if item.fits_volume}
    if head.moves_cell:
        if not found:
            raise OutputError(f"the cell moves and `{path.name}` is missing")
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
