"""Conformance suite of samplers: inherit :class:`SamplerSuite`, and give it a sampler and a case.

.. code-block:: python

    class TestMySampler(SamplerSuite):
        NAME = "mine"

        @pytest.fixture(scope="class")
        def case(self, my_code, my_models):
            return SamplerCase(code=my_code, models=my_models, atoms=crystal)

Each kind of run is done once a class: where tests run in several processes, keep a class in one of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from typing import Any, ClassVar

import numpy as np
import pytest
from aiida import orm
from aiida.engine import run_get_node
from aiida.plugins import CalculationFactory, ParserFactory

from ..calculations.base import EXIT_CODES
from ..common.dynamics import Conditions, MdRun
from ..common.exceptions import InputError
from ..common.types import Ensemble, PressureCoupling, RunEnd, Thermostat
from ..data.trajectory import trajectory_to_frames
from ..models.base import Potential
from ..screening import max_force_deviation
from .sampler_case import ENSEMBLES, STRIDE, SamplerCase

__all__ = ["Run", "SamplerCase", "SamplerSuite"]

Run = Callable[..., orm.CalcJobNode]
"""Run the sampler: ``models``, ``atoms``, ``seed``, ``window`` and ``prepend_text``, else fields of ``Conditions``."""


class SamplerSuite:
    """What every sampler promises."""

    NAME: ClassVar[str]
    """Tail of the entry point ``nnpgen.samplers.<name>``."""

    @pytest.fixture(scope="class")
    def case(self) -> SamplerCase:
        """Return what is run; a subclass overrides this."""
        raise NotImplementedError

    @pytest.fixture(scope="class")
    def run(self, case: SamplerCase) -> Run:
        """Return a function that runs the sampler, once for equal arguments."""
        done: dict[str, orm.CalcJobNode] = {}

        def run_once(**changes: Any) -> orm.CalcJobNode:
            key = repr(sorted(changes.items()))
            if key not in done:
                _, done[key] = run_get_node(self._calculation(), **case.inputs(**changes))
            return done[key]

        return run_once

    @pytest.fixture(scope="class")
    def loaded(self, case: SamplerCase, tmp_path_factory: pytest.TempPathFactory) -> list[Potential]:
        """Return the models, ready to predict."""
        return [case.load(key, tmp_path_factory.mktemp(key)) for key in sorted(case.models)]

    def _calculation(self) -> Any:
        return CalculationFactory(f"nnpgen.samplers.{self.NAME}")

    def _need(self, case: SamplerCase, **changes: Any) -> None:
        """Skip a test of conditions that the sampler refuses, as it may."""
        try:
            self._calculation().check_conditions(Conditions(**case.inputs(**changes)["conditions"]["conditions"]))
        except InputError as exception:
            pytest.skip(str(exception))

    def test_declares_the_contract(self) -> None:
        """Ports, outputs and exit codes are those of every sampler."""
        spec = self._calculation().spec()
        assert {"code", "structure", "models", "conditions", "window"} <= set(spec.inputs)
        assert {"trajectory", "deviation", "report"} <= set(spec.outputs)
        for label in ("ERROR_NO_FRAMES", "ERROR_NO_DEVIATION", "ERROR_INTERRUPTED", "ERROR_UNSTABLE"):
            assert spec.exit_codes[label].status == EXIT_CODES[label][0]

    def test_refuses_models_without_the_ability(self, case: SamplerCase, monkeypatch: pytest.MonkeyPatch) -> None:
        """An architecture that cannot drive it is refused before launch."""
        backend = case.models[min(case.models)].implementation
        missing = {self._calculation().REQUIRED_ABILITY: False}
        monkeypatch.setattr(backend, "abilities", replace(backend.abilities, **missing))
        with pytest.raises(ValueError, match="cannot drive"):
            run_get_node(self._calculation(), **case.inputs())

    def test_refuses_conditions_that_it_does_not_offer(self, case: SamplerCase) -> None:
        """Dynamics at constant volume is offered in some way, and what is not offered is refused before launch."""
        offered = set()
        for ensemble, coupling, thermostat in product(Ensemble, PressureCoupling, Thermostat):
            changes = {"coupling": coupling.value, "thermostat": thermostat.value, **ENSEMBLES[ensemble]}
            inputs = case.inputs(**changes)
            try:
                self._calculation().check_conditions(Conditions(**inputs["conditions"]["conditions"]))
                offered.add(ensemble)
            except InputError:
                with pytest.raises(ValueError, match="conditions"):
                    run_get_node(self._calculation(), **inputs)
        assert Ensemble.NVT in offered

    def test_keeps_the_temperature(self, case: SamplerCase, run: Run) -> None:
        """The mean temperature is the one asked for, within its statistical error, and the energies add up."""
        node = run(steps=case.steps)
        assert node.is_finished_ok, node.exit_message
        thermo = {name: node.outputs.deviation.get_array(name) for name in node.outputs.deviation.get_arraynames()}
        temperature = thermo["temperature"][len(thermo["temperature"]) // 5 :]
        blocks = np.array([block.mean() for block in np.array_split(temperature, 8)])
        error = blocks.std(ddof=1) / np.sqrt(len(blocks))
        assert temperature.mean() == pytest.approx(case.temperature, abs=4 * error + 0.02 * case.temperature)
        total = thermo["potential_energy"] + thermo["kinetic_energy"]
        np.testing.assert_allclose(thermo["total_energy"], total, atol=1e-6)
        assert thermo["step"].tolist() == list(range(0, case.steps + 1, STRIDE))

    def test_labels_are_those_of_the_driving_model(self, case: SamplerCase, run: Run, loaded: list[Potential]) -> None:
        """Energy and forces of a frame are what the first model says about it."""
        frames = trajectory_to_frames(run(steps=case.steps).outputs.trajectory)
        predicted = loaded[0].predict(frames.without_labels())
        for name in ("energies", "forces"):
            np.testing.assert_allclose(getattr(frames, name), getattr(predicted, name), atol=1e-5)

    def test_deviation_is_that_of_the_committee(self, case: SamplerCase, run: Run, loaded: list[Potential]) -> None:
        """The deviation measured on the way is that of the kept frames, if the sampler measures it at all."""
        node = run(steps=case.steps)
        if not self._calculation().measures_deviation(case.models):
            assert "deviation" not in node.outputs.deviation.get_arraynames()
            return
        frames = trajectory_to_frames(node.outputs.trajectory)
        forces = np.array([potential.predict(frames.without_labels()).forces for potential in loaded])
        measured = node.outputs.trajectory.get_array("deviation")
        np.testing.assert_allclose(measured, max_force_deviation(forces), atol=1e-5)

    def test_window_keeps_candidates_and_the_seed_the_run(self, case: SamplerCase, run: Run) -> None:
        """The same seed gives the same run; coordinates stay of frames inside the window, columns of all."""
        whole = run(steps=case.steps).outputs
        if not self._calculation().measures_deviation(case.models):
            pytest.skip("no deviation to judge frames by")
        deviation = whole.deviation.get_array("deviation")
        lo, hi = (round(float(value), 6) for value in np.quantile(deviation, (0.3, 0.7)))
        part = run(steps=case.steps, window={"lo": lo, "hi": hi}).outputs
        np.testing.assert_array_equal(part.deviation.get_array("deviation"), deviation)
        inside = np.flatnonzero((deviation >= lo) & (deviation < hi))
        np.testing.assert_array_equal(part.trajectory.get_stepids(), inside * STRIDE)
        np.testing.assert_array_equal(part.trajectory.get_positions(), whole.trajectory.get_positions()[inside])

    def test_another_seed_gives_another_run(self, case: SamplerCase, run: Run) -> None:
        """The velocities come from the seed."""
        first, other = (
            run(**changes).outputs.trajectory.get_positions()[1]
            for changes in ({"steps": case.steps}, {"seed": 6, "steps": 2 * STRIDE})
        )
        assert np.abs(first - other).max() > 1e-3

    def test_npt_volume_follows_the_pressure(self, case: SamplerCase, run: Run) -> None:
        """At high pressure the box is smaller, and keeps its shape when the coupling says so."""
        self._need(case, ensemble="npt", pressure=1.0)
        volumes = []
        for pressure in case.pressures:
            node = run(ensemble="npt", pressure=pressure, steps=case.steps // 2)
            assert node.is_finished_ok, node.exit_message
            volume = node.outputs.deviation.get_array("volume")
            volumes.append(volume[len(volume) // 2 :].mean())
            cells = node.outputs.trajectory.get_cells()
            factors = np.linalg.norm(cells[-1], axis=-1) / np.linalg.norm(cells[0], axis=-1)
            assert np.ptp(factors) < 1e-6
        assert volumes[1] < 0.97 * volumes[0]

    def test_nemd_edges_are_linear_in_time(self, case: SamplerCase, run: Run) -> None:
        """The edges change at a constant rate, until the volume has changed by the ratio.

        A sampler may deform the box before or after it evaluates the forces of a step: one step is the tolerance.
        """
        self._need(case, ensemble="nemd", volume_ratio=0.9)
        ratio, steps = 0.9, 20 * STRIDE
        node = run(ensemble="nemd", volume_ratio=ratio, steps=steps)
        assert node.is_finished_ok, node.exit_message
        cells = node.outputs.trajectory.get_cells()
        total = ratio ** (1 / 3) - 1
        expected = 1 + total * node.outputs.trajectory.get_stepids() / steps
        edges = np.linalg.norm(cells, axis=-1) / np.linalg.norm(cells[0], axis=-1)
        np.testing.assert_allclose(edges, np.tile(expected[:, None], 3), atol=1.5 * abs(total) / steps)
        volume = node.outputs.deviation.get_array("volume")
        assert volume[-1] / volume[0] == pytest.approx(ratio, abs=5 * abs(total) / steps)

    def test_frames_are_those_of_the_input(self, case: SamplerCase, run: Run) -> None:
        """Order, orientation and cell vectors stay, of a left-handed and rotated cell with an atom far outside too."""
        plain = run(steps=case.steps).outputs.trajectory
        atoms = case.atoms.copy()
        atoms.rotate(33, (1, 2, 3), rotate_cell=True)
        atoms.set_cell(atoms.cell.array[[1, 0, 2]])
        atoms.positions[0] += 3 * atoms.cell.array[1]
        turned = run(atoms=atoms, steps=2 * STRIDE).outputs.trajectory
        for start, node in ((case.atoms, plain), (atoms, turned)):
            assert node.symbols == start.get_chemical_symbols()
            np.testing.assert_allclose(node.get_positions()[0], start.positions, atol=1e-6)
            np.testing.assert_allclose(node.get_cells()[0], start.cell.array, atol=1e-6)
        moved = turned.get_positions()[-1] - atoms.positions
        assert np.abs(moved).max() < 2.0
        assert turned.get_array("energies")[0] == pytest.approx(plain.get_array("energies")[0], abs=1e-5)

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

    def test_lone_model_keeps_all_frames(self, case: SamplerCase, run: Run) -> None:
        """One model has no deviation: no window and no halt can act, which the report says."""
        key = min(case.models)
        node = run(models={key: case.models[key]}, steps=2 * STRIDE, halt_deviation=1e-9, window={"lo": 1.0, "hi": 2.0})
        assert node.is_finished_ok, node.exit_message
        assert node.outputs.trajectory.get_stepids().tolist() == [0, STRIDE, 2 * STRIDE]
        assert "deviation" not in node.outputs.deviation.get_arraynames()
        assert "`halt_deviation` could not act" in node.outputs.report["message"]

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
