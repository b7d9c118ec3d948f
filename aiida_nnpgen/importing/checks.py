"""Which of the frames of a file can be used."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..common.bounds import far_energies, label_problem, structure_problem
from ..dft.label import LabelChecks, LabelFailure, LabelProblem, check_label
from ..dft.reading import DropReason, FileContent, Reading
from ..dft.symmetry import symmetry_forbids_forces

__all__ = ["check_frames", "check_labels", "has_stress"]

_MIN_VOLUME = 0.1  # Å³ per atom: less is no cell


def has_stress(frame: Reading) -> bool:
    """Return whether a frame has a stress that is a number."""
    return frame.stress is not None and bool(np.isfinite(frame.stress).all())


def check_frames(content: FileContent) -> list[Reading]:
    """Return the frames with numbers within bounds in a periodic cell, and drop the others."""
    good = []
    for frame in content.frames:
        if not (np.isfinite(frame.positions).all() and np.isfinite(frame.cell).all()):
            content.drop(frame.index, LabelFailure.NOT_FINITE, "positions or cell hold NaN or infinity")
            continue
        if problem := _beyond_bounds(frame):
            content.drop(frame.index, DropReason.OUT_OF_BOUNDS, f"the frame has {problem}")
            continue
        volume = abs(float(np.linalg.det(frame.cell)))
        if not frame.periodic or volume < _MIN_VOLUME * len(frame.numbers):
            detail = "the frame has no cell" if volume == 0 else "the frame is not periodic in three directions"
            if frame.periodic and volume > 0:
                detail = f"the cell of {volume:.3g} Å³ is too small for {len(frame.numbers)} atoms"
            content.drop(frame.index, DropReason.NOT_PERIODIC, detail)
        else:
            good.append(frame)
    return good


def _beyond_bounds(frame: Reading) -> str | None:
    return structure_problem(frame.numbers, frame.positions, frame.cell) or label_problem(
        len(frame.numbers), frame.energy, frame.forces, frame.stress
    )


def check_labels(content: FileContent, frames: Sequence[Reading], checks: LabelChecks) -> list[Reading]:
    """Return frames whose labels pass the checks, or that have none, and drop the others."""
    passed = _without_failures(content, frames, checks)
    labelled = [frame for frame in passed if frame.is_labelled]
    far = far_energies([frame.numbers for frame in labelled], [float(frame.energy or 0) for frame in labelled])
    outside = {id(labelled[row]) for row in far}
    for row, detail in far.items():
        content.drop(labelled[row].index, DropReason.OUT_OF_BOUNDS, detail)
    return [frame for frame in passed if id(frame) not in outside]


def _without_failures(content: FileContent, frames: Sequence[Reading], checks: LabelChecks) -> list[Reading]:
    at_rest = {frame.energy for frame in frames if frame.forces is not None and not frame.forces.any()}
    good = []
    for frame in frames:
        problem = _check(frame, checks, has_curve=len(at_rest) > 1) if frame.is_labelled else None
        if problem is None:
            good.append(frame)
        else:
            content.drop(frame.index, problem.reason, problem.detail)
    return good


def _check(frame: Reading, checks: LabelChecks, has_curve: bool) -> LabelProblem | None:
    """Return why a label is none; forces of exactly zero are one where symmetry forbids any.

    :param has_curve: the frames without forces have several energies, so that something was computed.
    """
    assert frame.energy is not None
    assert frame.forces is not None
    n_atoms = len(frame.numbers)
    is_forbidden = not frame.forces.any() and symmetry_forbids_forces(frame.numbers, frame.positions, frame.cell)
    problem = check_label(
        frame.energy, frame.forces, frame.stress, n_atoms, checks, symmetry_forbids_forces=is_forbidden
    )
    if problem is not None and problem.reason is LabelFailure.ALL_ZERO and is_forbidden and has_curve:
        return None
    return problem
