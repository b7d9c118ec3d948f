"""How long dynamics holds, from runs of which some failed and others ended before they could."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from ..common.exceptions import InputError

__all__ = ["Survival", "survival"]


@dataclass(frozen=True, kw_only=True)
class Survival:
    """Share of runs that still hold, as a step function of time.

    :ivar times: when the share changes, ascending from 0, (n,).
    :ivar share: from each time on, (n,), within [0, 1].
    :ivar low: lower end of its confidence band, (n,).
    :ivar high: upper end, (n,).
    :ivar n_runs: runs that were observed.
    :ivar n_failed: runs that failed.
    """

    times: NDArray[np.float64]
    share: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    n_runs: int
    n_failed: int

    @property
    def median(self) -> tuple[float, float, float]:
        """Return the time at which half of the runs have failed, and both ends of its confidence interval.

        The interval holds the times at which the band holds one half (Brookmeyer and Crowley, Biometrics 38, 29
        (1982)). Infinite where the observation ended before.
        """
        return self._first_below_half(self.share), self._first_below_half(self.low), self._first_below_half(self.high)

    def _first_below_half(self, values: NDArray[np.float64]) -> float:
        below = np.flatnonzero(values <= 0.5)
        return float(self.times[below[0]]) if len(below) else float("inf")


def survival(times: ArrayLike, has_failed: ArrayLike, confidence: float = 0.95) -> Survival:
    """Return the estimate of Kaplan and Meier, with a pointwise confidence band.

    J. Am. Stat. Assoc. 53, 457 (1958); the band is Greenwood's on the scale of log(-log(share)), which keeps it within
    [0, 1]. His variance is zero where all or no runs hold: there it is that of Clopper and Pearson for the runs that
    failed or were observed until then.

    :param times: when each run failed, or when its observation ended, (n_runs,), in any unit.
    :param has_failed: whether it failed, (n_runs,).
    :param confidence: probability that the band holds the true share at a given time.
    :raises InputError: if there is no run, times are negative or not finite, or the shapes differ.
    """
    lengths, failed = np.asarray(times, dtype=float), np.asarray(has_failed, dtype=bool)
    if lengths.ndim != 1 or lengths.shape != failed.shape or not len(lengths):
        raise InputError(f"`times` and `has_failed` need one value per run, not {lengths.shape} and {failed.shape}")
    if not (np.isfinite(lengths).all() and lengths.min() >= 0):
        raise InputError("`times` must be finite and not negative")
    if not 0 < confidence < 1:
        raise InputError(f"`confidence` must lie between 0 and 1, not `{confidence}`")
    sample = stats.CensoredData(uncensored=lengths[failed], right=lengths[~failed])
    function = stats.ecdf(sample).sf
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The confidence interval is undefined at some observations")
        band = function.confidence_interval(confidence, method="log-log")
    points, share = function.quantiles, function.probabilities
    low, high = band.low.probabilities.copy(), band.high.probabilities.copy()
    for row in np.flatnonzero((share == 0) | (share == 1)):
        n_observed = int((failed | (lengths >= points[row])).sum())
        low[row], high[row] = _exact(share[row], n_observed, confidence)
    if points[0] > 0:  # every run holds at its start, which the library does not list
        points, share, low, high = (
            np.insert(column, 0, first) for column, first in ((points, 0.0), (share, 1.0), (low, 1.0), (high, 1.0))
        )
    return Survival(times=points, share=share, low=low, high=high, n_runs=len(lengths), n_failed=int(failed.sum()))


def _exact(share: float, n_runs: int, confidence: float) -> tuple[float, float]:
    """Return the interval of a share that is 0 or 1 among independent runs."""
    interval = stats.binomtest(round(share * n_runs), n_runs).proportion_ci(confidence, method="exact")
    return float(interval.low), float(interval.high)
