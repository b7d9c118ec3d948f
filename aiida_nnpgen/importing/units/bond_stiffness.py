"""How stiff bonds are by the forces of a file, and how stiff they should be.

A cheap measure of the size of forces which needs no reference potential: over thermal or random displacements the
force along a covalent bond falls with its length, with about the force constant of Badger's rule.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase import Atoms
from ase.data import covalent_radii
from ase.neighborlist import neighbor_list
from numpy.typing import NDArray

from ...common.units import GPA
from ...dft.reading import ReadFrame

__all__ = ["bond_stiffness"]

_NONMETALS = [1, 5, 6, 7, 8, 9, 14, 15, 16, 17, 32, 33, 34, 35, 53]
_MDYN = 1000 * GPA
"""One mdyn/Å in eV/Å²."""
# Distance of closest approach in Å by the periods of the elements: R. M. Badger, J. Chem. Phys. 3, 710 (1935).
_BADGER = {(1, 1): 0.025, (1, 2): 0.335, (1, 3): 0.585, (1, 4): 0.65, (2, 2): 0.68, (2, 3): 0.94, (2, 4): 1.06}
_BADGER |= {(3, 3): 1.25, (3, 4): 1.4, (4, 4): 1.56}
_BADGER_FORCE = 1.86  # mdyn Å²
_PERIODS = np.searchsorted([2, 10, 18, 36, 54, 86], np.arange(119)) + 1
_MAX_FRAMES = 30
_MAX_ATOMS = 6000
_MIN_BONDS = 6
_MIN_SPREAD = 0.003  # Å
_MIN_CORRELATION = 0.4

Bonds = list[tuple[tuple[int, ...], float, float]]


def bond_stiffness(frames: Sequence[ReadFrame], length: float = 1.0) -> float | None:
    """Return the ratio of observed to expected stiffness, about 1 for forces in eV/Å; None if nothing can be said.

    :param frames: labelled.
    :param length: factor that brings positions to Å.
    """
    number = max(1, min(_MAX_FRAMES, _MAX_ATOMS // max(len(frame.numbers) for frame in frames)))
    chosen = [frames[place] for place in np.unique(np.linspace(0, len(frames) - 1, number).astype(int))]
    bonds: Bonds = [bond for frame in chosen for bond in _bonds(frame, length, by_atom=len(chosen) >= 5)]
    if not bonds:
        return None
    groups: dict[tuple[int, ...], list[tuple[float, float]]] = {}
    for key, distance, force in bonds:
        groups.setdefault(key, []).append((distance, force))
    # Bonds between the same atoms in many frames, or of the same elements in few, relative to their own mean.
    kinds: dict[tuple[int, int], list[NDArray[np.float64]]] = {}
    for key, pairs in groups.items():
        array = np.array(pairs)
        if len(array) > 2:
            kinds.setdefault((key[0], key[1]), []).append(np.c_[array - array.mean(axis=0), array[:, 0]])
    ratios = [ratio for kind, parts in kinds.items() if (ratio := _ratio(kind, np.concatenate(parts))) is not None]
    if not ratios:
        return None
    values, weights = np.array([item[0] for item in ratios]), np.array([item[1] for item in ratios])
    order = np.argsort(values)
    middle = np.searchsorted(np.cumsum(weights[order]), weights.sum() / 2)
    return float(values[order][middle])


def _ratio(kind: tuple[int, int], bonds: NDArray[np.float64]) -> tuple[float, int] | None:
    """Return ratio and number of bonds of one pair of elements, if they show a clear slope."""
    stretch, force, distance = bonds.T
    spread = float(np.sqrt(np.mean(stretch**2)))
    if len(bonds) < _MIN_BONDS or spread < _MIN_SPREAD or not np.any(force):
        return None
    correlation = float((stretch * force).mean()) / (spread * float(np.sqrt(np.mean(force**2))))
    if abs(correlation) < _MIN_CORRELATION:
        return None
    first, second = sorted(int(_PERIODS[number]) for number in kind)
    gap = max(0.2, float(np.mean(distance)) - _BADGER.get((first, second), 1.7))
    expected = _BADGER_FORCE / gap**3 * _MDYN
    return -float((stretch * force).mean()) / spread**2 / expected, len(bonds)


def _bonds(frame: ReadFrame, length: float, by_atom: bool) -> Bonds:
    """Return elements (and atoms), length, and force along each covalent bond of a frame."""
    atoms = Atoms(frame.numbers, positions=frame.positions * length, cell=frame.cell * length, pbc=True)
    radii = np.where(np.isin(frame.numbers, _NONMETALS), 1.2 * covalent_radii[frame.numbers], 0.0)
    first, second, distances, vectors = neighbor_list("ijdD", atoms, radii)
    assert frame.forces is not None
    bonded = (radii[first] > 0) & (radii[second] > 0)
    neighbours = np.bincount(first[bonded], minlength=len(frame.numbers))
    bonds: Bonds = []
    for i, j, distance, vector in zip(first[bonded], second[bonded], distances[bonded], vectors[bonded], strict=True):
        if i < j and max(neighbours[i], neighbours[j]) <= 4:
            along = float((frame.forces[j] - frame.forces[i]) @ vector) / (2 * float(distance))
            kind = tuple(sorted((int(frame.numbers[i]), int(frame.numbers[j]))))
            key = (*kind, int(i), int(j), len(frame.numbers)) if by_atom else kind
            bonds.append((key, float(distance), along))
    return bonds
