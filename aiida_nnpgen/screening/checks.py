"""Refuse arrays that cannot be screened, with the frame named."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..common.exceptions import InputError

__all__ = ["check_count", "check_matrix", "check_points"]

_TINY = 1e-130  # squares of differences of two larger numbers do not underflow
_HUGE = 1e150  # squares of larger numbers overflow


def check_matrix(values: ArrayLike, name: str, columns: int | None = None) -> NDArray[np.float64]:
    """Return finite values as an array of one row per frame.

    :param values: (n_frames, n_columns); an empty sequence counts as no frames.
    :param name: what the values are, for the message.
    :param columns: number of columns that there must be; None: any.
    :raises InputError: if it is no such matrix, or a value is not finite; the message names the first such frame.
    """
    array = np.ascontiguousarray(values, dtype=np.float64)
    if array.ndim == 1 and array.size == 0:
        array = array.reshape(0, columns or 0)
    if array.ndim != 2:
        raise InputError(f"`{name}` has shape {array.shape}, expected (n_frames, n_columns)")
    if columns is not None and array.shape[1] != columns:
        raise InputError(f"`{name}` has {array.shape[1]} columns, expected {columns}")
    bad = ~np.isfinite(array).all(axis=1)
    if bad.any():
        row = int(np.argmax(bad))
        raise InputError(f"`{name}` of frame {row} is not finite: `{array[row][:8]}`; {int(bad.sum())} such frames")
    return array


def check_points(points: ArrayLike, fixed: ArrayLike | None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return candidates and fixed points as matrices of one width.

    Components below 1e-130 become zero: then no squared distance underflows, and only equal points have distance zero.

    :param points: candidates, (n, k).
    :param fixed: points that are kept in any case, (m, k), or None.
    :raises InputError: if a coordinate is not finite or beyond all normalisation, or the widths differ.
    """
    candidates = check_matrix(points, "points")
    others = np.empty((0, candidates.shape[1])) if fixed is None else check_matrix(fixed, "fixed")
    if len(others) == 0:
        others = np.empty((0, candidates.shape[1]))
    elif len(candidates) == 0 and candidates.shape[1] == 0:
        candidates = np.empty((0, others.shape[1]))
    if others.shape[1] != candidates.shape[1]:
        raise InputError(f"`fixed` has {others.shape[1]} columns, `points` has {candidates.shape[1]}: they must agree")
    for name, array in (("points", candidates), ("fixed", others)):
        if array.size and np.abs(array).max() > _HUGE:
            raise InputError(f"`{name}` has a coordinate of `{np.abs(array).max():.1e}`: normalise the axes first")
    return _without_tiny(candidates), _without_tiny(others)


def check_count(n_max: int) -> int:
    """Return the number of points to keep.

    :raises InputError: if it is not a positive whole number.
    """
    if isinstance(n_max, bool) or n_max != int(n_max) or n_max < 1:
        raise InputError(f"`n_max` must be a positive whole number, not `{n_max}`")
    return int(n_max)


def _without_tiny(array: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(np.abs(array) < _TINY, 0.0, array)
