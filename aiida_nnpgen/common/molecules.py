"""Distances and bonds between atoms under periodic boundary conditions, in any cell.

A pair of atoms and its image lie at ``r_j + shift @ cell - r_i``. The image nearest in fractional coordinates is the
nearest image if it is closer than half the smallest height of the cell; where it is not, all images are listed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from ase.data import covalent_radii
from ase.neighborlist import primitive_neighbor_list
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import breadth_first_order, connected_components

from .exceptions import InputError
from .frames import Frames

__all__ = ["BOND_FACTOR", "Molecules", "bonds", "cell_heights", "image_pairs", "near_pairs"]

BOND_FACTOR = 1.25
"""Two atoms closer than this times the sum of their covalent radii (Cordero et al., 2008) are bonded."""
_PAIRS_AT_ONCE = 1_000_000


def cell_heights(cells: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the smallest distance of opposite faces of each cell in Å, (n_frames,).

    :raises InputError: if a cell has no volume or is not finite; the message names the frame.
    """
    volumes = np.abs(np.linalg.det(cells))
    if not (volumes > 0).all():
        row = int(np.argmin(volumes > 0))
        raise InputError(f"frame {row} has the volume `{volumes[row]}` Å³: periodic distances need a cell")
    return np.asarray(1.0 / np.linalg.norm(np.linalg.inv(cells), axis=1).max(axis=1))


def near_pairs(
    frames: Frames, first: NDArray[np.intp], second: NDArray[np.intp]
) -> Iterator[tuple[slice, NDArray[np.float64], NDArray[np.int64]]]:
    """Yield distances (Å) and shifts of the images nearest in fractional coordinates, some frames at a time.

    :param frames: configurations.
    :param first: index i of each pair, (n_pairs,).
    :param second: index j of each pair, (n_pairs,).
    :return: rows of the frames, distances (n_rows, n_pairs), shifts (n_rows, n_pairs, 3).
    """
    size = max(1, _PAIRS_AT_ONCE // max(1, len(first)))
    for start in range(0, len(frames), size):
        rows = slice(start, min(start + size, len(frames)))
        cells = frames.cells[rows]
        fractional = frames.positions[rows] @ np.linalg.inv(cells)
        apart = fractional[:, second] - fractional[:, first]
        shifts = -np.rint(apart)
        vectors = (apart + shifts) @ cells
        yield rows, np.sqrt((vectors**2).sum(axis=-1)), shifts.astype(np.int64)


def image_pairs(
    frames: Frames, row: int, cutoff: float | dict[tuple[int, int], float]
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64], NDArray[np.int64]]:
    """Return all pairs of a frame up to a distance, images and self-images included, each in both directions.

    :param frames: configurations.
    :param row: which one.
    :param cutoff: Å, one for all or one per pair of atomic numbers.
    :return: i, j, distances (Å), shifts.
    """
    cell, positions = frames.cells[row], frames.positions[row]
    i, j, distances, shifts = primitive_neighbor_list(
        "ijdS", (True, True, True), cell, positions, cutoff, numbers=frames.numbers, self_interaction=False
    )
    return i, j, distances, shifts


def bonds(frames: Frames, factor: float = BOND_FACTOR) -> Iterator[tuple[NDArray[np.intp], NDArray[np.int64]]]:
    """Yield the bonds of each frame: pairs of atoms with i < j, (n_bonds, 2), and shifts, (n_bonds, 3).

    A bond of an atom to its own image has i = j and is listed once.

    :param frames: configurations.
    :param factor: times the sum of covalent radii is the longest bond.
    """
    first, second = np.triu_indices(frames.n_atoms, k=1)
    radii = covalent_radii[frames.numbers]
    longest = factor * (radii[first] + radii[second])
    small = cell_heights(frames.cells) <= 4 * factor * radii.max(initial=0.0)
    for rows, distances, shifts in near_pairs(frames, first, second):
        for row, close, shift in zip(range(rows.start, rows.stop), distances <= longest, shifts, strict=True):
            if small[row]:
                yield _bonds_of_images(frames, row, factor)
            else:
                yield np.column_stack([first[close], second[close]]), shift[close]


def _bonds_of_images(frames: Frames, row: int, factor: float) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    kinds = np.unique(frames.numbers).tolist()
    cutoffs = {(a, b): factor * (covalent_radii[a] + covalent_radii[b]) for a in kinds for b in kinds}
    i, j, _, shifts = image_pairs(frames, row, cutoffs)
    sign = shifts[np.arange(len(shifts)), (shifts != 0).argmax(axis=1)]
    once = (i < j) | ((i == j) & (sign > 0))
    return np.column_stack([i[once], j[once]]), shifts[once].astype(np.int64)


@dataclass(frozen=True)
class Molecules:
    """Which atoms are connected, and which of their images.

    :ivar labels: number of the molecule of each atom, (n_atoms,).
    :ivar offsets: cell shifts that bring each atom beside the others of its molecule, (n_atoms, 3).
    :ivar endless: whether the molecule of each atom is bonded to its own image, (n_atoms,).
    """

    labels: NDArray[np.intp]
    offsets: NDArray[np.int64]
    endless: NDArray[np.bool_]

    @classmethod
    def from_bonds(cls, n_atoms: int, pairs: NDArray[np.intp], shifts: NDArray[np.int64]) -> Molecules:
        """Return the molecules that bonds make.

        :param n_atoms: number of atoms.
        :param pairs: bonded atoms, (n_bonds, 2).
        :param shifts: cell shift of the second atom of each bond, (n_bonds, 3).
        """
        ones = np.ones(len(pairs))
        graph = coo_matrix((ones, (pairs[:, 0], pairs[:, 1])), shape=(n_atoms, n_atoms)).tocsr()
        _, labels = connected_components(graph, directed=False)
        step: dict[tuple[int, int], NDArray[np.int64]] = {}
        for (i, j), shift in zip(pairs.tolist(), shifts, strict=True):
            step.setdefault((i, j), shift)
            step.setdefault((j, i), -shift)
        offsets = np.zeros((n_atoms, 3), dtype=np.int64)
        for root in np.unique(labels, return_index=True)[1]:
            order, parents = breadth_first_order(graph, root, directed=False)
            for child in order[1:].tolist():
                parent = int(parents[child])
                offsets[child] = offsets[parent] + step[parent, child]
        closed = (offsets[pairs[:, 0]] + shifts == offsets[pairs[:, 1]]).all(axis=1)
        endless = np.isin(labels, labels[pairs[~closed, 0]])
        return cls(labels=labels, offsets=offsets, endless=endless)

    def are_one(
        self, first: NDArray[np.intp], second: NDArray[np.intp], shifts: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Return whether atom i and that image of atom j belong to one molecule, (n_pairs,).

        An image of a molecule is another molecule, unless the molecule is endless: then all its images are one.

        :param first: i, (n_pairs,).
        :param second: j, (n_pairs,).
        :param shifts: of atom j, (n_pairs, 3).
        """
        beside = (self.offsets[first] + shifts == self.offsets[second]).all(axis=1)
        same = self.labels[first] == self.labels[second]
        return np.asarray(same & (beside | self.endless[first]))
