"""What LAMMPS is given."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from ase import Atoms

from aiida_nnpgen.common.dynamics import Conditions
from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.common.interaction import Interaction
from aiida_nnpgen.samplers.lammps import (
    FILENAME_INPUT,
    FILENAME_STRUCTURE,
    FILENAME_WATCH,
    input_files,
    write_input,
    write_structure,
    write_watch,
)

COMMITTEE = Interaction(commands=("pair_style a", "pair_coeff b"), deviation_file="table", force_column=4)
LONE = Interaction(commands=("pair_style a", "pair_coeff b"), deviation_file=None, force_column=0)


def conditions(**changes: object) -> Conditions:
    """Return conditions of a short NVT run."""
    values = {"ensemble": "nvt", "temperature": 300.0, "timestep": 0.5, "steps": 1000, "stride": 10}
    return Conditions(**{**values, **changes})


def fixes(**changes: object) -> list[str]:
    """Return the fixes of an input, those of the integration only."""
    lines = write_input(conditions(**changes), LONE, 7).split("\n")
    return [line for line in lines if line.startswith(("fix integrator", "fix thermostat", "fix deformation"))]


def test_write_input_nvt_converts_units() -> None:
    """Times are in ps."""
    assert fixes(thermostat_damping=50.0) == ["fix integrator all nvt temp 300.0 300.0 0.05"]
    assert "\ntimestep 0.0005\n" in write_input(conditions(), LONE, 7)


def test_write_input_npt_names_coupling() -> None:
    """The barostat moves what was asked for, at the pressure in bar."""
    npt = fixes(ensemble="npt", pressure=500.0, coupling="aniso", barostat_damping=700.0)
    assert npt == ["fix integrator all npt temp 300.0 300.0 0.1 aniso 500.0 500.0 0.7"]


def test_write_input_langevin_replaces_chain() -> None:
    """Friction and noise come with an integrator that has no thermostat of its own."""
    nvt = fixes(thermostat="langevin")
    npt = fixes(thermostat="langevin", ensemble="npt", pressure=1.0)
    assert nvt[0] == "fix integrator all nve"
    assert npt[0] == "fix integrator all nph iso 1.0 1.0 1.0"
    assert nvt[1].startswith("fix thermostat all langevin 300.0 300.0 0.1 ")


def test_write_input_csvr_replaces_chain() -> None:
    """Velocities are rescaled beside an integrator that has no thermostat of its own."""
    nvt = fixes(thermostat="csvr")
    assert nvt[0] == "fix integrator all nve"
    assert nvt[1].startswith("fix thermostat all temp/csvr 300.0 300.0 0.1 ")


def test_write_input_depends_on_seed() -> None:
    """Equal seeds give equal inputs, other seeds others."""
    langevin = conditions(thermostat="langevin")
    assert write_input(langevin, LONE, 7) == write_input(langevin, LONE, 7)
    assert write_input(langevin, LONE, 7) != write_input(langevin, LONE, 8)


@pytest.mark.parametrize("seed", [0, -3, 2**31])
def test_write_input_refuses_seed(seed: int) -> None:
    """LAMMPS takes positive 32-bit seeds only."""
    with pytest.raises(InputError, match=f"`{seed}`"):
        write_input(conditions(), LONE, seed)


@pytest.mark.parametrize(
    ("interaction", "halt", "watched"), [(COMMITTEE, 5.0, True), (COMMITTEE, None, False), (LONE, 5.0, False)]
)
def test_input_files_watch_committee_only(interaction: Interaction, halt: float | None, watched: bool) -> None:
    """The check is there where there are a committee and a limit."""
    atoms = Atoms("Ar", cell=[5, 5, 5], pbc=True)
    files = input_files(atoms, conditions(halt_deviation=halt), ["Ar"], interaction, 7)
    assert set(files) == {FILENAME_INPUT, FILENAME_STRUCTURE} | ({FILENAME_WATCH} if watched else set())
    assert (" every " in files[FILENAME_INPUT].split("\nrun ")[1]) == watched


def test_write_input_bounds_number_of_checks() -> None:
    """A long run is checked at most two hundred times."""
    text = write_input(conditions(halt_deviation=5.0, steps=1_000_000), COMMITTEE, 7)
    assert " every 5000 " in text


def test_write_structure_refuses_unknown_element() -> None:
    """An element that the model does not know is named."""
    with pytest.raises(InputError, match="`C`"):
        write_structure(Atoms("CO", positions=[[0, 0, 0], [1, 0, 0]], cell=[5, 5, 5]), ["H", "O"])


def test_write_structure_types_follow_elements() -> None:
    """Types are those of the list, and elements that do not occur have theirs too."""
    text = write_structure(Atoms("OH", positions=[[0, 0, 0], [1, 0, 0]], cell=[5, 5, 5]), ["H", "C", "O"])
    assert "3 atom types" in text
    assert text.endswith("1 3 0.0 0.0 0.0\n2 1 1.0 0.0 0.0\n")


def watch(folder: Path, rows: list[str]) -> str:
    """Return what the check says to a table."""
    (folder / "table").write_text("\n".join(["#  step  a b c max_devi_f", *rows]) + "\n")
    script = write_watch(conditions(halt_deviation=5.0), COMMITTEE)
    return subprocess.run(["sh", "-c", script], cwd=folder, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("row", ["10 1 1 1 4.99 1", "10 1.0e-2 0 0 1.0e-30 0", "10 nan 0 0 1E+00 0", "10 0 0 0 0 1e-9"])
def test_watch_lets_good_row_pass(tmp_path: Path, row: str) -> None:
    """Below the limit LAMMPS is told nothing."""
    assert watch(tmp_path, ["0 1 1 1 1 1", row]) == ""


@pytest.mark.parametrize(
    "row",
    [
        "10 1 1 1 5 1",
        "10 1 1 1 1.2e+03 1",
        "10 1 1 1 nan 1",
        "10 1 1 1 -nan 1",
        "10 1 1 1 inf 1",
        "10 0.0e+00 0.0e+00 0 0.000000e+00 0",
        "10 1 1",
    ],
)
def test_watch_stops_hopeless_row(tmp_path: Path, row: str) -> None:
    """At the limit, where the deviation is no number, and where all columns are zero, LAMMPS is told to quit."""
    said = watch(tmp_path, ["0 1 1 1 1 1", row, "20 1 1 1 1 1"])
    assert said == 'print "Hopeless by deviation at step 10"\nquit 0\n'


def test_watch_without_table_is_silent(tmp_path: Path) -> None:
    """A table that is not there yet stops nothing."""
    script = write_watch(conditions(halt_deviation=5.0), COMMITTEE)
    done = subprocess.run(["sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout == ""
