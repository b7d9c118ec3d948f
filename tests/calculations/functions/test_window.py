"""The trust window, and which frame lies where."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from aiida import orm

from aiida_nnpgen.calculations.functions import assign_levels, choose_window

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


def test_assign_levels_counts_per_run_and_in_all() -> None:
    """The window holds its lower bound and not its upper one."""
    made = assign_levels(orm.Dict(BOUNDS), run_000=deviation_node(0.05, 0.1, 0.2), run_001=deviation_node(0.4, 0.3))
    counts = made["counts"]
    assert counts["runs"]["run_000"] == {"known": 1, "candidate": 2, "failed": 0}
    assert counts["runs"]["run_001"] == {"known": 0, "candidate": 1, "failed": 1}
    assert [counts[key] for key in ("known", "candidate", "failed", "sampled")] == [1, 3, 1, 5]
    assert made["levels"].get_array("run_000_levels").tolist() == [0, 1, 1]
    assert made["levels"].get_array("run_000_steps").tolist() == [0, 10, 20]


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_assign_levels_fails_what_is_no_deviation(value: float) -> None:
    """All zero, NaN and infinity are no agreement."""
    counts = assign_levels(orm.Dict(BOUNDS), run_000=deviation_node(value, 0.2))["counts"]
    assert (counts["known"], counts["candidate"], counts["failed"]) == (0, 1, 1)


def test_assign_levels_joins_windows() -> None:
    """A frame that the forces know is a candidate by its energy, and fails by its stress."""
    window = orm.Dict(BOUNDS | {"energy": [0.01, 0.1], "stress": [0.001, 0.01]})
    committee = arrays(
        force_run_000=[0.05, 0.05, 0.05], energy_run_000=[0.001, 0.02, 0.001], stress_run_000=[1e-4, 1e-4, 0.02]
    )
    levels = assign_levels(window, committee, run_000=deviation_node(0.2, 0.2, 0.2))["levels"]
    assert levels.get_array("run_000_levels").tolist() == [0, 1, 2]


def test_assign_levels_takes_a_run_without_frames() -> None:
    """A run that failed at once has no frames and no trajectory."""
    committee = arrays(force_run_000=[0.2])
    counts = assign_levels(orm.Dict(BOUNDS), committee, run_000=deviation_node(0.3), run_001=deviation_node())["counts"]
    assert counts["sampled"] == 1
