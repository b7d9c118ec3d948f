"""When to stop, and which frames to give up."""

from __future__ import annotations

import pytest
from aiida import orm

from aiida_nnpgen.calculations.functions import decide_stop, give_up_frames

pytestmark = pytest.mark.usefixtures("aiida_profile")


def counts(*known: int) -> dict[str, orm.Dict]:
    """Return the counts of iterations that sampled ten frames each."""
    return {f"iteration_{index:02d}": orm.Dict({"known": n, "sampled": 10}) for index, n in enumerate(known)}


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
    decision = decide_stop(orm.Dict({"stop": {"known_share": 0.9, "iterations": 2}}), **counts(*known))
    assert decision["stop"] is stop
    assert decision["known_share"] == [n / 10 for n in known]


def test_decide_stop_never_stops_unasked() -> None:
    """Without a criterion the schedule decides."""
    assert decide_stop(orm.Dict({"stop": None}), **counts(10, 10))["stop"] is False


def test_decide_stop_takes_nothing_sampled_for_nothing_known() -> None:
    """An iteration without a frame says nothing good."""
    config = orm.Dict({"stop": {"known_share": 0.5, "iterations": 1}})
    decision = decide_stop(config, iteration_00=orm.Dict({"known": 0, "sampled": 0}))
    assert (decision["stop"], decision["known_share"]) == (False, [0.0])


def test_give_up_frames_records_the_last_job() -> None:
    """Every frame bears the reason and the facts of the job that tried last."""
    facts = {"process": "abc", "exit_status": 400, "detail": "cut"}
    given_up = give_up_frames(orm.List(["frame_0001", "frame_0004"]), orm.Dict(facts))
    assert given_up.get_dict() == {key: {"reason": "job_failed", **facts} for key in ("frame_0001", "frame_0004")}
