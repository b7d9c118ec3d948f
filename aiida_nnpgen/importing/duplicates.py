"""Frames that are there more than once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..common.duplicates import find_twins
from ..dft.reading import Reading

__all__ = ["TOLERANCE", "find_duplicates"]

TOLERANCE = 1e-4
"""Å, of positions and cell vectors: more than any file rounds, less than any step of dynamics."""


def find_duplicates(frames: Sequence[Reading], ranks: Sequence[int], tolerance: float = TOLERANCE) -> dict[int, int]:
    """Return, per frame that equals another one, the one to keep.

    Equal are frames with the same species in the same order, the same cell, and positions that differ by no more than
    the tolerance and lattice vectors. Time grows with the number of frames, however many of them are equal.

    :param frames: all with a cell of some volume.
    :param ranks: of equal frames that with the lowest rank is kept, and the first one among those.
    :param tolerance: Å.
    """
    groups: dict[bytes, list[int]] = {}
    for row, frame in enumerate(frames):
        groups.setdefault(frame.numbers.tobytes(), []).append(row)
    kept: dict[int, int] = {}
    for rows in groups.values():
        if len(rows) > 1:
            ordered = sorted(rows, key=lambda row: (ranks[row], row))
            twins = _within([frames[row] for row in ordered], tolerance)
            kept.update({ordered[second]: ordered[first] for second, first in twins.items()})
    return kept


def _within(frames: Sequence[Reading], tolerance: float) -> dict[int, int]:
    """Return duplicates among frames of one composition, in the order of their rank."""
    cells = np.array([frame.cell for frame in frames])
    positions = np.array([frame.positions for frame in frames])
    fractional = np.linalg.solve(cells.transpose(0, 2, 1), positions.transpose(0, 2, 1)).transpose(0, 2, 1)
    keys, radius = _keys(cells, fractional, tolerance)
    return find_twins(keys, radius, lambda row, near: _twin(cells, fractional, row, near, tolerance))


def _keys(
    cells: NDArray[np.float64], fractional: NDArray[np.float64], tolerance: float
) -> tuple[NDArray[np.float64], float]:
    """Return a few numbers per frame, and how far those of equal frames are apart at most.

    Sums of waves over the atoms do not change with lattice vectors and hardly with the tolerance.
    """
    n_atoms = fractional.shape[1]
    rng = np.random.default_rng(0)
    weights = np.linalg.qr(rng.normal(size=(n_atoms, 1)))[0][:, 0]
    waves = np.einsum("a,fac->fc", weights, np.exp(2j * np.pi * fractional))
    keys = np.concatenate([cells.reshape(-1, 9), waves.real, waves.imag], axis=1)
    # A displacement by the tolerance moves a fractional coordinate by tolerance over the distance of lattice planes.
    planes = 1 / float(np.linalg.norm(np.linalg.inv(cells), axis=1).max())
    return keys, float(3 * tolerance + 2 * np.pi * np.sqrt(3 * n_atoms) * tolerance / planes)


def _twin(
    cells: NDArray[np.float64], fractional: NDArray[np.float64], row: int, others: list[int], tolerance: float
) -> int | None:
    """Return the first of some frames that equals the one in a row, None if there is none."""
    shifts = fractional[row] - fractional[others]
    apart = np.abs((shifts - np.round(shifts)) @ cells[others]).max(axis=(1, 2))
    apart = np.maximum(apart, np.abs(cells[row] - cells[others]).max(axis=(1, 2)))
    return next((other for other, distance in zip(others, apart, strict=True) if distance <= tolerance), None)
