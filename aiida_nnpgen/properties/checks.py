"""Refuse what would give a number without meaning, with the value named."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..common.exceptions import InputError

__all__ = ["PropertyWarning", "check_finite", "check_positive", "check_series"]

_ROUNDING = 1e-13  # relative; what a constant differs by after some arithmetic


class PropertyWarning(UserWarning):
    """A property was computed, but its value or its uncertainty may be wrong for the reason that is given."""


def check_finite(values: ArrayLike, name: str, row: str = "frame") -> NDArray[np.float64]:
    """Return values as an array, which holds at least one.

    :param values: of any shape. A number is an array of one.
    :param name: what the values are, for the message.
    :param row: what the first axis counts.
    :raises InputError: if there are none, or one is no finite number; the message names the first such row.
    """
    try:
        array = np.atleast_1d(np.asarray(values, dtype=np.float64))
    except (TypeError, ValueError) as exception:
        raise InputError(f"`{name}` is no array of numbers: {exception}") from exception
    if array.size == 0:
        raise InputError(f"`{name}` has shape {array.shape}: there must be values, one or more a {row}")
    bad = ~np.isfinite(array)
    if bad.any():
        place = tuple(int(index) for index in np.argwhere(bad)[0])
        raise InputError(f"`{name}` of {row} {place[0]} is `{array[place]}`; {int(bad.sum())} values are not finite")
    return array


def check_series(values: ArrayLike, name: str, *, positive: bool = False) -> NDArray[np.float64]:
    """Return one finite value per frame, which fluctuates.

    :param values: (n_frames,).
    :param name: what the values are, for the message.
    :param positive: whether each must be above zero.
    :raises InputError: if it is no such series: one frame, or the same value everywhere, has no uncertainty.
    """
    series = check_finite(values, name)
    if series.ndim != 1:
        raise InputError(f"`{name}` has shape {series.shape}, expected one value per frame")
    if len(series) == 1:
        raise InputError(f"`{name}` has one frame, `{series[0]}`: an uncertainty needs more")
    if positive and series.min() <= 0:
        row = int(np.argmax(series <= 0))
        raise InputError(f"`{name}` of frame {row} is `{series[row]}`: it must be positive")
    if np.ptp(series) <= _ROUNDING * np.abs(series).max():
        raise InputError(f"`{name}` is `{series[0]}` in all {len(series)} frames: what is constant has no uncertainty")
    return series


def check_positive(value: float, name: str) -> float:
    """Return a number that is finite and above zero.

    :raises InputError: if it is not.
    """
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = np.nan
    if not (np.isfinite(number) and number > 0):
        raise InputError(f"`{name}` must be a positive number, not `{value}`")
    return number
