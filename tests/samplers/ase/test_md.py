"""Molecular dynamics in ASE."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.calculator import CalculationFailed, Calculator, all_changes
from ase.calculators.lj import LennardJones

from aiida_nnpgen.common.calculators import evaluate
from aiida_nnpgen.common.dynamics import Conditions
from aiida_nnpgen.common.exceptions import InputError, OutputError, UnphysicalError
from aiida_nnpgen.common.types import RunEnd
from aiida_nnpgen.common.units import BAR, KB
from aiida_nnpgen.samplers.ase.integrators import ABILITIES, check_abilities
from aiida_nnpgen.samplers.ase.md import MdFrame, run_md


class Springs(Calculator):
    """Independent harmonic modes that are blind to the common translation: U = k/2 sum |u_i - mean u|²; no stress."""

    implemented_properties: ClassVar = ["energy", "forces"]

    def __init__(self, sites: np.ndarray, stiffness: float = 2.0) -> None:
        super().__init__()
        self.sites, self.stiffness = sites, stiffness

    def calculate(self, atoms=None, properties=("energy",), system_changes=tuple(all_changes)):
        super().calculate(atoms, properties, system_changes)
        shifts = self.atoms.positions - self.sites
        shifts = shifts - shifts.mean(axis=0)
        self.results = {"energy": self.stiffness * (shifts**2).sum() / 2, "forces": -self.stiffness * shifts}


class Free(Calculator):
    """No interaction at all, until an evaluation at which something goes wrong."""

    implemented_properties: ClassVar = ["energy", "forces", "stress"]

    def __init__(self, fault: str = "", after: int = 0) -> None:
        super().__init__()
        self.fault, self.after, self.evaluations = fault, after, 0

    def calculate(self, atoms=None, properties=("energy",), system_changes=tuple(all_changes)):
        super().calculate(atoms, properties, system_changes)
        self.evaluations += 1
        faulty = self.fault if self.evaluations > self.after else ""
        if faulty == "raise":
            raise CalculationFailed("SCF not\nconverged")
        forces = np.zeros((len(self.atoms), 3))
        forces[0] = {"nan": np.nan, "kick": 1e3}.get(faulty, 0.0)
        self.results = {"energy": np.nan if faulty == "nan" else 0.0, "forces": forces, "stress": np.zeros(6)}


def generate_gas(n_atoms: int = 8) -> Atoms:
    """Return atoms of two masses at random in a box that is not cubic."""
    positions = np.random.default_rng(5).uniform(1, 9, size=(n_atoms, 3))
    numbers = np.resize([18, 10], n_atoms)
    return Atoms(numbers=numbers, positions=positions, cell=[[10, 0, 0], [1, 11, 0], [0, 2, 12]], pbc=True)


def generate_argon() -> tuple[Atoms, LennardJones]:
    """Return a small crystal of argon and its potential."""
    return bulk("Ar", a=5.3, cubic=True), LennardJones(sigma=3.4, epsilon=0.0103, rc=7.0)


def generate_conditions(**changes: object) -> Conditions:
    """Return conditions of a short NVT run."""
    values = {"ensemble": "nvt", "temperature": 300.0, "timestep": 1.0, "steps": 20, "stride": 5}
    return Conditions(**(values | changes))  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.parametrize("thermostat", ["nose_hoover", "langevin", "csvr"])
def test_run_md_keeps_the_temperature_of_a_small_system(thermostat: str) -> None:
    """Four atoms have nine momenta that count: twelve would be a third too cold or too hot."""
    atoms = generate_gas(4)
    conditions = generate_conditions(timestep=4.0, steps=6000, thermostat=thermostat, stride=2, thermostat_damping=50.0)
    run = run_md(atoms, Springs(atoms.positions), conditions, seed=1)
    half = 9 / 2 * KB * 300
    assert run.thermo["temperature"][500:].mean() == pytest.approx(300, rel=0.06)
    assert run.thermo["kinetic_energy"][500:].mean() == pytest.approx(half, rel=0.06)
    if thermostat == "langevin":  # one chain is not ergodic on equal springs
        assert run.thermo["potential_energy"][500:].mean() == pytest.approx(half, rel=0.12)


@pytest.mark.parametrize("thermostat", ["nose_hoover", "langevin", "csvr"])
def test_run_md_does_not_drift(thermostat: str) -> None:
    """The centre of mass stays where it was."""
    atoms, calculator = generate_argon()
    run = run_md(atoms, calculator, generate_conditions(steps=100, thermostat=thermostat), seed=1)
    last = atoms.copy()
    last.positions = run.frames.positions[-1]
    assert last.get_center_of_mass() == pytest.approx(atoms.get_center_of_mass(), abs=1e-8)
    assert not np.allclose(last.positions, atoms.positions, atol=0.1)


def test_run_md_starts_at_exactly_the_temperature() -> None:
    """The first frame is the start structure, at the temperature asked for."""
    atoms, calculator = generate_argon()
    run = run_md(atoms, calculator, generate_conditions(), seed=1)
    assert run.thermo["temperature"][0] == pytest.approx(300, rel=1e-6)
    np.testing.assert_array_equal(run.frames.positions[0], atoms.positions)


def test_run_md_gives_a_frame_every_stride() -> None:
    """First and last step included; every column has one row a frame."""
    run = run_md(*generate_argon(), generate_conditions(), seed=1)
    assert run.steps.tolist() == [0, 5, 10, 15, 20]
    assert run.end is RunEnd.COMPLETED
    assert run.failure_time is None
    assert {len(column) for column in [*run.thermo.values(), run.frames]} == {5}
    assert run.deviation is None


@pytest.mark.parametrize("thermostat", ["nose_hoover", "langevin", "csvr"])
def test_run_md_same_seed_gives_same_run(thermostat: str) -> None:
    """Equal seeds agree, others do not."""
    conditions = generate_conditions(thermostat=thermostat)
    first, again, other = (run_md(*generate_argon(), conditions, seed=seed).frames.positions for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first[-1], other[-1])


def test_run_md_frames_are_labels() -> None:
    """Energy, forces and stress of a frame are those of its structure at rest."""
    atoms, calculator = generate_argon()
    frames = run_md(atoms, calculator, generate_conditions(), seed=1).frames
    image = frames.without_labels().to_atoms()[3]
    energy, forces, stress = evaluate(image, LennardJones(**calculator.parameters))
    assert frames.energies[3] == pytest.approx(energy, abs=1e-9)
    assert frames.forces[3] == pytest.approx(forces, abs=1e-9)
    assert frames.stresses[3] == pytest.approx(stress, abs=1e-9)


def test_run_md_pressure_of_free_atoms_is_that_of_an_ideal_gas() -> None:
    """P V = 2/3 K without interaction; the label's stress stays zero."""
    run = run_md(generate_gas(), Free(), generate_conditions(), seed=1)
    volume = 10 * 11 * 12
    assert run.thermo["volume"] == pytest.approx(volume)
    assert run.thermo["pressure"] == pytest.approx(2 / 3 * run.thermo["kinetic_energy"] / volume / BAR)
    assert not run.frames.stresses.any()


def test_run_md_without_stress_has_none() -> None:
    """A calculator without stress gives frames without stresses and a pressure of NaN."""
    atoms = generate_gas()
    run = run_md(atoms, Springs(atoms.positions), generate_conditions(), seed=1)
    assert run.frames.stresses is None
    assert np.isnan(run.thermo["pressure"]).all()


@pytest.mark.parametrize("coupling", ["iso", "aniso", "tri"])
def test_run_md_npt_moves_what_the_coupling_frees(coupling: str) -> None:
    """High pressure shrinks the box; iso keeps its shape, aniso its angles, tri neither."""
    atoms, calculator = generate_argon()
    atoms *= (2, 1, 1)
    atoms.rattle(0.2, seed=2)
    conditions = generate_conditions(
        ensemble="npt", pressure=5e4, coupling=coupling, steps=200, timestep=2.0, barostat_damping=300.0
    )
    run = run_md(atoms, calculator, conditions, seed=1)
    assert run.thermo["volume"][-1] < 0.95 * run.thermo["volume"][0]
    before, after = (run.frames.to_atoms()[row].cell for row in (0, -1))
    factors = after.lengths() / before.lengths()
    assert (np.ptp(factors) < 1e-9) == (coupling == "iso")
    assert np.allclose(after.angles(), 90, atol=1e-7) == (coupling != "tri")


@pytest.mark.parametrize("thermostat", ["nose_hoover", "langevin"])
@pytest.mark.parametrize("ratio", [0.7, 1.4])
def test_run_md_nemd_scales_the_box_at_a_constant_rate(thermostat: str, ratio: float) -> None:
    """Edges change linearly in time up to the ratio, and atoms at rest keep their fractional coordinates."""
    atoms = generate_gas()
    conditions = generate_conditions(
        ensemble="nemd", temperature=1e-9, volume_ratio=ratio, steps=40, stride=10, thermostat=thermostat
    )
    run = run_md(atoms, Free(), conditions, seed=1)
    edges = (run.thermo["volume"] / run.thermo["volume"][0]) ** (1 / 3)
    assert edges == pytest.approx(np.linspace(1, ratio ** (1 / 3), 5))
    fractions = run.frames.positions @ np.linalg.inv(run.frames.cells)
    assert fractions == pytest.approx(np.tile(fractions[0], (5, 1, 1)), abs=1e-4)


@pytest.mark.parametrize(
    "ensemble",
    [
        {"ensemble": "nvt"},
        {"ensemble": "npt", "pressure": 1e4},
        {"ensemble": "npt", "pressure": 1e4, "coupling": "aniso"},
        {"ensemble": "npt", "pressure": 1e4, "coupling": "tri"},
        {"ensemble": "nemd", "volume_ratio": 0.8},
    ],
    ids=["nvt", "iso", "aniso", "tri", "nemd"],
)
def test_run_md_does_not_depend_on_the_choice_of_the_cell(ensemble: dict[str, object]) -> None:
    """A left-handed cell with an atom far outside is the same crystal, a skewed one too if its vectors are free."""
    atoms, calculator = generate_argon()
    atoms.rattle(0.1, seed=1)
    left, skewed = atoms.copy(), atoms.copy()
    left.set_cell(atoms.cell.array[[1, 0, 2]])
    left.positions[0] += 3 * atoms.cell.array[1]
    skewed.set_cell(np.array([[1, 0, 0], [1, 1, 0], [0, 0, 1]]) @ atoms.cell.array)
    conditions = generate_conditions(timestep=2.0, **ensemble)
    expected = run_md(atoms, calculator, conditions, seed=1).thermo
    for other in (left,) if ensemble.get("coupling") == "aniso" else (left, skewed):
        found = run_md(other, calculator, conditions, seed=1).thermo
        assert found["total_energy"] == pytest.approx(expected["total_energy"], abs=1e-9)
        assert found["volume"] == pytest.approx(expected["volume"], rel=1e-9)


@pytest.mark.parametrize("ensemble", [{"ensemble": "nvt"}, {"ensemble": "nemd", "volume_ratio": 0.8}])
@pytest.mark.parametrize("thermostat", ["nose_hoover", "langevin"])
def test_run_md_evaluates_once_a_step(ensemble: dict[str, object], thermostat: str) -> None:
    """A reference method is dear: one evaluation a step and one for the start, deformed boxes too."""
    calculator = Free()
    run_md(generate_gas(), calculator, generate_conditions(thermostat=thermostat, **ensemble), seed=1)
    assert calculator.evaluations == 21


@pytest.mark.parametrize(
    ("fault", "end", "text"),
    [
        ("nan", RunEnd.NOT_FINITE, "not finite"),
        ("kick", RunEnd.UNPHYSICAL, "exceeds 10000 K"),
        ("raise", RunEnd.UNPHYSICAL, "SCF not converged"),
    ],
)
@pytest.mark.parametrize("thermostat", ["nose_hoover", "langevin", "csvr"])
def test_run_md_keeps_what_came_before_a_failure(fault: str, end: RunEnd, text: str, thermostat: str) -> None:
    """The frames before the failure stay, with its time and its sign."""
    conditions = generate_conditions(steps=100, stride=4, timestep=0.5, thermostat=thermostat)
    run = run_md(generate_gas(), Free(fault, after=11), conditions, seed=1)
    assert run.end is end
    assert text in run.message
    assert run.steps.tolist() == [0, 4, 8]
    assert run.failure_time in {5.5, 6.0}
    assert np.isfinite(run.frames.positions).all()


class Repulsive(Calculator):
    """A push of each pair, without an end: what stands for a model that has never seen a low density."""

    implemented_properties: ClassVar = ["energy", "forces", "stress"]

    def calculate(self, atoms=None, properties=("energy",), system_changes=tuple(all_changes)):
        super().calculate(atoms, properties, system_changes)
        volume = self.atoms.get_volume()
        energy = 1000 * len(self.atoms) / volume
        stress = -energy / volume * np.array([1, 1, 1, 0, 0, 0])
        self.results = {"energy": energy, "forces": np.zeros((len(self.atoms), 3)), "stress": stress}


class Hole(Calculator):
    """Free atoms, until the energy falls into a hole of the potential for one evaluation."""

    implemented_properties: ClassVar = ["energy", "forces"]
    evaluations = 0

    def calculate(self, atoms=None, properties=("energy",), system_changes=tuple(all_changes)):
        super().calculate(atoms, properties, system_changes)
        self.evaluations += 1
        self.results = {"energy": -50.0 * (self.evaluations == 13), "forces": np.zeros((len(self.atoms), 3))}


def test_run_md_ends_where_the_box_boils() -> None:
    """Pressure of the model alone drives the box apart: the run ends there, hours before its last step."""
    atoms = bulk("Al", cubic=True) * (2, 2, 2)
    conditions = generate_conditions(
        ensemble="npt", pressure=1.0, steps=100_000, stride=10, timestep=2.0, barostat_damping=100.0
    )
    run = run_md(atoms, Repulsive(), conditions, seed=1)
    assert run.end is RunEnd.UNPHYSICAL
    assert "the volume is 4" in run.message
    assert run.thermo["volume"].max() <= 4 * run.thermo["volume"][0]
    assert run.failure_time == pytest.approx(2.0 * run.steps[-1], abs=20.0)


def test_run_md_ends_in_a_hole_of_the_potential() -> None:
    """A deep energy between two frames is seen; where it is allowed the run goes on."""
    run = run_md(generate_gas(), Hole(), generate_conditions(steps=40), seed=1)
    assert (run.end, run.steps.tolist(), run.failure_time) == (RunEnd.UNPHYSICAL, [0, 5, 10], 12.0)
    assert "-6.25 eV/atom" in run.message
    whole = run_md(generate_gas(), Hole(), generate_conditions(steps=40, max_energy_change=None), seed=1)
    assert whole.end is RunEnd.COMPLETED


def test_run_md_ends_where_an_atom_is_alone() -> None:
    """An atom that has left all others is named; a lone calculator has no cutoff to judge by."""
    atoms = Atoms("Ar2", positions=[[1, 1, 1], [1, 1, 4]], cell=np.eye(3) * 40, pbc=True)
    conditions = generate_conditions(steps=400, temperature=3000.0, timestep=4.0)
    run = run_md(atoms, Free(), conditions, seed=1, cutoff=5.0)
    assert run.end is RunEnd.UNPHYSICAL
    assert "(Ar) has no neighbour within 5 Å" in run.message
    assert run_md(atoms, Free(), conditions, seed=1).end is RunEnd.COMPLETED


@pytest.mark.parametrize("error", [ValueError("array must not contain NaNs"), IndexError("bin 12"), RuntimeError("x")])
def test_run_md_any_error_after_the_start_is_an_instability(error: Exception) -> None:
    """Whatever a calculator raises once it has worked, the frames before are kept, with its words."""
    run = run_md(generate_gas(), Failing(error), generate_conditions(steps=40), seed=1)
    assert (run.end, run.steps.tolist()) == (RunEnd.UNPHYSICAL, [0, 5, 10])
    assert f"{type(error).__name__}: {error}" in run.message


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (MemoryError("too large"), MemoryError),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), MemoryError),
        (OSError("No space left on device"), OSError),
    ],
)
def test_run_md_error_of_the_machine_is_no_instability(error: Exception, raised: type[Exception]) -> None:
    """What says that the machine is to blame ends the program, whose frames are on disk."""
    with pytest.raises(raised, match=str(error)[:9]):
        run_md(generate_gas(), Failing(error), generate_conditions(steps=40), seed=1)


class Failing(Free):
    """Free atoms, until an error comes."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def calculate(self, *arguments, **keywords):
        super().calculate(*arguments, **keywords)
        if self.evaluations > 12:
            raise self.error


@pytest.mark.parametrize(
    ("values", "end", "n_frames"),
    [
        ([0.1, 0.2, 0.9, 0.1, 0.1], RunEnd.HALTED, 2),
        ([0.1, 0.0, 0.1, 0.1, 0.1], RunEnd.NOT_FINITE, 1),
        ([0.1, 0.1, 0.1, np.nan, 0.1], RunEnd.NOT_FINITE, 3),
        ([0.1, 0.2, 0.3, 0.4, 0.5], RunEnd.COMPLETED, 5),
    ],
)
def test_run_md_stops_when_the_deviation_says_so(values: list[float], end: RunEnd, n_frames: int) -> None:
    """A deviation at the limit halts, zero and NaN are failures; the offending frame is left out."""
    remaining = iter(values)
    run = run_md(
        generate_gas(), Free(), generate_conditions(halt_deviation=0.9), seed=1, deviation=lambda _: next(remaining)
    )
    assert run.end is end
    assert run.deviation.tolist() == values[:n_frames]


def test_run_md_hands_out_each_frame_at_once() -> None:
    """What the callback saw is what the run holds."""
    seen: list[MdFrame] = []
    run = run_md(*generate_argon(), generate_conditions(), seed=1, on_frame=seen.append)
    assert [frame.step for frame in seen] == run.steps.tolist()
    np.testing.assert_array_equal([frame.positions for frame in seen], run.frames.positions)


@pytest.mark.parametrize(("fault", "error"), [("raise", OutputError), ("nan", UnphysicalError)])
def test_run_md_refuses_a_start_that_cannot_be_evaluated(fault: str, error: type[Exception]) -> None:
    """No frame at all is an error, not a run."""
    with pytest.raises(error, match="start structure"):
        run_md(generate_gas(), Free(fault), generate_conditions(), seed=1)


def test_run_md_refuses_npt_without_stress() -> None:
    """The error names the calculator."""
    atoms = generate_gas()
    with pytest.raises(InputError, match="Springs"):
        run_md(atoms, Springs(atoms.positions), generate_conditions(ensemble="npt", pressure=1.0), seed=1)


def test_run_md_refuses_a_halt_criterion_without_a_committee() -> None:
    """A criterion that nothing can meet is an error."""
    with pytest.raises(InputError, match="committee"):
        run_md(generate_gas(), Free(), generate_conditions(halt_deviation=1.0), seed=1)


def test_check_abilities_refuses_what_is_not_offered() -> None:
    """There is no Langevin barostat."""
    conditions = generate_conditions(ensemble="npt", pressure=1.0, thermostat="langevin")
    with pytest.raises(InputError, match="`langevin` is not offered for `npt`"):
        check_abilities(conditions)


@pytest.mark.parametrize("ability", sorted(ABILITIES, key=str))
def test_every_declared_ability_runs(ability: tuple[object, object, object]) -> None:
    """Whatever the table declares does run."""
    ensemble, coupling, thermostat = ability
    changes: dict[str, object] = {"ensemble": ensemble, "thermostat": thermostat, "steps": 5}
    if coupling is not None:
        changes |= {"coupling": coupling, "pressure": 1.0}
    if ensemble == "nemd":
        changes |= {"volume_ratio": 0.99}
    assert run_md(*generate_argon(), generate_conditions(**changes), seed=1).end is RunEnd.COMPLETED
