"""A structure in boxes of several volumes, with its molecules as they are."""

from __future__ import annotations

import numpy as np
from ase.data import atomic_masses
from numpy.typing import ArrayLike, NDArray
from scipy.sparse.csgraph import breadth_first_order, minimum_spanning_tree
from scipy.spatial.distance import squareform

from ..common.exceptions import InputError
from ..common.frames import Frames
from .checks import check_finite

__all__ = ["volume_scan"]

_RING = 1.1  # a bond to an own image may be that much longer than the longest other one


def volume_scan(frame: Frames, ratios: ArrayLike, molecules: ArrayLike | None = None) -> Frames:
    """Return a structure in boxes of other volumes and equal shape.

    :param frame: one configuration.
    :param ratios: volume of each box over that of the frame, (n_volumes,).
    :param molecules: index of the molecule of each atom, (n_atoms,): then molecules stay rigid, and their centres of
        mass move with the box. None: the atoms do. A molecule that lies across the boundary is made whole first: its
        atoms are joined, each to one that is near.
    :raises InputError: if there is not one frame, a ratio is not positive, or a molecule reaches through the box.
    """
    if len(frame) != 1:
        raise InputError(f"a scan of volumes starts from one frame, not from {len(frame)}")
    factors = check_finite(ratios, "ratios", "point")
    if factors.ndim != 1 or factors.min() <= 0:
        raise InputError(f"`ratios` must be one row of positive numbers, not `{factors}`")
    if frame.volumes[0] <= 0:
        raise InputError("the frame has no volume: a scan needs a cell")
    scales = np.cbrt(factors)[:, None, None]
    positions, centres = frame.positions[0], frame.positions[0]
    if molecules is not None:
        positions, centres = _molecules(frame, molecules)
    return Frames(
        numbers=frame.numbers, positions=positions - centres + scales * centres, cells=frame.cells[0] * scales
    )


def _molecules(frame: Frames, molecules: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return positions of whole molecules, and for each atom the centre of mass of its own."""
    labels = np.asarray(molecules)
    if labels.shape != (frame.n_atoms,):
        raise InputError(f"`molecules` has shape {labels.shape}, expected one index per atom, ({frame.n_atoms},)")
    positions, masses = frame.positions[0].copy(), atomic_masses[frame.numbers]
    centres = np.empty_like(positions)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        try:
            positions[members] = _whole(positions[members], frame.cells[0])
        except InputError as exception:
            raise InputError(f"molecule `{label}` {exception}") from exception
        centres[members] = np.average(positions[members], axis=0, weights=masses[members])
    return positions, centres


def _whole(positions: NDArray[np.float64], cell: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the atoms of a molecule side by side: each beside the one to which the shortest tree joins it."""
    first, second = np.triu_indices(len(positions), 1)
    inverse = np.linalg.inv(cell)
    apart = (positions[second] - positions[first]) @ inverse
    vectors = (apart - np.rint(apart)) @ cell
    lengths = np.linalg.norm(vectors, axis=1)
    tree = minimum_spanning_tree(squareform(lengths))
    order, parents = breadth_first_order(tree, 0, directed=False)
    whole = positions.copy()
    for child in order[1:].tolist():
        parent = int(parents[child])
        apart = (positions[child] - positions[parent]) @ inverse
        whole[child] = whole[parent] + (apart - np.rint(apart)) @ cell
    bonded = lengths <= _RING * tree.data.max(initial=0.0)
    if not np.allclose((whole[second] - whole[first])[bonded], vectors[bonded], atol=1e-6):
        raise InputError("is joined to its own image: it cannot stay rigid in another box; scale the atoms instead")
    return whole
