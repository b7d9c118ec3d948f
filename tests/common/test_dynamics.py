"""Conditions of dynamics; dynamics in several jobs become one, each time step once."""

from __future__ import annotations

import numpy as np
import pytest

from aiida_nnpgen.common.dynamics import Conditions, MdRun, Part, join_parts
from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.common.types import Ensemble, RunEnd


@pytest.mark.parametrize(("steps", "stride", "frames"), [(10, 5, 11), (11, 5, 11), (4, 5, 1), (1, 1, 2)])
def test_dynamics_ends_with_a_frame_that_is_kept(steps: int, stride: int, frames: int) -> None:
    """Step 0 counts."""
    conditions = Conditions(ensemble=Ensemble.NVT, temperature=300.0, timestep=0.5, steps=steps, stride=stride)
    assert conditions.n_frames == frames


def part(*steps: int, maker: float = 0.0, problems: dict[int, str] | None = None) -> Part:
    """Return what a job gave; the energies tell the step and the job."""
    if not steps:
        return Part(frames=None, steps=np.zeros(0, dtype=np.int64), problems=problems or {})
    shape = (len(steps), 1, 3)
    energies = np.array(steps) + maker
    cells = np.tile(np.eye(3), (len(steps), 1, 1))
    frames = Frames(numbers=np.array([1]), positions=np.zeros(shape), cells=cells, energies=energies)
    return Part(frames=frames, steps=np.array(steps), problems=problems or {})


def join(*parts: Part, last_step: int = 9, stride: int = 1, end: RunEnd = RunEnd.COMPLETED) -> MdRun:
    """Return the dynamics, with half a femtosecond per step."""
    return join_parts(parts, timestep=0.5, last_step=last_step, stride=stride, end=end, message="why")


def test_join_parts_of_one_job_is_that_job() -> None:
    """Nothing is added or lost."""
    run = join(part(1, 2, 3))
    assert run.steps.tolist() == [1, 2, 3] == run.frames.energies.tolist()
    assert run.makers.tolist() == [0, 0, 0]
    assert (run.end, run.message, run.n_left_out, run.failure_time) == (RunEnd.COMPLETED, "why", 0, None)
    assert run.report().last_step == 3


def test_join_parts_keeps_the_order_of_jobs() -> None:
    """Frames, steps and jobs belong together."""
    run = join(part(0, 1), part(2, maker=0.1), part(3, 4, maker=0.2))
    assert run.steps.tolist() == [0, 1, 2, 3, 4]
    np.testing.assert_allclose(run.frames.energies, [0, 1, 2.1, 3.2, 4.2])
    assert run.makers.tolist() == [0, 0, 1, 2, 2]


def test_join_parts_prefers_the_later_job() -> None:
    """A killed job went on after its last restart file; what it did there was done again."""
    run = join(part(1, 2, 3, 4, 5), part(3, 4, maker=0.1), part(5, 6, maker=0.2))
    np.testing.assert_allclose(run.frames.energies, [1, 2, 3.1, 4.1, 5.2, 6.2])
    assert run.makers.tolist() == [0, 0, 1, 1, 2, 2]


def test_join_parts_drops_what_another_start_made_worthless() -> None:
    """All that a job did after the step from which the next one went on, also beyond its end."""
    run = join(part(1, 2, 3, 4, 5, 6), part(3, 4, maker=0.1))
    assert run.steps.tolist() == [1, 2, 3, 4]
    assert run.makers.tolist() == [0, 0, 1, 1]


def test_join_parts_keeps_the_frames_before_a_job_without_any() -> None:
    """It was killed before its first step."""
    run = join(part(1, 2, 3), part(), part(4, maker=0.2), part())
    assert run.steps.tolist() == [1, 2, 3, 4]
    assert run.makers.tolist() == [0, 0, 0, 2]


@pytest.mark.parametrize(("stride", "steps"), [(1, [0, 1, 2, 3, 4, 5]), (2, [0, 2, 4]), (3, [0, 3])])
def test_join_parts_keeps_frames_at_the_stride(stride: int, steps: list[int]) -> None:
    """Counted from the start of the dynamics, and not of each job; nothing after the last step."""
    assert join(part(0, 1, 2), part(3, 4, 5, 6, 7), last_step=5, stride=stride).steps.tolist() == steps


def test_join_parts_counts_what_is_no_frame() -> None:
    """Only where there would be one; the message says why, by kind."""
    problems = {1: "not_converged", 2: "not_converged", 4: "not_finite"}
    run = join(part(0, 3, 5, 6, problems=problems), stride=2)
    assert run.steps.tolist() == [0, 6]
    assert run.n_left_out == run.report().n_left_out == 2
    assert run.message == "why; left out: 1 not_converged, 1 not_finite"
    assert run.failure_time is None


def test_join_parts_forgets_problems_of_steps_that_were_done_again() -> None:
    """The job that followed began before them, with a frame or with a problem of its own."""
    run = join(part(1, 2, problems={3: "not_converged", 4: "not_finite"}), part(4, problems={3: "net_force"}))
    assert run.message == "why; left out: 1 net_force"
    assert run.steps.tolist() == [1, 2, 4]


def test_join_parts_without_a_frame_is_unphysical() -> None:
    """All steps done, and not one a label."""
    run = join(part(problems={0: "not_converged", 1: "not_converged"}))
    assert (run.end, len(run.frames), run.failure_time) == (RunEnd.UNPHYSICAL, 0, 0.0)
    assert run.report().to_dict()["last_step"] == 0


@pytest.mark.parametrize(("end", "time"), [(RunEnd.INTERRUPTED, None), (RunEnd.NOT_FINITE, 1.5)])
def test_join_parts_says_how_it_ended(end: RunEnd, time: float | None) -> None:
    """A failure has the time of what follows the last frame; what was cut has none."""
    run = join(part(0, 1, 2), end=end)
    assert (run.end, run.message, run.failure_time) == (end, "why", time)


def test_join_parts_of_nothing_is_an_empty_run() -> None:
    """No job left anything."""
    run = join(end=RunEnd.INTERRUPTED)
    assert (len(run.frames), run.steps.tolist(), run.makers.tolist()) == (0, [], [])
    assert run.report().n_frames == 0
