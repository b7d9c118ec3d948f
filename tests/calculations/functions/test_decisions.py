"""When to stop, and which frames to give up."""

from __future__ import annotations

from typing import Any

import pytest
from aiida import orm

from aiida_nnpgen.calculations.functions import count_runs, decide_stop, give_up_frames

pytestmark = pytest.mark.usefixtures("aiida_profile")


def decide(stop: dict[str, float] | None, *iterations: tuple[int, dict[str, Any]]) -> orm.Dict:
    """Return the last decision over iterations of known frames and runs; each run has a planned, a good and an end."""
    previous: dict[str, orm.Dict] = {}
    for known, runs in iterations:
        left, each = known, {}
        for key, run in runs.items():
            each[key] = {"known": min(left, run["good"]), "candidate": 0, "failed": 0}
            each[key]["candidate"] = run["good"] - each[key]["known"]
            left -= each[key]["known"]
        counts = orm.Dict({"runs": {**each, "probe_000": {"known": 5, "candidate": 0, "failed": 0}}})
        previous = {"previous": decide_stop(orm.Dict({"stop": stop}), counts, orm.Dict(runs), **previous)}
    return previous["previous"]


def runs(*good: int, planned: int = 10, end: str = "completed") -> dict[str, Any]:
    """Return runs with some good frames each."""
    return {f"run_{index:03d}": {"planned": planned, "good": n, "end": end} for index, n in enumerate(good)}


@pytest.mark.parametrize(
    ("known", "stop"),
    [
        ((9,), False),  # one iteration is not two
        ((9, 9), True),
        ((9, 8, 9), False),  # not in a row
        ((1, 8, 9), False),
        ((1, 9, 10), True),
    ],
)
def test_decide_stop_wants_iterations_in_a_row(known: tuple[int, ...], stop: bool) -> None:
    """The share must be reached in the last two iterations."""
    decision = decide({"known_share": 0.9, "iterations": 2}, *((n, runs(10)) for n in known))
    assert decision["stop"] is stop
    assert decision["known_share"] == [n / 10 for n in known]


def test_decide_stop_never_stops_unasked() -> None:
    """Without a criterion the schedule decides."""
    assert decide(None, (10, runs(10)), (10, runs(10)))["stop"] is False


def test_decide_stop_takes_nothing_sampled_for_nothing_known() -> None:
    """An iteration without a frame says nothing good."""
    decision = decide({"known_share": 0.5, "iterations": 1}, (0, {}))
    assert (decision["stop"], decision["known_share"]) == (False, [0.0])


@pytest.mark.parametrize("end", ["halted", "lost_atoms", "interrupted", "no_output"])
def test_decide_stop_counts_what_a_run_did_not_reach(end: str) -> None:
    """Two runs that die at once leave eleven known frames, which is not convergence; the reason names the runs."""
    decision = decide({"known_share": 0.9, "iterations": 1}, (11, runs(11, 0, planned=201, end=end)))
    assert decision["stop"] is False
    assert decision["known_share"] == pytest.approx([11 / 402])
    assert f"2 of 2 runs are incomplete: run_000 {end} with 11 of 201" in decision["reason"]


def test_decide_stop_takes_whole_runs_for_what_they_are() -> None:
    """With every frame sampled and known the loop may end, and no run is blamed."""
    decision = decide({"known_share": 0.9, "iterations": 1}, (402, runs(201, 201, planned=201)))
    assert decision["stop"] is True
    assert "incomplete" not in decision["reason"]


def test_count_runs_knows_runs_that_left_nothing() -> None:
    """What was planned follows from the settings, whatever came of it."""
    sampling = {"stride": 10, "timestep": 0.5, "seed": 1}
    sampling |= {"runs": [{"ensemble": "nvt", "temperatures": [300.0, 600.0], "length": 100.0}]}
    report = orm.Dict({"n_frames": 4, "end": "halted"})
    counted = count_runs(orm.Dict(sampling), orm.List(["water"]), run_001=report).get_dict()
    assert counted == {
        "run_000": {"planned": 21, "good": 0, "end": "no_output"},
        "run_001": {"planned": 21, "good": 4, "end": "halted"},
    }


def test_give_up_frames_records_the_last_job() -> None:
    """Every frame bears the reason and the facts of the job that tried last."""
    facts = {"process": "abc", "exit_status": 400, "detail": "cut"}
    given_up = give_up_frames(orm.List(["frame_0001", "frame_0004"]), orm.Dict(facts))
    assert given_up.get_dict() == {key: {"reason": "job_failed", **facts} for key in ("frame_0001", "frame_0004")}
