"""What comes after a job: which frames are tried again and how, how a dynamics goes on, and what is given up.

Work chains submit jobs and ask here; nothing here knows how a job is run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NamedTuple

from ..common.types import RunEnd
from .label import LabelFailure

__all__ = [
    "Batch",
    "Decision",
    "JobEnd",
    "Limits",
    "NextJob",
    "Outcome",
    "Progress",
    "Remedy",
    "next_batches",
    "next_job",
    "run_end",
]

HasRemedy = Callable[[LabelFailure, int], bool]
"""Whether a code knows another way to the same label, by reason and by the number of times that it was met."""

_HAVE_REMEDIES = (LabelFailure.NOT_CONVERGED, LabelFailure.CALCULATOR)
"""Reasons for which a changed input may help."""
_UNDONE = "undone"
_UNPHYSICAL = (
    LabelFailure.NOT_CONVERGED,
    LabelFailure.WRONG_SIZE,
    LabelFailure.ALL_ZERO,
    LabelFailure.NET_FORCE,
    LabelFailure.LARGE_FORCE,
)


class Remedy(NamedTuple):
    """A change of the method; a tuple, for AiiDA keeps no dataclass within another one in its checkpoints.

    :ivar reason: why the frames failed.
    :ivar number: how many attempts failed for this reason.
    """

    reason: LabelFailure
    number: int

    def __str__(self) -> str:
        return f"{self.reason.value}_{self.number}"


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Frames that one job is to label.

    :ivar number: of the first batch that held these frames.
    :ivar frames: their keys.
    :ivar method: name of the level of theory, as it was configured.
    :ivar remedy: how that is changed; None: not at all.
    :ivar history: why each earlier attempt was not enough, the oldest first.
    :ivar has_larger_options: whether the job is given more time and memory.
    """

    number: int
    frames: tuple[str, ...]
    method: str
    remedy: Remedy | None = None
    history: tuple[str, ...] = ()
    has_larger_options: bool = False

    @property
    def attempt(self) -> int:
        """Return the number of this attempt; the first one is 0."""
        return len(self.history)

    @property
    def key(self) -> str:
        """Return a name that no other batch of the same labelling has, whatever the order in which jobs end."""
        return "_".join(["batch", f"{self.number:03d}", *self.history, str(self.attempt)])

    def again(self, why: str, frames: tuple[str, ...], *, larger: bool = False) -> Batch:
        """Return the next attempt at some of the frames."""
        history, larger = (*self.history, str(why)), larger or self.has_larger_options
        return replace(self, frames=frames, history=history, has_larger_options=larger)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of the job of a batch.

    :ivar done: frames that have a label.
    :ivar failed: reason of each frame that the job could not do, such as a
        :class:`~aiida_nnpgen.dft.label.LabelFailure`; what is in neither was left undone.
    :ivar is_hopeless: whether the job stopped with an error of its own, and would again.
    """

    done: frozenset[str] = frozenset()
    failed: Mapping[str, str] = field(default_factory=dict)
    is_hopeless: bool = False


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much may be spent.

    :ivar max_attempts: jobs per frame.
    :ivar has_larger_options: whether there is more time and memory to be had.
    """

    max_attempts: int
    has_larger_options: bool = False


@dataclass(frozen=True)
class Decision:
    """What follows from an outcome.

    :ivar batches: next attempts.
    :ivar given_up: undone frames that are not tried again; failed ones have their reason already.
    """

    batches: tuple[Batch, ...] = ()
    given_up: tuple[str, ...] = ()


def next_batches(batch: Batch, outcome: Outcome, has_remedy: HasRemedy, limits: Limits) -> Decision:
    """Decide what to do with the frames that have no label.

    Frames that failed for one reason make one batch. What was cut is tried again as it was, with larger options if
    there are any: many a job that had too little does not say so.
    """
    is_last = batch.attempt + 1 >= limits.max_attempts
    batches = []
    for reason in () if is_last else sorted(set(outcome.failed.values())):
        frames = tuple(frame for frame in batch.frames if outcome.failed.get(frame) == reason)
        batches += _retry(batch, reason, frames, has_remedy, limits)
    undone = tuple(frame for frame in batch.frames if frame not in outcome.done and frame not in outcome.failed)
    if not undone:
        return Decision(tuple(batches))
    if is_last or outcome.is_hopeless:
        return Decision(tuple(batches), given_up=undone)
    return Decision((*batches, batch.again(_UNDONE, undone, larger=limits.has_larger_options)))


def _retry(batch: Batch, reason: str, frames: tuple[str, ...], has_remedy: HasRemedy, limits: Limits) -> list[Batch]:
    """Return the next attempt at frames that failed for one reason; none if it would fail again."""
    if reason == LabelFailure.NO_OUTPUT:
        return [batch.again(reason, frames, larger=limits.has_larger_options)]
    if reason == LabelFailure.OUT_OF_LIMITS:
        has_more = limits.has_larger_options and not batch.has_larger_options
        return [batch.again(reason, frames, larger=True)] if has_more else []
    if reason not in _HAVE_REMEDIES:
        return []
    remedy = Remedy(reason=LabelFailure(reason), number=batch.history.count(reason) + 1)
    return [replace(batch.again(reason, frames), remedy=remedy)] if has_remedy(*remedy) else []


class NextJob(StrEnum):
    """What follows a job of a dynamics."""

    GO_ON = "go_on"  # from where it ended
    REPEAT = "repeat"  # as it was
    CHANGE = "change"  # with a changed method
    NONE = "none"  # all is done, or nothing more can be


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a dynamics in several jobs has come.

    :ivar done: what is done of it, in the unit in which all of it is counted.
    :ivar jobs: number of jobs so far.
    :ivar fruitless: number of the last jobs that brought it no further.
    :ivar remedies: number of changes of the method.
    """

    done: int = 0
    jobs: int = 0
    fruitless: int = 0
    remedies: int = 0


@dataclass(frozen=True, kw_only=True)
class JobEnd:
    """How one of its jobs ended.

    :ivar done: from where the next one may go on, counted from the start of the dynamics.
    :ivar is_unconverged: whether it ended at a self-consistent field that did not converge.
    :ivar is_hopeless: whether another job would end in the same way.
    """

    done: int
    is_unconverged: bool = False
    is_hopeless: bool = False


def next_job(
    progress: Progress, end: JobEnd, has_remedy: HasRemedy, *, total: int, max_fruitless: int, max_jobs: int
) -> tuple[NextJob, Progress]:
    """Decide how a dynamics goes on after a job, and return how far it has come.

    :param total: when it is done, in the unit of ``done``.
    :param max_fruitless: jobs without progress, one after the other, after which it is given up.
    :param max_jobs: jobs after which it is given up in any case.
    """
    fruitless = 0 if end.done > progress.done else progress.fruitless + 1
    now = replace(progress, done=end.done, jobs=progress.jobs + 1, fruitless=fruitless)
    if end.done >= total or end.is_hopeless or now.jobs >= max_jobs:
        return NextJob.NONE, now
    if end.is_unconverged:
        changed = replace(now, fruitless=0, remedies=now.remedies + 1)
        has_more = has_remedy(LabelFailure.NOT_CONVERGED, changed.remedies)
        return (NextJob.CHANGE, changed) if has_more else (NextJob.NONE, now)
    if not fruitless:
        return NextJob.GO_ON, now
    return (NextJob.REPEAT if fruitless < max_fruitless else NextJob.NONE), now


def run_end(reason: LabelFailure | None) -> RunEnd:
    """Return how a dynamics ended that is not complete.

    :param reason: what is wrong with what follows its last frame; None: nothing is known.
    """
    if reason is LabelFailure.NOT_FINITE:
        return RunEnd.NOT_FINITE
    return RunEnd.UNPHYSICAL if reason in _UNPHYSICAL else RunEnd.INTERRUPTED
