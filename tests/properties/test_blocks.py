"""Averages with uncertainties: that error bars hold the truth as often as they say."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy import stats

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.properties import (
    Estimate,
    PropertyWarning,
    block_average,
    convergence,
    jackknife,
    statistical_inefficiency,
)
from aiida_nnpgen.properties.blocks import block_slices


def test_block_average_is_the_standard_error_of_block_means(rng) -> None:
    """Five blocks: their scatter over the root of five, times Student's factor for four degrees of freedom."""
    series = rng.normal(3.0, 1.0, 100)
    means = series.reshape(5, 20).mean(axis=1)
    value, uncertainty = block_average(series)
    assert value == pytest.approx(series.mean())
    assert uncertainty == pytest.approx(1.1416 * means.std(ddof=1) / np.sqrt(5), rel=1e-4)
    assert block_average(series, block_length=20) == pytest.approx((value, uncertainty))


def test_jackknife_of_many_blocks_agrees_with_the_known_error_of_a_variance(rng) -> None:
    """The variance of n normal numbers is uncertain by its root of 2/n."""
    series = rng.normal(size=20_000)
    value, uncertainty = jackknife(np.var, {"series": series}, n_blocks=400)
    assert value == pytest.approx(series.var())
    assert uncertainty == pytest.approx(np.sqrt(2 / 20_000), rel=0.1)


@pytest.mark.parametrize("n_blocks", [2, 5, 20])
def test_block_average_covers_independent_values(coverage, n_blocks: int) -> None:
    """Whatever the number of blocks, about 68 % of error bars hold the mean."""
    assert 0.6 <= coverage(lambda rng: block_average(rng.normal(size=200), n_blocks), 0.0) <= 0.76


@pytest.mark.parametrize("memory", [0.5, 0.9, 0.98])
def test_block_average_covers_correlated_values(coverage, ar1, memory: float) -> None:
    """The same of a series with a memory, where a block has twenty statistical inefficiencies."""
    length = round(100 * (1 + memory) / (1 - memory))
    assert 0.6 <= coverage(lambda rng: block_average(ar1(rng, length, memory)), 0.0) <= 0.76


def test_block_average_covers_skewed_values(coverage) -> None:
    """The same of volumes of a gas, which follow a Gamma distribution."""
    assert 0.6 <= coverage(lambda rng: block_average(rng.gamma(9, 2.0, 200)), 18.0) <= 0.76


def test_short_blocks_cover_too_little_and_are_warned_of(coverage, ar1, rng) -> None:
    """Blocks as short as the memory make error bars too small, and this is not silent."""
    assert coverage(lambda rng: block_average(ar1(rng, 1000, 0.98), n_blocks=20), 0.0) < 0.6
    with pytest.warns(PropertyWarning, match="shorter than 5 statistical inefficiencies of `series`"):
        block_average(ar1(rng, 1000, 0.98), n_blocks=20)


def test_a_drift_is_warned_of(rng) -> None:
    """A series that has not settled is one long correlation."""
    with pytest.warns(PropertyWarning, match="run longer"):
        block_average(np.linspace(0, 3, 1000) + rng.normal(size=1000))


def test_frames_that_repeat_are_warned_of(rng) -> None:
    """Blocks that are all equal would make the uncertainty zero."""
    with pytest.warns(PropertyWarning, match="frames that repeat"):
        block_average(np.tile(rng.normal(size=20), 5))


def test_long_blocks_are_not_warned_of(ar1, rng) -> None:
    """Blocks of fifty statistical inefficiencies pass."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        block_average(ar1(rng, 750, 0.5))


@pytest.mark.parametrize("memory", [0.0, 0.5, 0.9])
def test_statistical_inefficiency_of_a_known_process(ar1, memory: float) -> None:
    """That of an autoregressive process is (1 + memory) / (1 - memory)."""
    found = statistical_inefficiency(ar1(np.random.default_rng(5), 200_000, memory))
    assert found == pytest.approx((1 + memory) / (1 - memory), rel=0.05)


def test_statistical_inefficiency_is_the_sum_written_out(rng) -> None:
    """The transform gives what the sum over pairs of frames gives."""
    series = np.cumsum(rng.normal(size=60))
    apart, total = series - series.mean(), 1.0
    for lag in range(1, 59):
        correlation = (apart[:-lag] * apart[lag:]).mean() / apart.var()
        if correlation <= 0 and lag > 3:
            break
        total += 2 * (1 - lag / 60) * correlation
    assert statistical_inefficiency(series) == pytest.approx(total)


def test_convergence_ends_at_the_average(rng) -> None:
    """From two blocks on; each value is the mean of the frames so far, the last is that of all."""
    series = rng.normal(size=100)
    frames, values, uncertainties = convergence({"series": series})
    assert frames.tolist() == [40, 60, 80, 100]
    assert values == pytest.approx([series[:end].mean() for end in frames])
    assert (values[-1], uncertainties[-1]) == pytest.approx(block_average(series))


def test_convergence_of_a_variance(rng) -> None:
    """Any function of the series may settle."""
    series = rng.normal(size=100)
    assert convergence({"series": series}, np.var).values[-1] == pytest.approx(series.var())


def test_convergence_warns_of_short_blocks_once(ar1, rng) -> None:
    """The warning is about the blocks that were asked for."""
    with pytest.warns(PropertyWarning) as caught:
        convergence({"series": ar1(rng, 400, 0.98)}, n_blocks=8)
    assert [str(warning.message).partition(" frames")[0] for warning in caught] == ["a block of 50"]


def test_blocks_hold_every_frame_once() -> None:
    """Lengths differ by one at most; a least length is kept."""
    for blocks in (block_slices(23, 5), block_slices(23, block_length=4)):
        assert [row for block in blocks for row in range(23)[block]] == list(range(23))
        assert {block.stop - block.start for block in blocks} == {4, 5}


@pytest.mark.filterwarnings("ignore::aiida_nnpgen.properties.PropertyWarning")
def test_factor_is_that_of_student() -> None:
    """Of two blocks the interval is that of Cauchy's distribution."""
    assert block_average([0.0, 1.0], n_blocks=2).uncertainty == pytest.approx(0.5 * stats.cauchy.ppf(0.84134), rel=1e-3)


@pytest.mark.filterwarnings("ignore::aiida_nnpgen.properties.PropertyWarning")
@pytest.mark.parametrize(
    ("series", "keywords", "message"),
    [
        ([], {}, "`series` has shape"),
        (1.0, {}, "`series` has one frame"),
        ([1.0], {}, "`series` has one frame, `1.0`"),
        ([2.0] * 10, {}, "`series` is `2.0` in all 10 frames"),
        ([0.1 + 0.2, 0.3] * 5, {}, "constant"),
        ([1.0, np.nan, 3.0], {}, "`series` of frame 1 is `nan`"),
        ([1.0, 2.0, -np.inf], {}, "`series` of frame 2 is `-inf`"),
        (np.eye(3), {}, "one value per frame"),
        (np.arange(10), {"n_blocks": 1}, "`n_blocks` must be a whole number of at least 2, not `1`"),
        (np.arange(10), {"n_blocks": 2.5}, "not `2.5`"),
        (np.arange(10), {"n_blocks": True}, "not `True`"),
        (np.arange(10), {"n_blocks": 11}, "10 frames are too few"),
        (np.arange(10), {"block_length": 6}, "`block_length` 6"),
        (np.arange(10), {"block_length": 0}, "not `0`"),
    ],
)
def test_block_average_refuses(series, keywords, message: str) -> None:
    """What has no uncertainty has no value either."""
    with pytest.raises(InputError, match=message):
        block_average(series, **keywords)


def test_jackknife_refuses_series_of_different_lengths() -> None:
    """Every frame has a value of each series."""
    with pytest.raises(InputError, match="10 of `a`, 9 of `b`"):
        jackknife(lambda a, b: 0.0, {"a": np.arange(10), "b": np.arange(9)})


def test_jackknife_refuses_a_result_that_is_no_number(rng) -> None:
    """A function that divides by zero has no value."""
    with pytest.raises(InputError, match="`nan` is no result"):
        jackknife(lambda a: float("nan"), {"a": rng.normal(size=100)})


@pytest.mark.parametrize(
    ("estimate", "text"),
    [
        ((1.2034, 0.0041), "1.2034 ± 0.0041"),
        ((-123.4, 20.0), "-123 ± 20"),
        ((2.31e-5, 1.2e-6), "(2.31 ± 0.12)e-05"),
        ((1e-7, 3e-6), "(0.1 ± 3.0)e-06"),
        ((123456.0, 789.0), "(1.2346 ± 0.0079)e+05"),
        ((1.21, 0.0), "1.21"),
        ((1.21, np.nan), "1.21"),
    ],
)
def test_estimate_is_written_with_two_digits_of_its_uncertainty(estimate, text: str) -> None:
    """As in a table."""
    assert str(Estimate(*estimate)) == text
