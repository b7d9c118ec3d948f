"""Self-diffusion from mean square displacements (Einstein's relation)."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import fft

from ..common.exceptions import InputError
from .blocks import Estimate, block_slices, mean_of_blocks
from .checks import PropertyWarning, check_positive
from .continuity import check_continuous
from .finite_size import finite_size_correction

__all__ = ["Displacement", "displacement", "linear_range", "self_diffusion"]

LAG_FRACTIONS = (0.05, 0.2)
"""Part of a block over which the displacement is fitted, where no other is asked for."""
MAX_EXPONENT_ERROR = 0.1
"""Motion is not called diffusive where the displacement grows with another power of time than 1 by more than this."""
_MIN_LAGS = 3
_CM2_PER_S = 1e-4  # one Å²/ps
_VALUES_AT_ONCE = 2_000_000


@dataclass(frozen=True, kw_only=True)
class Displacement:
    """The mean square displacement, and the line from which the diffusion follows.

    :ivar lags: ps, from one frame to the length of a block, (n_lags,).
    :ivar values: Å², mean over particles, origins and blocks, (n_lags,).
    :ivar uncertainties: Å², from blocks, (n_lags,).
    :ivar lag_range: ps, first and last lag of the fit.
    :ivar line: Å²/ps and Å², slope and intercept of the fit.
    :ivar exponent: power of time with which the displacement grows over the fit; 1 where motion is diffusive.
    :ivar diffusion: cm²/s, a sixth of the slope, without a correction for the size of the box.
    """

    lags: NDArray[np.float64]
    values: NDArray[np.float64]
    uncertainties: NDArray[np.float64]
    lag_range: tuple[float, float]
    line: tuple[float, float]
    exponent: Estimate
    diffusion: Estimate


def self_diffusion(
    positions: ArrayLike,
    timestep: float,
    *,
    n_blocks: int = 5,
    block_length: int | None = None,
    lag_range: tuple[float, float] | None = None,
    cells: ArrayLike | None = None,
    temperature: float | None = None,
    viscosity: float | None = None,
    box_length: float | None = None,
) -> Estimate:
    """Return the coefficient of self-diffusion in cm²/s, with its uncertainty.

    With temperature, viscosity and length of the box it is that of an infinite box: :func:`finite_size_correction`.
    The uncertainty is then still that of the displacement; that of the viscosity is the caller's.

    :param positions: as of :func:`displacement`, and so are the others.
    :param temperature: K.
    :param viscosity: Pa s.
    :param box_length: Å.
    :raises InputError: as :func:`displacement` does, or if one or two of the three are missing.
    """
    given = {"temperature": temperature, "viscosity": viscosity, "box_length": box_length}
    missing = [name for name, value in given.items() if value is None]
    if 0 < len(missing) < len(given):
        names = ", ".join(f"`{name}`" for name in missing)
        raise InputError(f"the correction for the size of the box needs {names} too")
    found = displacement(
        positions, timestep, n_blocks=n_blocks, block_length=block_length, lag_range=lag_range, cells=cells
    ).diffusion
    if temperature is None or viscosity is None or box_length is None:
        return found
    return Estimate(found.value + finite_size_correction(temperature, viscosity, box_length), found.uncertainty)


def displacement(
    positions: ArrayLike,
    timestep: float,
    *,
    n_blocks: int = 5,
    block_length: int | None = None,
    lag_range: tuple[float, float] | None = None,
    cells: ArrayLike | None = None,
) -> Displacement:
    """Return mean square displacement and diffusion, from blocks of time.

    Each block gives a displacement and a slope of its own; their means are the values, their scatter the
    uncertainties. Particles of one frame move together and count as no independent samples.
    Warns where the displacement does not grow linearly over the fit.

    :param positions: Å, unwrapped, of atoms or of centres of mass of molecules, (n_frames, n_particles, 3). A drift of
        the whole box counts as diffusion: take it away before.
    :param timestep: ps between two frames.
    :param n_blocks: how many blocks of time.
    :param block_length: least number of frames in a block, instead of their number.
    :param lag_range: ps, first and last lag of the fit; None: 5 % and 20 % of a block.
    :param cells: Å, rows are the vectors, (3, 3) or (n_frames, 3, 3); then a jump is judged against the box.
    :raises InputError: if positions are not those of a continuous path, blocks are too short, or nothing moves.
    """
    paths = check_continuous(positions, cells)
    step = check_positive(timestep, "timestep")
    blocks = block_slices(len(paths), n_blocks, block_length)
    shortest = min(block.stop - block.start for block in blocks)
    if shortest < 2:
        raise InputError(f"a block has {shortest} frame: a displacement needs more frames, or fewer blocks")
    lags = np.arange(1, shortest) * step
    squares = np.array([_mean_square(paths[block])[1:shortest] for block in blocks])
    values, uncertainties = mean_of_blocks(squares)
    fit = _fitted(lags, shortest * step, lag_range)
    if not (squares[:, fit] > 0).all():
        raise InputError("`positions` do not move in at least one block")
    slopes, intercepts = np.polyfit(lags[fit], squares[:, fit].T, 1)
    powers = np.polyfit(np.log(lags[fit]), np.log(squares[:, fit]).T, 1)[0]
    slope, exponent = (Estimate(*map(float, mean_of_blocks(found))) for found in (slopes, powers))
    _warn_unless_diffusive(exponent, lags[fit])
    return Displacement(
        lags=lags,
        values=values,
        uncertainties=uncertainties,
        lag_range=(float(lags[fit][0]), float(lags[fit][-1])),
        line=(slope.value, float(intercepts.mean())),
        exponent=exponent,
        diffusion=Estimate(slope.value / 6 * _CM2_PER_S, slope.uncertainty / 6 * _CM2_PER_S),
    )


def linear_range(lags: ArrayLike, values: ArrayLike, tolerance: float = MAX_EXPONENT_ERROR) -> tuple[float, float]:
    """Return the longest range of lags over which a displacement grows linearly, for ``lag_range``.

    There the slope of the logarithms between a lag and its double is 1 within the tolerance.

    :param lags: ps, of :class:`Displacement`, (n_lags,).
    :param values: Å², (n_lags,).
    :param tolerance: how far the slope may be from 1.
    :raises InputError: if there is no such range.
    """
    times, squares = np.asarray(lags, dtype=np.float64), np.asarray(values, dtype=np.float64)
    slopes = np.log2(np.interp(2 * times, times, squares) / squares)
    good = (np.abs(slopes - 1) <= tolerance) & (2 * times <= times[-1])
    edges = np.flatnonzero(np.diff(np.concatenate([[False], good, [False]]).astype(int)))
    starts, ends = edges[::2], edges[1::2] - 1
    if not len(starts):
        raise InputError(f"the displacement grows linearly nowhere within `tolerance` {tolerance}: run longer")
    best = int(np.argmax(times[ends] * 2 - times[starts]))
    return float(times[starts[best]]), float(2 * times[ends[best]])


def _mean_square(paths: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean square displacement over particles and all origins, at lags 0, 1, ... frames, (n_frames,).

    By Fourier transforms: Calandrini et al., Collection SFN 12, 201 (2011), section 4.2.
    """
    n_frames, n_particles = paths.shape[:2]
    size = fft.next_fast_len(2 * n_frames, real=True)
    power, squares = np.zeros(size // 2 + 1), np.zeros(n_frames)
    chunk = max(1, _VALUES_AT_ONCE // (3 * size))
    for start in range(0, n_particles, chunk):
        part = paths[:, start : start + chunk].reshape(n_frames, -1)
        part = part - part[0]  # sums of large squares would cancel
        power += (np.abs(fft.rfft(part, size, axis=0)) ** 2).sum(axis=1)
        squares += (part**2).sum(axis=1)
    sums = np.concatenate([[0.0], np.cumsum(squares)])
    counts = np.arange(n_frames, 0, -1)
    both = sums[counts] + sums[-1] - sums[:n_frames]
    return np.asarray((both - 2 * fft.irfft(power, size)[:n_frames]) / (counts * n_particles))


def _fitted(lags: NDArray[np.float64], length: float, lag_range: tuple[float, float] | None) -> NDArray[np.bool_]:
    """Return which lags of a block of some length in ps are fitted."""
    if lag_range is None:
        first = max(LAG_FRACTIONS[0] * length, lags[0])
        lag_range = (first, max(LAG_FRACTIONS[1] * length, first + (_MIN_LAGS - 1) * lags[0]))
    first, last = lag_range
    chosen = (lags >= first * (1 - 1e-9)) & (lags <= last * (1 + 1e-9))
    if last > length or chosen.sum() < _MIN_LAGS:
        raise InputError(
            f"`lag_range` {first:g} to {last:g} ps holds {int(chosen.sum())} lags of a block of {length:g} ps: it must "
            f"lie within a block and hold {_MIN_LAGS} or more; take more frames, or fewer blocks"
        )
    return np.asarray(chosen)


def _warn_unless_diffusive(exponent: Estimate, lags: NDArray[np.float64]) -> None:
    error = abs(exponent.value - 1)
    if error > MAX_EXPONENT_ERROR and error > 2 * exponent.uncertainty:
        warnings.warn(
            f"the displacement grows as time to the power of {exponent.value:.2f} ± {exponent.uncertainty:.2f} between "
            f"{lags[0]:g} and {lags[-1]:g} ps, not linearly: the diffusion is none; fit longer lags of a longer run",
            PropertyWarning,
            stacklevel=4,
        )
