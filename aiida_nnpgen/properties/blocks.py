"""Averages over time with the uncertainty that follows from blocks of it.

Neighbouring frames resemble each other, but means over blocks that are long enough do not, and their scatter gives the
uncertainty. An uncertainty is here always half the width of the interval that holds the true value with a probability
of 68.27 %: the standard error times Student's factor, which is 1.14 for five blocks. Without it the interval of five
blocks would hold the true value in 63 % of all cases.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from ..common.exceptions import InputError
from .checks import PropertyWarning, check_series
from .inefficiency import statistical_inefficiency

__all__ = [
    "Convergence",
    "Estimate",
    "block_average",
    "block_slices",
    "convergence",
    "jackknife",
    "mean_of_blocks",
    "student_factor",
    "warn_of_short_blocks",
]

MIN_INEFFICIENCIES = 5
"""A block that is shorter than this times the statistical inefficiency is warned of."""
_ROUNDING = 1e-12  # relative; what equal blocks differ by
_ONE_SIGMA = float(stats.norm.cdf(1) - stats.norm.cdf(-1))


class Estimate(NamedTuple):
    """A value, and how far from the truth it may lie: it lies no farther with a probability of 68.27 %."""

    value: float
    uncertainty: float

    def __str__(self) -> str:
        """Return the pair as in a table, with two digits of the uncertainty."""
        size, error = abs(self.value), self.uncertainty
        if not (0 < error < np.inf and size < np.inf):
            return f"{self.value:.6g}"
        power = int(np.floor(np.log10(max(size, error))))
        power = 0 if -3 < power < 5 else power
        digits = max(0, power + 1 - int(np.floor(np.log10(error))))
        text = f"{self.value / 10.0**power:.{digits}f} ± {error / 10.0**power:.{digits}f}"
        return f"({text})e{power:+03d}" if power else text


class Convergence(NamedTuple):
    """An average over the first blocks, for a growing number of them.

    :ivar frames: how many frames were averaged, from two blocks on, (n_blocks - 1,).
    :ivar values: averages over these frames.
    :ivar uncertainties: of the averages.
    """

    frames: NDArray[np.int64]
    values: NDArray[np.float64]
    uncertainties: NDArray[np.float64]


def block_average(series: ArrayLike, n_blocks: int = 5, block_length: int | None = None) -> Estimate:
    """Return the mean of a series, with its uncertainty.

    Warns where blocks are shorter than five statistical inefficiencies: then the uncertainty is too small.

    :param series: one value per frame, (n_frames,).
    :param n_blocks: how many blocks of equal length.
    :param block_length: least number of frames in a block, instead of their number.
    :raises InputError: if there are fewer than two blocks, the series is constant or a value is not finite.
    """
    return jackknife(_mean, {"series": series}, n_blocks=n_blocks, block_length=block_length)


def jackknife(
    function: Callable[..., float],
    series: Mapping[str, ArrayLike],
    *,
    n_blocks: int = 5,
    block_length: int | None = None,
) -> Estimate:
    """Return a function of whole series, with its uncertainty from leaving out one block after the other.

    Of a mean that is exactly the standard error of the means of the blocks. It also holds for what is no mean, such as
    a variance, without the bias that a variance within short blocks has. Efron, Ann. Stat. 7, 1 (1979); over blocks:
    Künsch, Ann. Stat. 17, 1217 (1989).

    :param function: takes the series in their order, and returns a number.
    :param series: one value per frame each, by their names for messages.
    :param n_blocks: how many blocks of equal length.
    :param block_length: least number of frames in a block, instead of their number.
    :raises InputError: if there are fewer than two blocks, a series is constant or a value is not finite.
    """
    arrays = {name: check_series(values, name) for name, values in series.items()}
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) != 1:
        raise InputError(
            "there must be one value per frame, not " + ", ".join(f"{n} of `{k}`" for k, n in lengths.items())
        )
    blocks = block_slices(next(iter(lengths.values())), n_blocks, block_length)
    warn_of_short_blocks(arrays, len(blocks))
    value = float(function(*arrays.values()))
    without = np.array([function(*(np.delete(array, block) for array in arrays.values())) for block in blocks])
    if not np.isfinite([value, *without]).all():
        raise InputError(f"`{value}` is no result: look at the values of {', '.join(f'`{name}`' for name in arrays)}")
    # A value without one block differs from the whole n - 1 times less than the block itself does.
    uncertainty = (len(blocks) - 1) * float(mean_of_blocks(without)[1])
    if uncertainty <= _ROUNDING * abs(value):
        warnings.warn("all blocks give the same value: look for frames that repeat", PropertyWarning, stacklevel=3)
    return Estimate(value, uncertainty)


def mean_of_blocks(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and uncertainty of values of blocks, which lie along the first axis."""
    error = values.std(axis=0, ddof=1) / np.sqrt(len(values))
    return values.mean(axis=0), student_factor(len(values) - 1) * error


def student_factor(n_freedoms: int) -> float:
    """Return by how much a standard error of few degrees of freedom grows to hold the truth in 68.27 % of all cases."""
    return float(stats.t.ppf((1 + _ONE_SIGMA) / 2, n_freedoms))


def block_slices(n_frames: int, n_blocks: int = 5, block_length: int | None = None) -> list[slice]:
    """Return blocks that hold every frame once and differ in length by one frame at most.

    :param n_frames: number of frames.
    :param n_blocks: how many blocks.
    :param block_length: least number of frames in a block, instead of their number.
    :raises InputError: if there are fewer than two blocks or fewer frames than blocks.
    """
    if block_length is not None:
        n_blocks = n_frames // _whole(block_length, "block_length", 1)
        if n_blocks < 2:
            raise InputError(f"{n_frames} frames are no two blocks of `block_length` {block_length}: give it shorter")
    if _whole(n_blocks, "n_blocks", 2) > n_frames:
        raise InputError(f"{n_frames} frames are too few for `n_blocks` {n_blocks}")
    edges = np.linspace(0, n_frames, n_blocks + 1).astype(int).tolist()
    return [slice(*ends) for ends in pairwise(edges)]


def convergence(
    series: Mapping[str, ArrayLike],
    function: Callable[..., float] | None = None,
    *,
    n_blocks: int = 5,
    block_length: int | None = None,
) -> Convergence:
    """Return how an average settles while block after block is added.

    :param series: one value per frame each, by their names for messages.
    :param function: of the series; None: the mean.
    :param n_blocks: how many blocks.
    :param block_length: least number of frames in a block, instead of their number.
    :raises InputError: as :func:`jackknife` does.
    """
    arrays = {name: check_series(values, name) for name, values in series.items()}
    blocks = block_slices(len(next(iter(arrays.values()))), n_blocks, block_length)
    ends = [block.stop for block in blocks[1:]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PropertyWarning)  # the last one, of all frames, is repeated by no other
        parts = [
            jackknife(function or _mean, {name: array[:end] for name, array in arrays.items()}, n_blocks=count)
            for count, end in enumerate(ends, start=2)
        ]
    warn_of_short_blocks(arrays, len(blocks))
    return Convergence(np.array(ends), *np.array(parts).T)


def warn_of_short_blocks(series: Mapping[str, NDArray[np.float64]], n_blocks: int) -> None:
    """Warn of the series that changes most slowly, where its blocks are too short to be independent."""
    slowest = {name: statistical_inefficiency(values) for name, values in series.items()}
    name = max(slowest, key=lambda key: slowest[key])
    length = len(series[name]) / n_blocks
    if length < MIN_INEFFICIENCIES * slowest[name]:
        warnings.warn(
            f"a block of {length:.0f} frames is shorter than {MIN_INEFFICIENCIES} statistical inefficiencies of "
            f"`{name}`, of {slowest[name]:.1f} frames each: the uncertainty is too small; run longer, or take fewer "
            "blocks",
            PropertyWarning,
            stacklevel=4,  # the caller of most properties
        )


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean())


def _whole(value: int, name: str, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise InputError(f"`{name}` must be a whole number of at least {least}, not `{value}`")
    return int(value)
