"""Runs of the real LAMMPS with a built-in potential, from the writer to the reader."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.lj import LennardJones

from aiida_nnpgen.common.dynamics import Conditions, MdRun
from aiida_nnpgen.common.types import RunEnd
from aiida_nnpgen.samplers.lammps import FILENAME_DUMP, input_files, read_run

Run = Callable[..., MdRun]

CASES = {
    "nvt": {},
    "nvt-langevin": {"thermostat": "langevin"},
    "nvt-csvr": {"thermostat": "csvr"},
    "npt-iso": {"ensemble": "npt", "pressure": 500.0},
    "npt-aniso": {"ensemble": "npt", "pressure": 500.0, "coupling": "aniso"},
    "npt-tri": {"ensemble": "npt", "pressure": 500.0, "coupling": "tri"},
    "npt-langevin": {"ensemble": "npt", "pressure": 500.0, "thermostat": "langevin"},
    "compression": {"ensemble": "nemd", "volume_ratio": 0.8},
    "expansion": {"ensemble": "nemd", "volume_ratio": 1.2, "thermostat": "langevin"},
}


def conditions(**changes: object) -> Conditions:
    """Return conditions for liquid argon; the stride divides neither the length nor what two checks are apart."""
    values = {"ensemble": "nvt", "temperature": 90.0, "timestep": 2.0, "steps": 125, "stride": 10}
    return Conditions(**{**values, **changes})


def argon() -> Atoms:
    """Return rattled argon in a skewed cell of arbitrary orientation, one atom far outside."""
    atoms = bulk("Ar", "fcc", a=5.4) * (4, 4, 4)
    atoms.rattle(0.05, seed=1)
    atoms.rotate(33, (1, 2, 3), rotate_cell=True)
    atoms.positions[0] += 3 * atoms.cell[0]
    return atoms


def committee(deviation: str, stride: int) -> SimpleNamespace:
    """Return a Lennard-Jones potential with a table of deviations given by a formula of the step."""
    row = "$(step) 1 1 1 $(v_deviation) 1 1"
    return SimpleNamespace(
        commands=(
            "pair_style lj/cut 8.0",
            "pair_modify shift yes",
            "pair_coeff 1 1 0.0104 3.4",
            f'variable deviation equal "{deviation}"',
            f'fix table all print {stride} "{row}" file table screen no title "0 1 1 1 0.1 1 1"',
        ),
        deviation_file="table",
        force_column=4,
    )


@pytest.fixture
def run(lammps: Callable[..., object], tmp_path: Path) -> Run:
    """Return a function that writes, runs and reads a run of argon."""

    def work(
        given: Conditions,
        deviation: str = "0.1",
        ranks: int = 1,
        name: str = "run",
        commands: tuple[str, ...] | None = None,
    ) -> MdRun:
        folder = tmp_path / name
        folder.mkdir()
        interaction = committee(deviation, given.stride)
        if commands is not None:
            interaction.commands = commands + interaction.commands[3:]
        for file, content in input_files(argon(), given, ["Ar"], interaction, 42).items():
            (folder / file).write_text(content)
        lammps(folder, ranks)
        return read_run(folder, given, argon(), interaction.deviation_file, interaction.force_column)

    return work


@pytest.mark.parametrize("case", CASES)
def test_run_gives_forces_of_model(run: Run, case: str) -> None:
    """Energies and forces are those of the potential at the positions and cells that are returned."""
    result = run(conditions(**CASES[case]))
    assert result.end is RunEnd.COMPLETED
    for row in (0, 7, 12):
        atoms = result.frames.to_atoms()[row]
        atoms.calc = LennardJones(sigma=3.4, epsilon=0.0104, rc=8.0)
        np.testing.assert_allclose(result.frames.forces[row], atoms.get_forces(), atol=1e-7)
        assert result.frames.energies[row] == pytest.approx(atoms.get_potential_energy(), abs=1e-7)


@pytest.mark.parametrize("case", CASES)
def test_run_in_chunks_is_same_run(run: Run, tmp_path: Path, case: str) -> None:
    """The check that may stop the run does not change it by one bit."""
    run(conditions(**CASES[case]), name="whole")
    result = run(conditions(**CASES[case], halt_deviation=5.0), name="chunks")
    assert result.end is RunEnd.COMPLETED
    assert (tmp_path / "whole" / FILENAME_DUMP).read_bytes() == (tmp_path / "chunks" / FILENAME_DUMP).read_bytes()


def test_run_starts_from_input(run: Run) -> None:
    """The first frame is the structure, in its orientation and with the atom that lay outside where it was."""
    frames = run(conditions(steps=10)).frames
    np.testing.assert_allclose(frames.positions[0], argon().positions, atol=1e-7)
    np.testing.assert_allclose(frames.cells[0], np.array(argon().cell), atol=1e-10)


@pytest.mark.parametrize("ratio", [0.8, 1.2])
def test_nemd_scales_volume_at_constant_rate(run: Run, ratio: float) -> None:
    """The length of the box goes linearly to its end, and its shape stays."""
    result = run(conditions(ensemble="nemd", volume_ratio=ratio, steps=120, halt_deviation=5.0))
    lengths = np.cbrt(result.frames.volumes / argon().cell.volume)
    expected = 1 + (ratio ** (1 / 3) - 1) * np.maximum(result.steps - 1, 0) / 120
    np.testing.assert_allclose(lengths, expected, atol=1e-9)
    shape = result.frames.cells / lengths[:, None, None]
    np.testing.assert_allclose(shape, np.broadcast_to(np.array(argon().cell), shape.shape), atol=1e-8)


def test_npt_tri_changes_shape_in_given_orientation(run: Run) -> None:
    """Cell vectors of a relaxing box stay near the given ones, in their orientation."""
    cells = run(conditions(ensemble="npt", pressure=1.0, coupling="tri")).frames.cells
    angles = np.einsum("ij,fij->fi", np.array(argon().cell), cells)
    norms = np.linalg.norm(cells, axis=2) * np.linalg.norm(np.array(argon().cell), axis=1)
    assert (angles > 0.99 * norms).all()
    assert not np.allclose(cells[-1] / np.cbrt(np.linalg.det(cells[-1])), cells[0] / np.cbrt(np.linalg.det(cells[0])))


@pytest.mark.parametrize("ranks", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_run_stops_when_hopeless(run: Run, tmp_path: Path, ranks: int) -> None:
    """The run ends with the chunk in which the deviation reached the limit, on all ranks alike."""
    given = conditions(steps=5000, halt_deviation=5.0)
    result = run(given, "step*0.04", ranks)
    assert (result.end, result.failure_time) == (RunEnd.HALTED, 260.0)
    assert result.steps.tolist() == list(range(0, 130, 10))
    last = (tmp_path / "run" / "table").read_text().split("\n")[-2].split()[0]
    assert int(last) < 1000


@pytest.mark.parametrize("halt_deviation", [None, 5.0])
def test_run_stops_when_too_hot(run: Run, tmp_path: Path, halt_deviation: float | None) -> None:
    """Above the temperature beyond which nothing makes sense the run ends by itself, with or without chunks."""
    result = run(conditions(steps=5000, max_temperature=90.5, halt_deviation=halt_deviation))
    assert result.end is RunEnd.UNPHYSICAL
    assert result.failure_time is not None
    last = (tmp_path / "run" / "table").read_text().split("\n")[-2].split()[0]
    assert int(last) < 1000


REPULSIVE = ("pair_style soft 6.0", "pair_coeff * * 0.5")
ATTRACTIVE = ("pair_style soft 8.0", "pair_coeff * * -5.0")
BLIND = ("pair_style zero 8.0", "pair_coeff * *")
LENNARD_JONES = ("pair_style lj/cut 8.0", "pair_coeff * * 0.0104 3.4")


@pytest.mark.parametrize("halt_deviation", [None, 5.0])
@pytest.mark.parametrize(
    ("changes", "commands", "text"),
    [
        ({"ensemble": "npt", "pressure": 1.0}, REPULSIVE, "`volume_range`"),
        ({"ensemble": "npt", "pressure": 1.0, "coupling": "tri"}, REPULSIVE, "`volume_range`"),
        (
            {"max_energy_change": 0.5, "thermostat": "langevin", "thermostat_damping": 5.0},
            ATTRACTIVE,
            "`max_energy_cha",
        ),
    ],
    ids=["boils", "boils-tri", "hole"],
)
def test_run_stops_when_it_leaves_its_ranges(
    run: Run,
    tmp_path: Path,
    changes: dict[str, object],
    commands: tuple[str, ...],
    text: str,
    halt_deviation: float | None,
) -> None:
    """A box that boils and a hole in the potential end the run early, in one piece or in chunks, with the reason."""
    result = run(conditions(steps=5000, **changes, halt_deviation=halt_deviation), commands=commands)
    assert result.end is RunEnd.UNPHYSICAL
    assert text in result.message
    assert result.failure_time == 2.0 * (result.steps[-1] + 10)
    last = (tmp_path / "run" / "table").read_text().split("\n")[-2].split()[0]
    assert int(last) == result.steps[-1] + 10 < 5000


def test_run_goes_on_where_ranges_are_switched_off(run: Run) -> None:
    """The same boiling box is whole where that was asked for."""
    off = {"volume_range": None, "max_energy_change": None}
    result = run(conditions(ensemble="npt", pressure=1.0, steps=600, **off), commands=REPULSIVE)
    assert (result.end, len(result.frames)) == (RunEnd.COMPLETED, 61)
    assert result.thermo["volume"][-1] > 4 * result.thermo["volume"][0]


@pytest.mark.parametrize(
    ("changes", "commands", "end", "text"),
    [
        ({"thermostat": "langevin", "timestep": 500.0}, LENNARD_JONES, RunEnd.UNPHYSICAL, "Langevin force of 0 atoms"),
        ({"timestep": 500.0}, LENNARD_JONES, RunEnd.LOST_ATOMS, "Lost atoms"),
        ({"ensemble": "npt", "pressure": 1e6, "temperature": 10.0}, BLIND, RunEnd.UNPHYSICAL, "Neighbor list overflow"),
        (
            {"ensemble": "npt", "pressure": -1e5, "barostat_damping": 20.0},
            LENNARD_JONES,
            RunEnd.UNPHYSICAL,
            "tilted box too far",
        ),
        (
            {"ensemble": "npt", "pressure": 1e9, "coupling": "aniso", "barostat_damping": 5.0},
            LENNARD_JONES,
            RunEnd.NOT_FINITE,
            "Non-numeric pressure",
        ),
    ],
)
def test_run_that_kills_lammps_is_unstable(
    run: Run, changes: dict[str, object], commands: tuple[str, ...], end: RunEnd, text: str
) -> None:
    """Whatever LAMMPS dies of after the start, it is a failure of the run in its own words, and the start is kept."""
    off = {"volume_range": None, "length_range": None, "max_energy_change": None, "max_temperature": 1e300}
    result = run(conditions(steps=3000, **off, **changes), commands=commands)
    assert result.end is end
    assert text in result.message
    assert len(result.frames) >= 1


def test_run_repeats_with_seed(run: Run) -> None:
    """The same seed gives the same trajectory."""
    first, second = (run(conditions(thermostat="langevin"), name=name) for name in ("first", "second"))
    assert np.array_equal(first.frames.positions, second.frames.positions)


@pytest.mark.parametrize("thermostat", ["langevin", "csvr"])
def test_run_keeps_temperature(run: Run, thermostat: str) -> None:
    """The thermostat holds the temperature that was asked for."""
    result = run(conditions(steps=5000, thermostat=thermostat, timestep=4.0))
    assert result.thermo["temperature"][100:].mean() == pytest.approx(90.0, rel=0.05)
