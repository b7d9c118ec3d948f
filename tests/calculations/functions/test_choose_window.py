"""The choice of the trust window."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from aiida import orm

from aiida_nnpgen.calculations.functions import choose_window

pytestmark = pytest.mark.usefixtures("aiida_profile")

BOUNDS: dict[str, Any] = {"lo": 0.1, "hi": 0.4, "energy": None, "stress": None}


def arrays(**columns: Any) -> orm.ArrayData:
    """Return columns as a node."""
    node = orm.ArrayData()
    for name, values in columns.items():
        node.set_array(name, np.array(values, dtype=np.float64))
    return node


def deviation_node(*values: float) -> orm.ArrayData:
    """Return the deviations of a run, ten steps apart."""
    return arrays(deviation=values, step=10.0 * np.arange(len(values)))


def settings(**changes: Any) -> orm.Dict:
    """Return settings of a screening as far as its window goes."""
    window = {"mode": "fixed", "lo": 0.1, "hi": 0.4, "percentile": 100, "energy": None, "stress": None}
    calibration = {"quantile": 0.95, "factor": 5.0, "error_lo": None, "error_hi": None}
    return orm.Dict({"window": window | {"calibration": calibration} | changes})


def proportional(n_frames: int = 200) -> orm.ArrayData:
    """Return validation frames whose error is twice their deviation."""
    deviation = np.random.default_rng(0).lognormal(-2, 0.5, n_frames)
    return arrays(deviation=deviation, force_error_driving=2 * deviation)


def test_choose_window_returns_fixed_bounds() -> None:
    """The bounds are those of the settings, and nothing was calibrated."""
    chosen = choose_window(settings(), run_000=deviation_node(0.2))
    assert chosen["window"].get_dict() == BOUNDS
    assert "calibration" not in chosen


def test_choose_window_calibrates_on_validation_frames() -> None:
    """Where the error is twice the deviation, given errors become bounds of half their size."""
    wanted = {"quantile": 0.95, "factor": 5.0, "error_lo": 0.2, "error_hi": 0.6}
    chosen = choose_window(settings(mode="auto", calibration=wanted), proportional())
    assert chosen["window"]["lo"] == pytest.approx(0.1)
    assert chosen["window"]["hi"] == pytest.approx(0.3)
    assert chosen["calibration"]["source"] == "fit"
    assert chosen["calibration"]["prefactor"] == pytest.approx(2)


def test_choose_window_lowers_hi_to_what_was_sampled() -> None:
    """Sampled frames bound the window from above, the committee's own measure where there is one."""
    narrow = np.linspace(0.3, 0.4, 50)
    auto = settings(mode="auto")
    free, fenced = (
        choose_window(auto, proportional()),
        choose_window(auto, proportional(), run_000=deviation_node(*narrow)),
    )
    assert fenced["window"]["hi"] < free["window"]["hi"]
    committee = arrays(force_run_000=10 * narrow)
    wide = choose_window(auto, proportional(), committee, run_000=deviation_node(*narrow))
    assert wide["window"]["hi"] > fenced["window"]["hi"]
