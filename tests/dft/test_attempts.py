"""What comes after a job, decided without AiiDA."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product

import pytest

from aiida_nnpgen.common.types import RunEnd
from aiida_nnpgen.dft.attempts import (
    Batch,
    Decision,
    JobEnd,
    Limits,
    NextJob,
    Outcome,
    Progress,
    Remedy,
    next_batches,
    next_job,
    run_end,
)
from aiida_nnpgen.dft.label import LabelFailure

FRAMES = tuple(f"frame_{index:04d}" for index in range(4))
LIMITS = Limits(max_attempts=3)
LARGER = Limits(max_attempts=3, has_larger_options=True)
RECOVERABLE = (LabelFailure.NOT_CONVERGED, LabelFailure.CALCULATOR)
FINAL = tuple(
    reason
    for reason in LabelFailure
    if reason not in (*RECOVERABLE, LabelFailure.NO_OUTPUT, LabelFailure.OUT_OF_LIMITS)
)


def batch(**changes: object) -> Batch:
    """Return a first batch of four frames."""
    return Batch(**{"number": 3, "frames": FRAMES, "method": "0_method_1", **changes})


def remedies(count: int) -> Callable[[LabelFailure, int], bool]:
    """Return a code with some ways out of every trouble."""
    return lambda _, number: number <= count


def failed(reason: str, *frames: str) -> Outcome:
    """Return an outcome in which some frames failed and the others are done."""
    done = frozenset(FRAMES) - set(frames)
    return Outcome(done=done, failed=dict.fromkeys(frames, reason))


def test_next_batches_is_nothing_where_all_is_done() -> None:
    """Every frame has a label."""
    assert next_batches(batch(), Outcome(done=frozenset(FRAMES)), remedies(9), LARGER) == Decision()


@pytest.mark.parametrize("reason", RECOVERABLE)
def test_next_batches_changes_the_method(reason: LabelFailure) -> None:
    """The frames that failed alone, at their own level, with the first remedy."""
    decision = next_batches(batch(), failed(reason, FRAMES[1], FRAMES[3]), remedies(1), LARGER)
    assert decision.given_up == ()
    [again] = decision.batches
    assert again.frames == (FRAMES[1], FRAMES[3])
    assert (again.method, again.remedy, again.attempt) == ("0_method_1", Remedy(reason=reason, number=1), 1)
    assert not again.has_larger_options


@pytest.mark.parametrize("reason", RECOVERABLE)
def test_next_batches_asks_the_code_for_a_remedy(reason: LabelFailure) -> None:
    """Without one the frames are given up; their reason is recorded already."""
    assert next_batches(batch(), failed(reason, FRAMES[0]), remedies(0), LARGER) == Decision()


def test_next_batches_goes_through_the_remedies_in_turn() -> None:
    """Each one is tried once; an accident in between costs none."""
    tried, present = [], batch()
    for reason in (LabelFailure.NOT_CONVERGED, LabelFailure.NO_OUTPUT, LabelFailure.NOT_CONVERGED):
        [present] = next_batches(present, failed(reason, *FRAMES), remedies(2), Limits(max_attempts=9)).batches
        tried.append(present.remedy)
    first, second = (Remedy(reason=LabelFailure.NOT_CONVERGED, number=number) for number in (1, 2))
    assert tried == [first, first, second]
    assert next_batches(present, failed(LabelFailure.NOT_CONVERGED, *FRAMES), remedies(2), LARGER) == Decision()


@pytest.mark.parametrize("reason", [*FINAL, "job_failed", "a reason of somebody else"])
def test_next_batches_gives_up_what_would_fail_again(reason: str) -> None:
    """A label that cannot be right is not computed twice."""
    assert next_batches(batch(), failed(reason, FRAMES[0]), remedies(9), LARGER) == Decision()


@pytest.mark.parametrize("limits", [LIMITS, LARGER])
def test_next_batches_repeats_what_was_cut(limits: Limits) -> None:
    """As it was, with more time and memory if there is more, and whether or not the code has remedies."""
    present = batch(remedy=Remedy(reason=LabelFailure.NOT_CONVERGED, number=1), history=("not_converged",))
    [again] = next_batches(present, failed(LabelFailure.NO_OUTPUT, FRAMES[2]), remedies(0), limits).batches
    assert again.remedy == present.remedy
    assert again.has_larger_options == limits.has_larger_options
    assert again.frames == (FRAMES[2],)


def test_next_batches_asks_once_for_more() -> None:
    """A job that says that it had too little has the larger options next, and the same method."""
    present, outcome = batch(), failed(LabelFailure.OUT_OF_LIMITS, FRAMES[2])
    assert next_batches(present, outcome, remedies(9), LIMITS) == Decision()
    [again] = next_batches(present, outcome, remedies(9), LARGER).batches
    assert (again.has_larger_options, again.remedy, again.frames) == (True, None, (FRAMES[2],))
    assert next_batches(again, failed(LabelFailure.OUT_OF_LIMITS, FRAMES[2]), remedies(9), LARGER) == Decision()


@pytest.mark.parametrize("reason", RECOVERABLE)
def test_next_batches_keeps_the_larger_options(reason: LabelFailure) -> None:
    """Whoever needed them once needs them with any other method."""
    [again] = next_batches(batch(has_larger_options=True), failed(reason, FRAMES[0]), remedies(1), LIMITS).batches
    assert again.has_larger_options


@pytest.mark.parametrize("limits", [LIMITS, LARGER])
def test_next_batches_repeats_what_was_left_undone(limits: Limits) -> None:
    """Frames after the end of a job that was killed."""
    decision = next_batches(batch(), Outcome(done=frozenset(FRAMES[:2])), remedies(0), limits)
    [again] = decision.batches
    assert (again.frames, again.remedy, decision.given_up) == (FRAMES[2:], None, ())
    assert again.has_larger_options == limits.has_larger_options


def test_next_batches_gives_up_after_enough_attempts() -> None:
    """Undone frames are named, for they have no reason yet; failed ones have theirs."""
    outcome = Outcome(done=frozenset(FRAMES[:1]), failed={FRAMES[1]: LabelFailure.NOT_CONVERGED})
    last = batch(history=("undone", "undone"))
    assert next_batches(last, outcome, remedies(9), LARGER) == Decision(given_up=FRAMES[2:])


def test_next_batches_does_not_repeat_a_hopeless_job() -> None:
    """It stopped with an error of its own: undone frames are given up, failed ones may have a remedy."""
    outcome = Outcome(failed={FRAMES[0]: LabelFailure.NOT_CONVERGED}, is_hopeless=True)
    decision = next_batches(batch(), outcome, remedies(1), LARGER)
    assert decision.given_up == FRAMES[1:]
    assert [again.frames for again in decision.batches] == [FRAMES[:1]]


def test_next_batches_separates_reasons() -> None:
    """One batch per reason and one of what was left undone, each with the larger options only if it was cut."""
    outcome = Outcome(
        failed={
            FRAMES[0]: LabelFailure.NOT_CONVERGED,
            FRAMES[1]: LabelFailure.OUT_OF_LIMITS,
            FRAMES[2]: LabelFailure.ALL_ZERO,
        }
    )
    decision = next_batches(batch(), outcome, remedies(9), LARGER)
    found = {again.frames: again.has_larger_options for again in decision.batches}
    assert found == {FRAMES[:1]: False, FRAMES[1:2]: True, FRAMES[3:]: True}


def family(present: Batch, limits: Limits) -> Iterator[Batch]:
    """Yield a batch and every batch that can follow it."""
    yield present
    reasons = (*RECOVERABLE, LabelFailure.NO_OUTPUT, LabelFailure.OUT_OF_LIMITS)
    outcome = Outcome(failed=dict(zip(FRAMES, reasons, strict=True)))
    for parts in (outcome, Outcome()):
        for again in next_batches(replace_frames(present), parts, remedies(9), limits).batches:
            yield from family(again, limits)


def replace_frames(present: Batch) -> Batch:
    """Return a batch with all frames, so that each reason can meet it."""
    return Batch(**{**vars(present), "frames": FRAMES})


def test_keys_of_batches_differ() -> None:
    """Whatever went wrong before: cut and then stuck is not stuck and then cut."""
    limits = Limits(max_attempts=4, has_larger_options=True)
    found: dict[str, tuple[str, ...]] = {}
    for number in (0, 1):
        for again in family(batch(number=number), limits):
            assert found.setdefault(again.key, (str(number), *again.history)) == (str(number), *again.history)
    assert len(found) > 100
    assert batch(number=0).key == "batch_000_0"


def test_no_frame_is_lost() -> None:
    """Each one is done, has its reason, comes again, or is given up, and none comes twice."""
    states = (None, "done", *LabelFailure)
    for first, second in product(states, states):
        mine = dict(zip(FRAMES, (first, second, None, "done"), strict=True))
        outcome = Outcome(
            done=frozenset(frame for frame, state in mine.items() if state == "done"),
            failed={frame: state for frame, state in mine.items() if isinstance(state, LabelFailure)},
        )
        for attempts, larger, hopeless in product((1, 3), (False, True), (False, True)):
            limits = Limits(max_attempts=attempts, has_larger_options=larger)
            told = Outcome(done=outcome.done, failed=outcome.failed, is_hopeless=hopeless)
            decision = next_batches(batch(), told, remedies(1), limits)
            again = [frame for item in decision.batches for frame in item.frames]
            named = [*again, *decision.given_up]
            assert len(named) == len(set(named))
            assert not outcome.done & set(named)
            assert set(named) | outcome.done | set(outcome.failed) == set(FRAMES)
            assert all(item.attempt < attempts for item in decision.batches)


def decide(progress: Progress, end: JobEnd, count: int = 0, **limits: int) -> tuple[NextJob, Progress]:
    """Decide about a dynamics of ten steps."""
    return next_job(progress, end, remedies(count), **{"total": 10, "max_fruitless": 1, "max_jobs": 80, **limits})


def test_next_job_goes_on_while_there_is_progress() -> None:
    """From where each job ended, until all is done."""
    progress, seen = Progress(), []
    for done in (3, 5, 10):
        action, progress = decide(progress, JobEnd(done=done))
        seen.append(action)
    assert seen == [NextJob.GO_ON, NextJob.GO_ON, NextJob.NONE]
    assert progress == Progress(done=10, jobs=3)


def test_next_job_ends_without_progress() -> None:
    """After one job or, where one more is allowed, after two in a row."""
    stuck = JobEnd(done=4)
    assert decide(Progress(done=4, jobs=1), stuck)[0] is NextJob.NONE
    action, progress = decide(Progress(done=4, jobs=1), stuck, max_fruitless=2)
    assert (action, progress.fruitless) == (NextJob.REPEAT, 1)
    assert decide(progress, stuck, max_fruitless=2)[0] is NextJob.NONE
    action, progress = decide(progress, JobEnd(done=5), max_fruitless=2)
    assert (action, progress.fruitless) == (NextJob.GO_ON, 0)


def test_next_job_that_lost_ground_is_no_progress() -> None:
    """No restart file was left: what was done before counts no more."""
    action, progress = decide(Progress(done=4, jobs=1), JobEnd(done=0), max_fruitless=2)
    assert (action, progress.done, progress.fruitless) == (NextJob.REPEAT, 0, 1)


def test_next_job_changes_the_method() -> None:
    """As often as the code has a remedy, whether or not there was progress."""
    progress, seen = Progress(), []
    for done in (3, 3, 3):
        action, progress = decide(progress, JobEnd(done=done, is_unconverged=True), count=2)
        seen.append(action)
    assert seen == [NextJob.CHANGE, NextJob.CHANGE, NextJob.NONE]
    assert progress.remedies == 2


def test_next_job_gives_up_what_is_hopeless() -> None:
    """Progress or not."""
    assert decide(Progress(), JobEnd(done=3, is_hopeless=True), count=2, max_fruitless=2)[0] is NextJob.NONE


def test_next_job_has_an_end() -> None:
    """A dynamics that takes a step per job does not run for ever."""
    assert decide(Progress(done=1, jobs=79), JobEnd(done=2))[0] is NextJob.NONE


@pytest.mark.parametrize(
    ("reason", "end"),
    [
        (None, RunEnd.INTERRUPTED),
        (LabelFailure.NO_OUTPUT, RunEnd.INTERRUPTED),
        (LabelFailure.OUT_OF_LIMITS, RunEnd.INTERRUPTED),
        (LabelFailure.CALCULATOR, RunEnd.INTERRUPTED),
        (LabelFailure.NOT_FINITE, RunEnd.NOT_FINITE),
        (LabelFailure.NOT_CONVERGED, RunEnd.UNPHYSICAL),
        (LabelFailure.NET_FORCE, RunEnd.UNPHYSICAL),
    ],
)
def test_run_end_tells_physics_from_accidents(reason: LabelFailure | None, end: RunEnd) -> None:
    """What was cut may be gone on with."""
    assert run_end(reason) is end
