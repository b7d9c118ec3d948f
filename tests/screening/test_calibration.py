"""Tests of the calibrated trust window."""

from __future__ import annotations

import numpy as np
import pytest

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.screening.calibration import CalibrationSettings, calibrate_window

RNG = np.random.default_rng(7)
DEVIATION = 10 ** RNG.uniform(-2, -0.5, 400)


def test_calibration_finds_an_exact_power_law():
    """Prefactor and exponent come back, and given errors are inverted exactly."""
    found = calibrate_window(DEVIATION, 2.0 * DEVIATION**0.8, settings=CalibrationSettings(error_lo=0.2, error_hi=1.0))
    assert (found.prefactor, found.exponent) == pytest.approx((2.0, 0.8))
    assert (found.lo, found.hi) == pytest.approx((0.1 ** (1 / 0.8), 0.5 ** (1 / 0.8)))
    assert (found.error_lo, found.error_hi) == pytest.approx((0.2, 1.0))
    assert found.rank_correlation == pytest.approx(1.0)
    assert found.scatter == pytest.approx(0.0, abs=1e-9)
    assert found.source == "fit"


def test_calibration_of_scattered_errors_is_near_the_law():
    """Scatter in the errors hardly moves the window."""
    error = 2.0 * DEVIATION * np.exp(RNG.normal(0, 0.2, 400))
    found = calibrate_window(DEVIATION, error, settings=CalibrationSettings(error_lo=0.2, error_hi=0.6))
    assert (found.lo, found.hi) == pytest.approx((0.1, 0.3), rel=0.1)
    assert found.scatter == pytest.approx(0.2, rel=0.2)


def test_calibration_by_default_starts_where_validation_ends():
    """The lower bound is where the error leaves the validation range, the upper one five times that."""
    found = calibrate_window(DEVIATION, 3.0 * DEVIATION)
    assert found.lo == pytest.approx(np.quantile(DEVIATION, 0.95))
    assert found.hi == pytest.approx(5 * found.lo)


def test_calibration_without_correlation_falls_back_on_the_distribution():
    """A deviation that foretells nothing is not inverted."""
    found = calibrate_window(DEVIATION, RNG.permutation(DEVIATION))
    assert found.source == "distribution"
    assert (found.lo, found.hi) == pytest.approx((np.quantile(DEVIATION, 0.95), 5 * np.quantile(DEVIATION, 0.95)))


def test_calibration_on_few_frames_falls_back_on_the_distribution():
    """Nine frames make no fit."""
    found = calibrate_window(DEVIATION[:9], 2 * DEVIATION[:9])
    assert found.source == "distribution"
    assert np.isnan(found.exponent)


def test_calibration_fits_usable_frames_and_counts_all():
    """Zero, NaN and infinity on either side do not enter the fit."""
    error = 2 * DEVIATION
    spoilt, wrong = DEVIATION.copy(), error.copy()
    spoilt[:3], wrong[3:5] = [0.0, np.nan, np.inf], [np.nan, 0.0]
    found = calibrate_window(spoilt, wrong)
    assert (found.n_frames, found.n_fitted) == (400, 395)
    assert found.exponent == pytest.approx(1.0)


def test_calibration_cuts_outliers_of_the_sampling():
    """A narrow distribution of sampled deviations lowers the upper bound, though not below twice the lower."""
    error, wide = DEVIATION.copy(), CalibrationSettings(error_lo=0.1, error_hi=5.0)
    free = calibrate_window(DEVIATION, error, settings=wide)
    narrow = calibrate_window(DEVIATION, error, np.r_[np.full(50, 0.3), np.full(50, 0.4)], wide)
    below = calibrate_window(DEVIATION, error, np.full(100, 0.01), wide)
    assert free.hi == pytest.approx(5.0)
    assert narrow.hi == pytest.approx(0.4 * (4 / 3) ** 3)
    assert below.hi == pytest.approx(0.2)


def test_calibration_refuses_lengths_that_do_not_match():
    """Deviation and error belong to the same frames."""
    with pytest.raises(InputError, match="shapes"):
        calibrate_window(DEVIATION, DEVIATION[1:])


def test_calibration_counts_what_failed_among_the_worst():
    """Errors, deviations and sampled deviations that are not finite raise a quantile, and never vanish."""
    error = 2 * DEVIATION
    worst, best = np.argsort(error)[-12:], np.argsort(error)[:12]
    spoilt = error.copy()
    spoilt[worst] = np.nan
    assert calibrate_window(DEVIATION, spoilt).lo == pytest.approx(calibrate_window(DEVIATION, error).lo)
    spoilt = error.copy()
    spoilt[best] = np.inf
    assert calibrate_window(DEVIATION, spoilt).lo > calibrate_window(DEVIATION, error).lo
    with pytest.raises(InputError, match="error of 40 of 400 validation frames"):
        calibrate_window(DEVIATION, np.where(np.arange(400) < 40, np.nan, error))
    sampled = np.where(np.arange(400) < 120, np.nan, DEVIATION / 100)
    assert calibrate_window(DEVIATION, error, sampled).hi == calibrate_window(DEVIATION, error).hi


def test_calibration_of_few_frames_counts_deviations_of_zero_as_failed():
    """The quantile of the deviations is refused where too many are none."""
    with pytest.raises(InputError, match="deviation of 3 of 9"):
        calibrate_window([0.0, 0.0, 0.0, *DEVIATION[:6]], DEVIATION[:9])


def test_calibration_refuses_frames_without_any_deviation():
    """All-zero deviations give no window."""
    with pytest.raises(InputError, match="no validation frame"):
        calibrate_window(np.zeros(20), np.ones(20))


@pytest.mark.parametrize(
    "options", [{"quantile": 1.0}, {"factor": 1.0}, {"error_lo": 0.0}, {"error_lo": 0.5, "error_hi": 0.4}]
)
def test_calibration_settings_refuse_options_out_of_range(options):
    """Quantile, factor and errors are checked."""
    with pytest.raises(InputError):
        CalibrationSettings(**options)


def test_calibration_refuses_errors_that_do_not_ascend():
    """An upper error below the validation errors makes no window."""
    with pytest.raises(InputError, match="must exceed"):
        calibrate_window(DEVIATION, DEVIATION, settings=CalibrationSettings(error_hi=0.01))


def test_calibration_as_dict_has_every_number():
    """The numbers can be stored by name."""
    numbers = calibrate_window(DEVIATION, DEVIATION).as_dict()
    assert calibrate_window(DEVIATION[:3], DEVIATION[:3]).as_dict()["exponent"] is None
    assert {"lo", "hi", "prefactor", "exponent", "scatter", "rank_correlation", "source", "n_frames"} <= set(numbers)
