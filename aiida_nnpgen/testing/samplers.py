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

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from aiida.engine import run_get_node

from ..calculations.base import EXIT_CODES
from ..common.dynamics import Conditions
from ..common.exceptions import InputError
from ..common.types import Ensemble, PressureCoupling, Thermostat
from ..data.trajectory import trajectory_to_frames
from ..models.base import Potential
from ..screening import max_force_deviation
from .equivalents import EQUIVALENTS
from .sampler_case import ENSEMBLES, STRIDE, Run, SamplerCase
from .sampler_failures import SamplerFailures

__all__ = ["Run", "SamplerCase", "SamplerSuite"]


class SamplerSuite(SamplerFailures):
    """What every sampler promises."""

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

    @pytest.mark.parametrize("name", sorted(EQUIVALENTS))
    def test_equivalent_start_gives_the_same_run(self, case: SamplerCase, run: Run, name: str) -> None:
        """Whatever describes the start, the crystal moves alike, and comes back in that description.

        So cold and so weakly coupled to its bath, it moves under its forces alone, whatever its first velocities are.
        """
        crystal = case.atoms.copy()
        crystal.rattle(0.1, seed=3)
        quiet = {"temperature": 1e-4, "thermostat_damping": 1e9, "max_temperature": 1e4, "steps": 2 * STRIDE}
        other = EQUIVALENTS[name](crystal)
        expected = trajectory_to_frames(run(atoms=crystal, **quiet).outputs.trajectory)
        outputs = run(atoms=other.atoms, **quiet).outputs
        frames = trajectory_to_frames(outputs.trajectory)
        assert outputs.trajectory.symbols == other.atoms.get_chemical_symbols()
        np.testing.assert_allclose(frames.positions[0], other.atoms.positions, atol=1e-6)
        np.testing.assert_allclose(frames.cells[0], other.atoms.cell.array, atol=1e-6)
        assert np.abs(expected.positions[-1] - expected.positions[0]).max() > 0.01
        assert frames.forces is not None
        assert frames.energies == pytest.approx(expected.energies, abs=1e-4)
        assert other.restore_positions(frames.positions) == pytest.approx(expected.positions, abs=1e-3)
        assert other.restore_vectors(frames.forces) == pytest.approx(expected.forces, abs=1e-3)
        if "deviation" in outputs.deviation.get_arraynames():
            same = run(atoms=crystal, **quiet).outputs.deviation.get_array("deviation")
            np.testing.assert_allclose(outputs.deviation.get_array("deviation"), same, atol=1e-3)

    def test_lone_model_keeps_all_frames(self, case: SamplerCase, run: Run) -> None:
        """One model has no deviation: no window and no halt can act, which the report says."""
        key = min(case.models)
        node = run(models={key: case.models[key]}, steps=2 * STRIDE, halt_deviation=1e-9, window={"lo": 1.0, "hi": 2.0})
        assert node.is_finished_ok, node.exit_message
        assert node.outputs.trajectory.get_stepids().tolist() == [0, STRIDE, 2 * STRIDE]
        assert "deviation" not in node.outputs.deviation.get_arraynames()
        assert "`halt_deviation` could not act" in node.outputs.report["message"]
