"""Which frames the committee knows, which are worth a label, and which have failed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..common.exceptions import InputError
from ..common.types import TrustLevel

__all__ = ["check_window", "combine_trust_levels", "count_levels", "trust_levels"]


def check_window(lo: float, hi: float) -> None:
    """Refuse bounds that make no trust window.

    :param lo: lower bound; finite, not negative.
    :param hi: upper bound, not below ``lo``; infinity means that only unusable deviations fail.
    :raises InputError: if the bounds are none.
    """
    for name, value in (("lo", lo), ("hi", hi)):
        if np.isnan(value) or value < 0:
            raise InputError(f"`{name}` of the trust window must be a number not below 0, not `{value}`")
    if np.isinf(lo):
        raise InputError("`lo` of the trust window must be finite, not `inf`")
    if lo > hi:
        raise InputError(f"the trust window [{lo}, {hi}) is upside down: `lo` must not exceed `hi`")


def trust_levels(deviation: ArrayLike, lo: float, hi: float) -> NDArray[np.int8]:
    """Return where the deviation of each frame lies relative to the window [lo, hi).

    A deviation of exactly zero has failed, as NaN and infinity have: different models never agree to the last bit, but
    after a NaN in the dynamics DeePMD-kit writes rows of zeros, which look like perfect agreement.

    :param deviation: one number a frame, (n_frames,), in the unit of the bounds.
    :param lo: below it a frame is known.
    :param hi: at or above it a frame has failed.
    :return: 0 known, 1 candidate, 2 failed (:class:`~aiida_nnpgen.common.types.TrustLevel`), (n_frames,).
    :raises InputError: if ``lo`` exceeds ``hi``, or a bound is negative or not a number.
    """
    check_window(lo, hi)
    values = np.asarray(deviation, dtype=np.float64)
    if values.ndim != 1:
        raise InputError(f"`deviation` has shape {values.shape}, expected (n_frames,)")
    levels = np.full(len(values), TrustLevel.CANDIDATE, dtype=np.int8)
    levels[values < lo] = TrustLevel.KNOWN
    usable = np.isfinite(values) & (values > 0)
    levels[~usable | (values >= hi)] = TrustLevel.FAILED
    return levels


def combine_trust_levels(
    deviations: Mapping[str, ArrayLike], windows: Mapping[str, tuple[float, float]]
) -> NDArray[np.int8]:
    """Return the level of each frame under several deviations, each with a window of its own.

    A frame has failed if any of them says so, else it is a candidate if any of them says so, else it is known.

    :param deviations: per name, (n_frames,).
    :param windows: per name, the bounds (lo, hi) in the unit of that deviation.
    :return: as :func:`trust_levels`.
    :raises InputError: if there is no window, a deviation is missing, or their lengths differ.
    """
    if not windows:
        raise InputError("no trust window given")
    missing = sorted(set(windows) - set(deviations))
    if missing:
        raise InputError(f"a trust window is given for `{missing[0]}`, but no such deviation was computed")
    levels = {name: trust_levels(deviations[name], *bounds) for name, bounds in windows.items()}
    lengths = {name: len(values) for name, values in levels.items()}
    if len(set(lengths.values())) != 1:
        raise InputError(f"the deviations differ in length: `{lengths}`")
    return np.asarray(np.max(list(levels.values()), axis=0), dtype=np.int8)


def count_levels(levels: ArrayLike) -> dict[str, int]:
    """Return how many frames are known, candidates and failed.

    :param levels: as :func:`trust_levels` returns them.
    """
    values = np.asarray(levels)
    return {level.name.lower(): int((values == level).sum()) for level in TrustLevel}
