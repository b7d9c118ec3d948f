"""What numbers a structure and its label can have at all, and how far neighbours may be looked for.

Files come from anywhere, and one absurd number makes a search for neighbours take for ever or an overflow end in
silence. Frames are held against these bounds before anything is computed with them. They are wide: no crystal,
molecule or surface that somebody computes is near them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase.data import chemical_symbols
from numpy.typing import NDArray

__all__ = ["MAX_ATOMS", "MAX_PACKED", "far_energies", "label_problem", "reach_within", "structure_problem"]

MAX_ATOMS = 1_000_000
"""Atoms of one structure."""
MAX_PACKED = 100_000
"""Atoms of a box that is built: Packmol takes minutes for as many."""
_MAX_LENGTH = 1e3  # Å, of a lattice vector
_MIN_HEIGHT = 0.5  # Å, between two lattice planes: half of what hydrogen has under any pressure
_MAX_RATIO = 1e3  # of the longest vector to the smallest height
_MAX_POSITION = 1e6  # Å: positions may be unwrapped, and doubles then still resolve 1e-10 Å
# Whatever unit a file is in: these only keep squares and sums from overflowing.
_MAX_ENERGY = 1e10  # per atom
_MAX_FORCE = 1e8
_MAX_STRESS = 1e10
_MAX_SPREAD = 20.0  # eV per atom from the median of the same composition: more than bonds and cores in contact make
_MIN_FRAMES = 3  # of one composition: of two nobody can say which is wrong
_MAX_PAIRS = 1e7  # of one search for neighbours: some seconds, some hundred MB
_BIN = 2.0  # Å


def structure_problem(
    numbers: NDArray[np.int64], positions: NDArray[np.float64], cell: NDArray[np.float64]
) -> str | None:
    """Return what no structure has, to be read after "it has"; None if all is within bounds.

    A cell without volume is not judged: whoever needs one asks for it.

    :param numbers: atomic numbers, (n_atoms,).
    :param positions: Å, (n_atoms, 3).
    :param cell: rows are lattice vectors in Å, (3, 3).
    """
    if len(numbers) > MAX_ATOMS:
        return f"{len(numbers)} atoms, more than {MAX_ATOMS}"
    foreign = (numbers < 1) | (numbers >= len(chemical_symbols))
    if foreign.any():
        return f"an atom of no element (atomic number {numbers[foreign][0]})"
    if not (np.isfinite(positions).all() and np.isfinite(cell).all()):
        return "positions or lattice vectors that are no numbers"
    farthest = float(np.abs(positions).max(initial=0.0))
    if farthest > _MAX_POSITION:
        return f"an atom at {farthest:.3g} Å, beyond {_MAX_POSITION:g} Å"
    # The largest component first: squares of huge ones would overflow.
    longest = float(np.abs(cell).max())
    if longest <= _MAX_LENGTH:
        longest = float(np.linalg.norm(cell, axis=1).max())
    if longest > _MAX_LENGTH:
        return f"a lattice vector of {longest:.3g} Å, longer than {_MAX_LENGTH:g} Å"
    return _flatness(cell, longest)


def _flatness(cell: NDArray[np.float64], longest: float) -> str | None:
    """Return how flat a cell is if it is too flat; neighbours lie in as many images as it is flat."""
    volume = abs(float(np.linalg.det(cell)))
    if volume == 0:
        return None
    faces = np.linalg.norm([np.cross(cell[1], cell[2]), np.cross(cell[2], cell[0]), np.cross(cell[0], cell[1])], axis=1)
    height = volume / float(faces.max())
    lowest = max(_MIN_HEIGHT, longest / _MAX_RATIO)
    return None if height >= lowest else f"a cell with lattice planes {height:.3g} Å apart, below {lowest:g} Å"


def label_problem(
    n_atoms: int,
    energy: float | None,
    forces: NDArray[np.float64] | None,
    stress: NDArray[np.float64] | None,
) -> str | None:
    """Return which label is beyond any, to be read after "it has"; None if all is within bounds, or is no number.

    :param energy: of the frame; None: there is none. In whatever unit, as the others.
    """
    for name, value, limit in (
        ("an energy per atom", None if energy is None else energy / max(n_atoms, 1), _MAX_ENERGY),
        ("a force", forces, _MAX_FORCE),
        ("a stress", stress, _MAX_STRESS),
    ):
        if value is None:
            continue
        sizes = np.abs(np.asarray(value, dtype=np.float64))
        largest = float(sizes[np.isfinite(sizes)].max(initial=0.0))
        if largest > limit:
            return f"{name} of {largest:.3g}, beyond {limit:g}"
    return None


def far_energies(numbers: Sequence[NDArray[np.int64]], energies: Sequence[float]) -> dict[int, str]:
    """Return, per frame, how far its energy lies from those of the same composition, where that is too far.

    A damaged digit of an energy passes every other check, and outweighs a thousand good frames in a training.

    :param numbers: atomic numbers of each frame, in any order.
    :param energies: eV.
    """
    groups: dict[bytes, list[int]] = {}
    for row, atoms in enumerate(numbers):
        groups.setdefault(np.sort(atoms).tobytes(), []).append(row)
    far = {}
    for rows in groups.values():
        if len(rows) < _MIN_FRAMES:
            continue
        middle = float(np.median([energies[row] for row in rows]))
        for row in rows:
            distance = (energies[row] - middle) / len(numbers[row])
            if abs(distance) > _MAX_SPREAD:
                far[row] = (
                    f"its energy is {distance:.3g} eV per atom away from the median of the {len(rows)} frames "
                    f"of its composition, more than {_MAX_SPREAD:g}"
                )
    return far


def reach_within(positions: NDArray[np.float64], cell: NDArray[np.float64], reach: float) -> float:
    """Return how far neighbours can be looked for in bounded time and memory, at most ``reach``.

    Where all atoms crowd in a corner of a large cell, the mean density tells nothing: the densest spot counts.

    :param positions: Å, (n_atoms, 3).
    :param cell: of some volume, within the bounds above.
    """
    volume = abs(float(np.linalg.det(cell)))
    fractional = np.linalg.solve(cell.T, positions.T).T
    heights = 1 / np.linalg.norm(np.linalg.inv(cell), axis=0)
    bins = np.maximum(heights / _BIN, 1).astype(np.int64)
    places = np.minimum((fractional - np.floor(fractional)) * bins, bins - 1).astype(np.int64)
    crowd = np.unique(np.ravel_multi_index(tuple(places.T), tuple(bins.tolist())), return_counts=True)[1].max()
    density = float(crowd) * float(np.prod(bins)) / volume
    sphere = _MAX_PAIRS / (len(positions) * density)
    return min(reach, float((sphere * 3 / (4 * np.pi)) ** (1 / 3)))
