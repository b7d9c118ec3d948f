"""Whether energies follow forces and stresses from one frame to the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ...dft.reading import Reading

__all__ = ["Slopes", "compare_work"]

_MAX_STEP = 0.35  # Å, of any atom: beyond it the trapezoidal rule tells nothing
_MAX_STRAIN = 0.1  # likewise
_MIN_STRAIN = 1e-6  # less is how cells are printed
_MIN_PAIRS = 3
_MIN_CORRELATION = 0.95  # below it something else changes the energies
_MIN_SHARE = 0.1  # of the energy differences, for a work to be measured by them
_MIN_ENERGY = 1e-4  # rms of the differences, in the unit of the file: near a minimum they are those of convergence


@dataclass(frozen=True)
class Slopes:
    """Change of energy over the work of forces and of stresses: 1 where units fit, None where nothing can be said.

    :ivar pairs: neighbouring frames close enough to be compared.
    :ivar correlation: between energy differences and the work that explains them best; None: nothing to compare.
    """

    force: float | None
    stress: float | None
    pairs: int
    correlation: float | None


def compare_work(frames: Sequence[Reading], length: float = 1.0) -> Slopes:
    """Return how energy differences of neighbouring frames compare with the work between them.

    :param frames: labelled, in the units of their file.
    :param length: factor that brings positions to Å.
    """
    rows = []
    for first, second in pairwise(frames):
        if np.array_equal(first.numbers, second.numbers):
            row = _work(first, second, length)
            if row is not None:
                rows.append(row)
    table = np.array(rows).reshape(-1, 3)
    usable = np.isfinite(table).all(axis=1)
    table = table[usable]
    if len(table) < _MIN_PAIRS or np.sqrt(np.mean(table[:, 0] ** 2)) < _MIN_ENERGY:
        return Slopes(None, None, len(table), None)
    return _fit(table)


def _fit(table: NDArray[np.float64]) -> Slopes:
    """Fit energy differences with the work of forces and, where the cell changes, of stresses."""
    energy, works = table[:, 0], table[:, 1:]
    active = [column for column in (0, 1) if works[:, column].any()]
    if not active:
        return Slopes(None, None, len(table), None)
    scale = np.sqrt((works[:, active] ** 2).sum(axis=0))
    found = np.linalg.lstsq(works[:, active] / scale, energy, rcond=1e-6)[0]
    explained = works[:, active] / scale * found
    spread = float(np.sqrt((energy**2).sum()))
    correlation = float(energy @ explained.sum(axis=1)) / max(
        spread * float(np.linalg.norm(explained.sum(axis=1))), 1e-300
    )
    if correlation < _MIN_CORRELATION:
        return Slopes(None, None, len(table), correlation)
    slopes: dict[int, float | None] = {0: None, 1: None}
    for place, column in enumerate(active):
        if np.linalg.norm(explained[:, place]) > _MIN_SHARE * spread and len(table) >= _MIN_PAIRS + len(active) - 1:
            slopes[column] = float(found[place] / scale[place])
    return Slopes(slopes[0], slopes[1], len(table), correlation)


def _work(first: Reading, second: Reading, length: float) -> tuple[float, float, float] | None:
    """Return the difference of energies, the work of the forces and that of the stress; None if frames are far apart.

    The path is split into displacement at a fixed cell and strain at fixed fractional coordinates.
    """
    if first.forces is None or second.forces is None or first.energy is None or second.energy is None:
        return None
    cells = first.cell * length, second.cell * length
    strain = np.linalg.solve(cells[0], cells[1]) - np.eye(3)
    if np.abs(strain).max() > _MAX_STRAIN:
        return None
    shift = np.linalg.solve(second.cell.T, second.positions.T).T - np.linalg.solve(first.cell.T, first.positions.T).T
    step = (shift - np.round(shift)) @ ((cells[0] + cells[1]) / 2)
    if np.abs(step).max() > _MAX_STEP:
        return None
    force = -float(((first.forces + second.forces) / 2 * step).sum())
    stress = 0.0
    if np.abs(strain).max() > _MIN_STRAIN:
        if first.stress is None or second.stress is None:
            return None
        volume = (abs(np.linalg.det(cells[0])) + abs(np.linalg.det(cells[1]))) / 2
        xx, yy, zz, yz, xz, xy = (first.stress + second.stress) / 2
        tensor = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
        stress = float(volume * (tensor * (strain + strain.T) / 2).sum())
    return second.energy - first.energy, force, stress
