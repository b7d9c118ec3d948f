"""How much a series of frames remembers."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import fft

from .checks import check_series

__all__ = ["statistical_inefficiency"]

_MIN_LAGS = 3  # correlation is summed up to here even where noise makes it negative, as in pymbar


def statistical_inefficiency(series: ArrayLike) -> float:
    """Return how many frames count as one independent frame; 1 if all do.

    It is one plus twice the correlation time in frames. The sum over the correlation ends where it falls to zero:
    Chodera et al., J. Chem. Theory Comput. 3, 26 (2007).

    :param series: one value per frame, (n_frames,).
    :raises InputError: if the series is constant or a value is not finite.
    """
    values = check_series(series, "series")
    n_frames = len(values)
    values = values - values.mean()
    size = fft.next_fast_len(2 * n_frames, real=True)
    products = fft.irfft(np.abs(fft.rfft(values, size)) ** 2, size)[:n_frames]
    lags = np.arange(1, n_frames - 1)
    correlation = products[1:-1] / (n_frames - lags) / (products[0] / n_frames)
    gone = np.flatnonzero((correlation <= 0) & (lags > _MIN_LAGS))
    end = gone[0] if len(gone) else len(lags)
    return max(1.0, float(1 + 2 * ((1 - lags / n_frames) * correlation)[:end].sum()))
