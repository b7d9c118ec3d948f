"""Inputs of pw.x."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ase import Atoms

from aiida_nnpgen.common.dynamics import Conditions
from aiida_nnpgen.common.types import Thermostat
from aiida_nnpgen.common.units import AU_TIME, BOHR, DALTON, HARTREE, KB
from aiida_nnpgen.dft.method import Method
from aiida_nnpgen.dft.qe.input import PwInput, draw_velocities, write_md, write_single_point

WATER = Atoms("OH2", positions=[[2.0, 2.0, 2.0], [2.96, 2.0, 2.0], [1.76, 2.93, 2.0]], cell=3 * [5.0], pbc=True)


def method(**changes: Any) -> Method:
    """Return a method."""
    return Method(**{"functional": "BLYP", "cutoff": 100.0} | changes)


def dynamics(done: int = 2, seed: int = 1, given: Method | None = None, **changes: Any) -> PwInput:
    """Return the input of a job that goes on from an earlier one."""
    values = {"ensemble": "nvt", "temperature": 300.0, "timestep": 0.5, "steps": 10, "stride": 5}
    conditions = Conditions(**values | {"thermostat": Thermostat.CSVR, "thermostat_damping": 50.0} | changes)
    return write_md(given or method(), WATER, conditions, seed, done)


def test_single_point_asks_for_forces_and_stress() -> None:
    """One molecule at the Gamma point, with fixed occupations and real wavefunctions."""
    wanted = write_single_point(method(), WATER)
    assert wanted.namelists == {
        "CONTROL": {"calculation": "scf", "tprnfor": True, "tstress": True},
        "SYSTEM": {"occupations": "fixed", "ecutwfc": 100.0, "input_dft": "BLYP"},
        "ELECTRONS": {},
    }
    assert (wanted.mesh, wanted.gamma_only, wanted.velocities) == ((1, 1, 1), True, None)


@pytest.mark.parametrize(
    ("changes", "keywords"),
    [
        ({"dispersion": "d2"}, {"vdw_corr": "dft-d", "london_s6": 1.2}),
        ({"dispersion": "d2", "functional": "pbe"}, {"vdw_corr": "dft-d", "london_s6": 0.75}),
        ({"dispersion": "d3"}, {"vdw_corr": "dft-d3", "dftd3_version": 4, "dftd3_threebody": False}),
        ({"charge": -1}, {"tot_charge": -1.0}),
        ({"multiplicity": 3}, {"nspin": 2, "tot_magnetization": 2.0}),
        ({"multiplicity": 1}, {"nspin": 2, "tot_magnetization": 0.0}),
    ],
)
def test_method_becomes_keywords(changes: dict[str, Any], keywords: dict[str, Any]) -> None:
    """Dispersion with the scale of the functional, charge and spin."""
    system = write_single_point(method(**changes), WATER).namelists["SYSTEM"]
    assert {key: system.get(key) for key in keywords} == keywords


def test_closed_shell_says_nothing_of_spin() -> None:
    """No multiplicity: one spin channel, no charge."""
    assert not {"nspin", "tot_magnetization", "tot_charge"} & set(
        write_single_point(method(), WATER).namelists["SYSTEM"]
    )


def test_words_of_the_user_are_last() -> None:
    """They go over everything; those for dynamics stay out of a single point."""
    parameters = {
        "SYSTEM": {"occupations": "smearing", "smearing": "gauss", "degauss": 0.01, "ecutwfc": 50.0},
        "IONS": {"pot_extrapolation": "atomic"},
    }
    wanted = write_single_point(method(parameters=parameters), WATER)
    assert wanted.namelists["SYSTEM"] == {"input_dft": "BLYP", **parameters["SYSTEM"]}
    assert "IONS" not in wanted.namelists
    ions = dynamics(given=method(parameters=parameters)).namelists["IONS"]
    assert (ions["pot_extrapolation"], ions["wfc_extrapolation"]) == ("atomic", "second_order")


def test_mesh_switches_real_wavefunctions_off() -> None:
    """More than the Gamma point, or spinors, need complex wavefunctions."""
    assert not write_single_point(method(kpoints=(1, 1, 2)), WATER).gamma_only
    assert not write_single_point(method(parameters={"SYSTEM": {"noncolin": True}}), WATER).gamma_only
    assert write_single_point(method(kpoints_spacing=0.7), WATER).mesh == (2, 2, 2)


def test_first_job_of_a_dynamics_has_our_velocities() -> None:
    """One step without thermostat, from velocities that depend on the seed alone."""
    first, again, other = (dynamics(done=0, seed=seed) for seed in (1, 1, 2))
    assert first.namelists["CONTROL"]["nstep"] == 1
    assert first.namelists["CONTROL"]["restart_mode"] == "from_scratch"
    assert first.namelists["IONS"]["ion_temperature"] == "not_controlled"
    assert first.namelists["IONS"]["ion_velocities"] == "from_input"
    np.testing.assert_array_equal(first.velocities, again.velocities)
    assert not np.allclose(first.velocities, other.velocities)


def test_next_job_has_the_thermostat() -> None:
    """Stochastic rescaling with the damping in time steps; the time step is in Rydberg units."""
    wanted = dynamics()
    assert wanted.velocities is None
    assert wanted.namelists["CONTROL"]["calculation"] == "md"
    assert wanted.namelists["CONTROL"]["restart_mode"] == "restart"
    assert wanted.namelists["CONTROL"]["nstep"] == 9
    assert wanted.namelists["CONTROL"]["dt"] * 2 * AU_TIME == pytest.approx(0.5)
    ions = wanted.namelists["IONS"]
    assert (ions["ion_temperature"], ions["tempw"], ions["nraise"]) == ("svr", 300.0, 100)
    assert wanted.namelists["SYSTEM"]["nosym"] is True


def test_damping_below_a_time_step_is_one_time_step() -> None:
    """pw.x counts in whole steps."""
    assert dynamics(thermostat_damping=0.1).namelists["IONS"]["nraise"] == 1


def test_velocities_have_the_temperature_and_no_momentum() -> None:
    """In SI units: the kinetic energy of 3N-3 degrees of freedom."""
    masses = WATER.get_masses()
    atomic = draw_velocities(masses, 300.0, 7) / 2  # bohr per atomic unit of time
    energy = (masses[:, None] * DALTON * atomic**2).sum() / 2 * HARTREE
    assert energy == pytest.approx(6 / 2 * KB * 300.0)
    np.testing.assert_allclose((masses[:, None] * atomic).sum(axis=0), 0, atol=1e-12)
    speed = np.sqrt((atomic[1:] ** 2).sum(axis=1).mean()) * BOHR / AU_TIME * 1e5  # Å/fs to m/s
    assert 500 < speed < 5000


def test_velocity_of_a_lone_atom_is_zero() -> None:
    """It has no degree of freedom."""
    assert not draw_velocities(np.array([16.0]), 300.0, 1).any()
