"""What every sampler promises of runs that fail: a part of the conformance suite."""

from __future__ import annotations

import numpy as np
import pytest
from aiida import orm
from aiida.plugins import ParserFactory

from ..calculations.base import EXIT_CODES
from ..common.dynamics import MdRun
from ..common.types import RunEnd
from ..data.trajectory import trajectory_to_frames
from .sampler_case import STRIDE, Run, SamplerCase, SamplerRuns

__all__ = ["SamplerFailures"]


class SamplerFailures(SamplerRuns):
    """Runs that fail, or are ended from outside."""

    def test_run_that_leaves_its_ranges_ends_there(self, case: SamplerCase, run: Run) -> None:
        """Bounded nonsense is no part of a run, although no number in it is infinite."""
        energy = run(steps=case.steps).outputs.deviation.get_array("potential_energy") / len(case.atoms)
        change = np.abs(energy - energy[0])
        limit = float(np.median(change[1:]) + change.max()) / 2
        node = run(steps=case.steps, max_energy_change=limit)
        _assert_unstable(node)
        assert node.outputs.report["end"] == RunEnd.UNPHYSICAL.value
        assert "max_energy_change" in node.outputs.report["message"]
        assert node.outputs.report["n_frames"] <= int(np.argmax(change > limit))

    def test_npt_that_leaves_its_volume_ends_there(self, case: SamplerCase, run: Run) -> None:
        """A box that boils or collapses ends the run before it."""
        self._need(case, ensemble="npt", pressure=1.0)
        node = run(ensemble="npt", pressure=case.pressures[1], steps=case.steps // 2, volume_range=(0.98, 1.2))
        _assert_unstable(node)
        assert node.outputs.report["end"] == RunEnd.UNPHYSICAL.value
        assert "volume" in node.outputs.report["message"]
        volume = node.outputs.deviation.get_array("volume")
        assert volume.min() >= 0.98 * volume[0]

    def test_nonsense_that_the_reader_lets_pass_is_cut(
        self, case: SamplerCase, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A box that has boiled is no frame, whatever the sampler itself thinks of it."""
        node = run(steps=case.steps)
        parser = ParserFactory(f"nnpgen.samplers.{self.NAME}")
        frames = trajectory_to_frames(node.outputs.trajectory)
        frames.cells[-2:] *= 9.0
        boiled = MdRun(
            frames=frames, steps=np.arange(len(frames)) * STRIDE, end=RunEnd.COMPLETED, message="all steps done"
        )
        monkeypatch.setattr(parser, "read", lambda *_: boiled)
        outputs, process = parser.parse_from_node(node, store_provenance=False, retrieved_temporary_folder="")
        assert process.exit_status == EXIT_CODES["ERROR_UNSTABLE"][0]
        assert outputs["report"]["n_frames"] == len(frames) - 2
        assert "volume_range" in outputs["report"]["message"]

    def test_hopeless_run_keeps_its_good_part(self, case: SamplerCase, run: Run) -> None:
        """Where the deviation reaches the limit the run is unstable; the frames before are those of the whole run."""
        if not self._calculation().measures_deviation(case.models):
            pytest.skip("no deviation to judge frames by")
        whole = run(steps=case.steps).outputs
        deviation = whole.deviation.get_array("deviation")
        limit = float(np.median(deviation[1:]) + deviation[1:].max()) / 2
        first = int(np.argmax(deviation >= limit))
        node = run(steps=case.steps, halt_deviation=limit)
        _assert_unstable(node, failure_time=first * STRIDE * case.timestep)
        kept = node.outputs.deviation
        np.testing.assert_allclose(kept.get_array("deviation"), deviation[:first], rtol=1e-9)

    def test_run_that_blows_up_keeps_its_good_part(self, case: SamplerCase, run: Run) -> None:
        """Far too long a time step ends in a failure with the start kept, not in an error of the job."""
        node = run(timestep=60 * case.timestep, steps=50 * STRIDE, max_temperature=20 * case.temperature)
        _assert_unstable(node)
        assert node.outputs.deviation.get_array("temperature").max() <= 20 * case.temperature

    def test_killed_job_keeps_its_good_part(self, case: SamplerCase, run: Run) -> None:
        """A job that is ended from outside has not failed: what it had written is kept."""
        node = run(steps=100_000 * STRIDE, prepend_text=f"ulimit -t {case.cpu_seconds}")
        assert node.exit_status == EXIT_CODES["ERROR_INTERRUPTED"][0], node.exit_message
        assert node.outputs.report["end"] == RunEnd.INTERRUPTED.value
        assert node.outputs.report["failure_time"] is None
        assert node.outputs.report["n_frames"] == len(node.outputs.trajectory.get_stepids()) >= 1
        np.testing.assert_allclose(node.outputs.trajectory.get_positions()[0], case.atoms.positions, atol=1e-6)

    def test_deviation_without_a_number_is_an_error(
        self, case: SamplerCase, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A deviation that is a number nowhere must not pass as a run with nothing to select."""
        node = run(steps=case.steps)
        parser = ParserFactory(f"nnpgen.samplers.{self.NAME}")
        frames = trajectory_to_frames(node.outputs.trajectory)
        run_without = MdRun(
            frames=frames,
            steps=np.arange(len(frames)) * STRIDE,
            end=RunEnd.COMPLETED,
            message="all done",
            deviation=np.full(len(frames), np.nan),
        )
        monkeypatch.setattr(parser, "read", lambda *_: run_without)
        _, process = parser.parse_from_node(node, store_provenance=False, retrieved_temporary_folder="")
        assert process.exit_status == EXIT_CODES["ERROR_NO_DEVIATION"][0]
        assert f"`{self.NAME}`" in process.exit_message


def _assert_unstable(node: orm.CalcJobNode, failure_time: float | None = None) -> None:
    """Check that a run failed, when, and that every frame before is there."""
    assert node.exit_status == EXIT_CODES["ERROR_UNSTABLE"][0], node.exit_message
    report = node.outputs.report
    assert RunEnd(report["end"]).is_failure
    steps = node.outputs.deviation.get_array("step")
    assert steps.tolist() == [STRIDE * row for row in range(report["n_frames"])]
    np.testing.assert_array_equal(node.outputs.trajectory.get_stepids(), steps)
    timestep = node.inputs.conditions["conditions"]["timestep"]
    assert steps[-1] * timestep < report["failure_time"] <= (steps[-1] + STRIDE) * timestep
    if failure_time is not None:
        assert report["failure_time"] == pytest.approx(failure_time)
