"""Whether forces can be zero by symmetry alone."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.neighborlist import neighbor_list
from numpy.typing import NDArray

from ..common.bounds import reach_within

__all__ = ["symmetry_forbids_forces"]

_REACH = 2.5  # edges of the cube that one atom has: some 60 neighbours
_STEEPNESS = 8  # so steep that any displacement changes the pull: an atom in a field of slow decay hardly feels it
_TOLERANCE = 1e-4  # of the sum of lengths, some 1e-4 Å: positions are printed with five decimals


def symmetry_forbids_forces(
    numbers: NDArray[np.int64], positions: NDArray[np.float64], cell: NDArray[np.float64]
) -> bool:
    """Return whether every atom sits where its neighbours pull equally from all sides.

    A pull that falls with distance and depends on the element stands for any interaction: it vanishes on all atoms
    where symmetry makes it, and hardly elsewhere.

    :param positions: Å, (n_atoms, 3).
    :param cell: rows are lattice vectors in Å, (3, 3), periodic in all directions.
    """
    atoms = Atoms(numbers, positions=positions, cell=cell, pbc=True)
    size = (atoms.get_volume() / len(atoms)) ** (1 / 3)
    reach = reach_within(positions, cell, _REACH * size)
    first, second, distances, vectors = neighbor_list("ijdD", atoms, reach)
    apart = distances > 0
    first, second, distances, vectors = first[apart], second[apart], distances[apart], vectors[apart]
    # The pull ends smoothly, so that a shell of neighbours at the edge is not cut into two.
    weights = (size / distances) ** _STEEPNESS * (1 - distances / reach) ** 2 * np.sqrt(numbers[second])
    pulls = weights[:, None] * vectors / distances[:, None]
    total, scale = np.zeros((len(atoms), 3)), np.zeros(len(atoms))
    np.add.at(total, first, pulls)
    np.add.at(scale, first, weights)
    return bool((np.linalg.norm(total, axis=1) <= _TOLERANCE * scale).all())
