"""Choose the trust window from how well the deviation foretells the error.

On validation frames both the committee deviation and the true force error are known. A power law between the two,
fitted in logarithms, turns errors into deviations: the window begins where the expected error leaves the range that the
model has on its own validation set, and ends where it is several times as large.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from ..common.exceptions import InputError

__all__ = ["Calibration", "CalibrationSettings", "calibrate_window"]

_FEWEST = 10
_WEAKEST = 0.3
_STEEPEST = 3.0


@dataclass(frozen=True, kw_only=True)
class CalibrationSettings:
    """What the bounds of the window are to mean.

    :ivar quantile: of what the model errs on validation, still counted as known.
    :ivar factor: ratio of the expected errors at the two ends.
    :ivar error_lo: expected error at ``lo`` in eV/Å, instead of the quantile.
    :ivar error_hi: expected error at ``hi`` in eV/Å, instead of the multiple.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid"}

    quantile: float = 0.95
    factor: float = 5.0
    error_lo: float | None = None
    error_hi: float | None = None

    def __post_init__(self) -> None:
        if not 0 < self.quantile < 1:
            raise InputError(f"`quantile` must lie between 0 and 1, not `{self.quantile}`")
        if not 1 < self.factor < np.inf:
            raise InputError(f"`factor` must exceed 1, not `{self.factor}`")
        for name in ("error_lo", "error_hi"):
            value = getattr(self, name)
            if value is not None and not 0 < value < np.inf:
                raise InputError(f"`{name}` must be positive, not `{value}`")
        if None not in (self.error_lo, self.error_hi) and self.error_lo >= self.error_hi:  # type: ignore[operator]
            raise InputError(f"`error_lo` ({self.error_lo}) must be below `error_hi` ({self.error_hi})")


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """The chosen trust window and what it rests on.

    Expected error = ``prefactor`` * deviation ** ``exponent``, both in eV/Å.

    :ivar lo: eV/Å.
    :ivar hi: eV/Å.
    :ivar source: ``fit``, or ``distribution`` where the deviation does not foretell the error.
    :ivar prefactor: of the power law; NaN where nothing could be fitted.
    :ivar exponent: of the power law.
    :ivar scatter: standard deviation of ln(error) about the fit.
    :ivar rank_correlation: Spearman's, of deviation and error.
    :ivar error_lo: expected error at ``lo``, eV/Å.
    :ivar error_hi: expected error at ``hi``, eV/Å.
    :ivar n_frames: validation frames; those without a finite value count as the worst.
    :ivar n_fitted: those of them with a usable deviation and error, which the power law rests on.
    """

    lo: float
    hi: float
    source: str
    prefactor: float
    exponent: float
    scatter: float
    rank_correlation: float
    error_lo: float
    error_hi: float
    n_frames: int
    n_fitted: int

    def as_dict(self) -> dict[str, float | int | str | None]:
        """Return the numbers by name, None in place of NaN, which JSON does not have."""
        return {name: None if value != value else value for name, value in asdict(self).items()}


def calibrate_window(
    deviation: ArrayLike,
    error: ArrayLike,
    sampled: ArrayLike | None = None,
    settings: CalibrationSettings | None = None,
) -> Calibration:
    """Return a trust window.

    Without given errors, ``lo`` is where the expected error reaches the ``quantile`` of the validation errors, and
    ``hi`` where it is ``factor`` times that. Where fewer than 10 frames can be used, the rank correlation is below 0.3,
    or the exponent is not between 1/3 and 3, the deviation foretells nothing: then ``lo`` is the ``quantile`` of the
    validation deviations and ``hi`` is ``factor`` times that. A value that is not finite counts as the largest of all
    in a quantile, and so does a deviation of zero, which is no agreement.

    Sampled frames lower ``hi`` to the outer fence of their own distribution (third quartile plus three times the
    interquartile range, in logarithms; Tukey 1977), but never below twice ``lo``: what lies beyond is alien even to the
    sampling.

    :param deviation: committee force deviation of validation frames, eV/Å, (n_frames,).
    :param error: largest force error of the same frames, eV/Å, (n_frames,).
    :param sampled: deviations of sampled frames, eV/Å, (n_sampled,), or None.
    :param settings: what the bounds are to mean; None: the default.
    :raises InputError: if lengths differ, no deviation is usable, or the errors at the two ends do not ascend.
    """
    options = settings or CalibrationSettings()
    x, y = np.asarray(deviation, dtype=np.float64), np.asarray(error, dtype=np.float64)
    if x.ndim != 1 or x.shape != y.shape:
        raise InputError(f"`deviation` and `error` have shapes {x.shape} and {y.shape}, expected (n_frames,) twice")
    both = _usable(x) & _usable(y)
    if not both.any():
        raise InputError(
            f"no validation frame of {len(x)} has a finite deviation and error above zero: the window cannot be chosen"
        )
    prefactor, exponent, scatter, correlation = _fit(x[both], y[both])
    known = _quantile(y, options.quantile, "error") if options.error_lo is None else options.error_lo
    failed = known * options.factor if options.error_hi is None else options.error_hi
    if failed <= known:
        raise InputError(f"the error at `hi`, `{failed:.3g}` eV/Å, must exceed that at `lo`, `{known:.3g}` eV/Å")
    if correlation >= _WEAKEST and 1 / _STEEPEST <= exponent <= _STEEPEST:
        source = "fit"
        lo, hi = ((value / prefactor) ** (1 / exponent) for value in (known, failed))
    else:
        source = "distribution"
        lo = _quantile(np.where(_usable(x), x, np.inf), options.quantile, "deviation")
        hi = lo * options.factor
    if sampled is not None:
        hi = _fenced(lo, hi, np.asarray(sampled, dtype=np.float64))
    return Calibration(
        lo=float(lo),
        hi=float(hi),
        source=source,
        prefactor=prefactor,
        exponent=exponent,
        scatter=scatter,
        rank_correlation=correlation,
        error_lo=float(prefactor * lo**exponent),
        error_hi=float(prefactor * hi**exponent),
        n_frames=len(x),
        n_fitted=int(both.sum()),
    )


def _usable(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.asarray(np.isfinite(values) & (values > 0))


def _quantile(values: NDArray[np.float64], quantile: float, name: str) -> float:
    """Return a quantile of all values, of which those that are not finite are the largest.

    :raises InputError: if so many are not finite that the quantile is none either.
    """
    finite = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        result = float(np.quantile(np.where(finite, values, np.inf), quantile))
    if not np.isfinite(result):
        raise InputError(
            f"the {name} of {int((~finite).sum())} of {len(values)} validation frames is not finite: "
            f"there is no `quantile` of {quantile:g}, and the window cannot be chosen"
        )
    return result


def _fit(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, float, float, float]:
    """Return prefactor and exponent of the power law, scatter, and rank correlation.

    The line goes through the centre of the logarithms with the slope of the reduced major axis: both variables scatter,
    and an ordinary regression would flatten it and push the inverted bounds far out.
    """
    if len(x) < _FEWEST or np.ptp(x) == 0 or np.ptp(y) == 0:
        return np.nan, np.nan, np.nan, np.nan
    correlation = float(np.corrcoef(rankdata(x), rankdata(y))[0, 1])
    u, v = np.log(x), np.log(y)
    exponent = float(np.sign(correlation) * v.std() / u.std())
    intercept = float(v.mean() - exponent * u.mean())
    return float(np.exp(intercept)), exponent, float((v - intercept - exponent * u).std()), correlation


def _fenced(lo: float, hi: float, sampled: NDArray[np.float64]) -> float:
    if _usable(sampled).sum() < _FEWEST:
        return hi
    # What has no usable deviation has failed, and lies beyond all others.
    logarithms = np.sort(np.log(np.where(_usable(sampled), sampled, np.inf)))
    first, third = np.quantile(logarithms, [0.25, 0.75], method="lower" if np.isinf(logarithms[-1]) else "linear")
    if np.isinf(third):
        return hi
    fence = float(np.exp(third + 3 * (third - first)))
    return min(hi, max(fence, 2 * lo))
