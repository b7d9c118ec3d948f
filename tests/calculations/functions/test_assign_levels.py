"""Which frame lies where relative to the window."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from aiida import orm

from aiida_nnpgen.calculations.functions import assign_levels

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


def test_assign_levels_numbers_the_candidates() -> None:
    """They are pairs of run and row, with the deviation that made them candidates."""
    made = assign_levels(orm.Dict(BOUNDS), run_000=deviation_node(0.05, 0.1, 0.2), run_001=deviation_node(0.4, 0.3))
    levels = made["levels"]
    assert levels.base.attributes.get("runs") == ["run_000", "run_001"]
    assert levels.get_array("candidate_run").tolist() == [0, 0, 1]
    assert levels.get_array("candidate_row").tolist() == [1, 2, 1]
    assert levels.get_array("candidate_deviation").tolist() == [0.1, 0.2, 0.3]


def test_assign_levels_takes_what_a_job_measured_for_some_runs() -> None:
    """A run whose sampler measured nothing has the job's deviation, the other its own."""
    bare = arrays(step=[0.0, 10.0])
    made = assign_levels(orm.Dict(BOUNDS), arrays(force_run_001=[0.2, 0.5]), run_000=deviation_node(0.3), run_001=bare)
    assert made["counts"]["runs"]["run_000"] == {"known": 0, "candidate": 1, "failed": 0}
    assert made["counts"]["runs"]["run_001"] == {"known": 0, "candidate": 1, "failed": 1}
