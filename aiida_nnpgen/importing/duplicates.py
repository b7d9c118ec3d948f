"""Frames that are there more than once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ..dft.reading import ReadFrame

__all__ = ["TOLERANCE", "find_duplicates"]

TOLERANCE = 1e-4
"""Å, of positions and cell vectors: more than any file rounds, less than any step of dynamics."""


def find_duplicates(frames: Sequence[ReadFrame], ranks: Sequence[int], tolerance: float = TOLERANCE) -> dict[int, int]:
    """Return, per frame that equals another one, the one to keep.

    Equal are frames with the same species in the same order, the same cell, and positions that differ by no more than
    the tolerance and lattice vectors.

    :param frames: all with a cell of some volume.
    :param ranks: of equal frames that with the lowest rank is kept, and the first one among those.
    :param tolerance: Å.
    """
    groups: dict[bytes, list[int]] = {}
    for place, frame in enumerate(frames):
        groups.setdefault(frame.numbers.tobytes(), []).append(place)
    kept: dict[int, int] = {}
    for places in groups.values():
        if len(places) > 1:
            ordered = sorted(places, key=lambda place: (ranks[place], place))
            kept.update(_within([frames[place] for place in ordered], ordered, tolerance))
    return kept


def _within(frames: Sequence[ReadFrame], places: Sequence[int], tolerance: float) -> dict[int, int]:
    """Return duplicates among frames of one composition, in the order of their rank.

    Sums of waves over the atoms do not change with lattice vectors and hardly with the tolerance, so that only frames
    with about the same sums need to be compared.
    """
    n_atoms = len(frames[0].numbers)
    weights = np.random.default_rng(0).normal(size=n_atoms)
    weights /= np.linalg.norm(weights)
    cells = np.array([frame.cell for frame in frames])
    fractional = np.array([np.linalg.solve(frame.cell.T, frame.positions.T).T for frame in frames])
    waves = np.einsum("a,fac->fc", weights, np.exp(2j * np.pi * fractional))
    keys = np.concatenate([cells.reshape(-1, 9), waves.real, waves.imag], axis=1)
    # A displacement by the tolerance moves a fractional coordinate by tolerance over the distance of lattice planes.
    planes = 1 / np.linalg.norm(np.linalg.inv(cells), axis=1).max()
    radius = 3 * tolerance + 2 * np.pi * np.sqrt(3 * n_atoms) * tolerance / planes
    kept: dict[int, int] = {}
    for first, second in sorted(cKDTree(keys).query_pairs(radius)):
        if first not in kept and second not in kept:
            shift: NDArray[np.float64] = fractional[second] - fractional[first]
            apart = np.abs((shift - np.round(shift)) @ cells[first]).max()
            if max(apart, np.abs(cells[second] - cells[first]).max()) <= tolerance:
                kept[second] = first
    return {places[second]: places[first] for second, first in kept.items()}
