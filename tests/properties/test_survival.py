"""Tests of survival curves."""

from __future__ import annotations

import numpy as np
import pytest

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.properties import survival


def test_survival_of_a_published_example() -> None:
    """The remissions of 21 patients on 6-MP (Freireich et al., Blood 21, 699 (1963)), as in every text book."""
    weeks = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
    relapsed = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]
    curve = survival(weeks, relapsed)
    known = {6: 0.8571, 7: 0.8067, 10: 0.7529, 13: 0.6902, 16: 0.6275, 22: 0.5378, 23: 0.4482}
    for week, share in known.items():
        assert curve.share[list(curve.times).index(week)] == pytest.approx(share, abs=1e-4)
    assert curve.median[0] == 23
    assert (curve.n_runs, curve.n_failed) == (21, 9)


def test_survival_starts_whole_and_falls() -> None:
    """The curve starts at one and never rises, and lies in its band, which lies between 0 and 1."""
    curve = survival([0.3, 1.0, 0.7, 2.0, 0.3], [1, 0, 1, 0, 1])
    assert (curve.times[0], curve.share[0]) == (0.0, 1.0)
    assert (np.diff(curve.share) <= 0).all()
    for lower, higher in ((0, curve.low), (curve.low, curve.share), (curve.share, curve.high), (curve.high, 1)):
        assert np.all(lower <= higher)


def test_survival_without_a_failure_is_not_certain() -> None:
    """Ten runs that hold leave room for a share of failures that one would not have seen; there is no median."""
    curve = survival([2.0] * 10, [False] * 10)
    assert curve.share[-1] == 1
    assert curve.low[-1] == pytest.approx(0.025 ** (1 / 10))
    assert curve.median == (np.inf, np.inf, np.inf)


def test_survival_of_runs_that_all_fail() -> None:
    """The share is zero, and its band says that ten runs cannot exclude survivors, at once or one after another."""
    at_once = survival([0.0] * 10, [True] * 10)
    assert list(at_once.share) == [0.0]
    assert at_once.median == (0.0, 0.0, 0.0)
    for curve in (at_once, survival(np.arange(1.0, 11.0), [True] * 10)):
        assert (curve.share[-1], curve.low[-1]) == (0, 0)
        assert curve.high[-1] == pytest.approx(1 - 0.025 ** (1 / 10))


def test_survival_band_covers() -> None:
    """Of 400 sets of 20 runs with a known rate, the band at one time holds the true share about as often as it says."""
    generator = np.random.default_rng(3)
    hits = 0
    for _ in range(400):
        times = generator.exponential(1.0, 20)
        curve = survival(np.minimum(times, 2.0), times < 2.0)
        row = np.searchsorted(curve.times, 0.7, side="right") - 1
        hits += bool(curve.low[row] <= np.exp(-0.7) <= curve.high[row])
    assert 0.92 <= hits / 400 <= 0.98


@pytest.mark.parametrize(
    ("times", "failed", "message"),
    [
        ([], [], "one value per run"),
        ([1.0], [True, False], "one value per run"),
        ([np.nan], [True], "finite"),
        ([-1.0], [True], "negative"),
    ],
)
def test_survival_refuses(times: list[float], failed: list[bool], message: str) -> None:
    """What is no set of runs gives no curve."""
    with pytest.raises(InputError, match=message):
        survival(times, failed)
