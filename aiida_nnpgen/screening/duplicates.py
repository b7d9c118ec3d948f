"""Candidates that are labelled already, or that are there more than once."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from ..common.duplicates import find_twins
from ..common.frames import Frames
from .flaws import CandidateFlaw

__all__ = ["duplicate_flaws"]

_WAVES = np.array([wave for wave in product((-1, 0, 1), repeat=3) if wave > (0, 0, 0)])
"""One of each pair of opposite wave vectors, in units of the reciprocal cell, (13, 3)."""
_CHUNK = 1_000_000  # atoms whose waves are in memory at a time, over the number of waves


def duplicate_flaws(
    candidates: Sequence[Frames], dataset: Sequence[Frames], tolerance: float | None, flaws: ArrayLike
) -> NDArray[np.int8]:
    """Return the flaws, with those of sound candidates that equal a frame of the dataset or an earlier candidate.

    Equal are frames of one composition whose cells have the same shape and whose atoms differ by no more than the
    tolerance and lattice vectors, in any orientation of the cell, and after a rigid translation or in another order of
    like atoms (not both at a time). None of these changes an energy or the length of a force.

    :param candidates: frames, one entry per part.
    :param dataset: likewise.
    :param tolerance: Å; None: nothing is compared.
    :param flaws: of the candidates, over all parts, (n_frames,).
    """
    result = np.array(flaws, dtype=np.int8)
    if tolerance is None:
        return result
    groups: dict[bytes, list[tuple[NDArray[np.intp], Frames]]] = {}
    first = -sum(len(part) for part in dataset)  # rows of the dataset are negative
    for part in (*dataset, *candidates):
        rows = np.arange(first, first + len(part))
        first += len(part)
        good = _is_sound(part)
        good[rows >= 0] &= result[rows[rows >= 0]] == CandidateFlaw.NONE
        ordered = _by_element(part[np.flatnonzero(good)])
        groups.setdefault(ordered.numbers.tobytes(), []).append((rows[good], ordered))
    for parts in groups.values():
        rows = np.concatenate([rows for rows, _ in parts])
        if (rows >= 0).any() and len(rows) > 1:
            for second, twin in _find(Frames.concatenate([part for _, part in parts]), tolerance).items():
                in_dataset = rows[twin] < 0
                if rows[second] >= 0:
                    flaw = CandidateFlaw.DUPLICATE_OF_DATASET if in_dataset else CandidateFlaw.DUPLICATE_OF_CANDIDATE
                    result[rows[second]] = flaw
    return result


def _is_sound(part: Frames) -> NDArray[np.bool_]:
    finite = np.isfinite(np.concatenate([part.positions, part.cells], axis=1)).all(axis=(1, 2))
    finite[finite] = part.volumes[finite] > 0
    return np.asarray(finite)


def _by_element(part: Frames) -> Frames:
    order = np.argsort(part.numbers, kind="stable")
    return Frames(numbers=part.numbers[order], positions=part.positions[:, order], cells=part.cells)


def _find(frames: Frames, tolerance: float) -> dict[int, int]:
    """Return, per frame of one composition that equals an earlier one, that one."""
    # Lower triangular cells are those of a chosen orientation: frames that are only turned have the same.
    cells = np.linalg.cholesky(frames.cells @ frames.cells.transpose(0, 2, 1))
    fractional = frames.positions @ np.linalg.inv(frames.cells)
    keys = np.concatenate([cells.reshape(-1, 9), _structure_factors(fractional, frames.numbers)], axis=1)
    # A displacement by the tolerance moves the phase of a wave by 2 pi tolerance over the distance of its planes.
    waves = np.linalg.norm(np.linalg.inv(cells) @ _WAVES.T, axis=1).max(axis=0)
    n_kinds = len(np.unique(frames.numbers))
    per_wave = 2 * np.pi * tolerance * np.sqrt(frames.n_atoms) * waves
    radius = float(np.sqrt(9 * tolerance**2 + n_kinds * (per_wave**2).sum()))

    def first_twin(row: int, near: list[int]) -> int | None:
        alike = np.array([other for other in near if np.abs(cells[other] - cells[row]).max() <= tolerance], dtype=int)
        if len(alike) == 0:
            return None
        apart = fractional[alike] - fractional[row]
        apart -= apart[:, :1]
        apart -= np.round(apart)
        apart -= apart.mean(axis=1, keepdims=True)
        same = np.linalg.norm(apart @ cells[row], axis=2).max(axis=1) <= tolerance
        tree = None
        for other in alike[: int(same.argmax()) if same.any() else len(alike)].tolist():
            tree = tree or cKDTree(_wrapped(fractional[row]), boxsize=1.0)
            if _is_reordered(tree, fractional[row], fractional[other], frames.numbers, cells[row], tolerance):
                return int(other)
        return int(alike[same.argmax()]) if same.any() else None

    return find_twins(keys, radius, first_twin)


def _structure_factors(fractional: NDArray[np.float64], numbers: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return moduli of waves summed over the atoms of each element: neither order nor origin changes them."""
    kinds = np.unique(numbers)
    weights = np.array([(numbers == kind) / np.sqrt((numbers == kind).sum()) for kind in kinds])
    result = np.empty((len(fractional), len(_WAVES) * len(kinds)))
    size = max(1, _CHUNK // (len(_WAVES) * max(1, len(numbers))))
    for start in range(0, len(fractional), size):
        phases = np.exp(2j * np.pi * (fractional[start : start + size] @ _WAVES.T))
        sums = np.abs(np.einsum("ea,faw->few", weights, phases))
        result[start : start + size] = sums.reshape(len(sums), -1)
    return result


def _wrapped(fractional: NDArray[np.float64]) -> NDArray[np.float64]:
    wrapped = fractional - np.floor(fractional)
    return np.where(wrapped >= 1.0, 0.0, wrapped)  # a tiny negative number rounds to 1


def _is_reordered(
    tree: cKDTree,
    one: NDArray[np.float64],
    two: NDArray[np.float64],
    numbers: NDArray[np.int64],
    cell: NDArray[np.float64],
    tolerance: float,
) -> bool:
    """Return whether two frames differ by the order of like atoms."""
    match = np.asarray(tree.query(_wrapped(two))[1])
    if len(np.unique(match)) < len(match) or not np.array_equal(numbers[match], numbers):
        return False
    apart = two - one[match]
    apart -= np.round(apart)
    return bool(np.linalg.norm(apart @ cell, axis=1).max() <= tolerance)
