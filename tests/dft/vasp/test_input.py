"""Inputs of VASP."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ase import Atoms, units

from aiida_nnpgen.common.dynamics import Conditions
from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.common.types import Thermostat
from aiida_nnpgen.dft.method import Method
from aiida_nnpgen.dft.vasp.input import (
    group_atoms,
    n_md_frames,
    nose_mass,
    write_md,
    write_single_point,
)
from aiida_nnpgen.dft.vasp.messages import has_ended, read_error
from aiida_nnpgen.dft.vasp.potcar import read_potcar

VALENCES = {"O": 6.0, "H": 1.0}
POSITIONS = [[2.0, 2.0, 2.0], [2.96, 2.0, 2.0], [5.0, 5.0, 5.0], [1.76, 2.93, 2.0], [5.9, 5.1, 5.0], [4.8, 5.9, 5.2]]
WATERS = Atoms("OHOHHH", positions=POSITIONS, cell=[[8.0, 0, 0], [1.0, 8.5, 0], [-0.5, 0.3, 9.0]], pbc=True)


def method(**changes: Any) -> Method:
    """Return a method."""
    return Method(**{"functional": "PBE", "cutoff": 30.0} | changes)


def conditions(**changes: Any) -> Conditions:
    """Return the conditions of a dynamics."""
    values = {"ensemble": "nvt", "temperature": 300.0, "timestep": 0.5, "thermostat_damping": 50.0}
    return Conditions(**values | {"steps": 10, "stride": 1} | changes)


def test_single_point_computes_the_stress() -> None:
    """No ionic steps, ISIF=2, and nothing left from earlier runs."""
    tags = write_single_point(method(), WATERS, VALENCES).incar
    expected = {"IBRION": -1, "NSW": 0, "ISIF": 2, "NWRITE": 2, "ISTART": 0, "ICHARG": 2, "GGA": "PE", "ISPIN": 1}
    assert tags | expected == tags
    assert tags["ENCUT"] == pytest.approx(30 * 13.605693, abs=1e-4)
    assert not {"IVDW", "NELECT", "NUPDOWN", "MDALGO"} & set(tags)


@pytest.mark.parametrize(
    ("changes", "tags"),
    [
        ({"functional": "blyp"}, {"GGA": "B5", "ALDAX": 1.0, "AGGAX": 1.0, "AGGAC": 1.0, "ALDAC": 0.0}),
        ({"functional": "SCAN"}, {"METAGGA": "SCAN"}),
        ({"functional": "HSE06"}, {"LHFCALC": True, "HFSCREEN": 0.2, "GGA": "PE"}),
        ({"dispersion": "d2"}, {"IVDW": 10, "VDW_S6": 0.75}),
        ({"dispersion": "d2", "functional": "BLYP"}, {"IVDW": 10, "VDW_S6": 1.2}),
        (
            {"dispersion": "d3", "functional": "BLYP"},
            {"IVDW": 12, "VDW_S8": 2.6996, "VDW_A1": 0.4298, "VDW_A2": 4.2359},
        ),
        ({"charge": -1}, {"NELECT": 17.0}),
        ({"charge": 2}, {"NELECT": 14.0}),
        ({"multiplicity": 3}, {"ISPIN": 2, "NUPDOWN": 2}),
        ({"multiplicity": 1}, {"ISPIN": 2, "NUPDOWN": 0}),
        ({"parameters": {"ENCUT": 500, "GGA": "RP"}}, {"ENCUT": 500, "GGA": "RP"}),
        ({"parameters": {"MAGMOM": {"O": 1.5}}}, {"MAGMOM": [1.5, 1.5, 0, 0, 0, 0]}),
        ({"parameters": {"LDAUU": {"O": 4.0}}}, {"LDAUU": [4.0, 0.0]}),
        ({"parameters": {"LDAUL": {"O": 1}}}, {"LDAUL": [1, -1]}),
    ],
)
def test_method_becomes_tags(changes: dict[str, Any], tags: dict[str, Any]) -> None:
    """Functional, dispersion with its constants, charge, spin and the user's own words, the last ones last."""
    written = write_single_point(method(**changes), WATERS, VALENCES).incar
    assert {tag: written.get(tag) for tag in tags} == tags


def test_functional_of_the_user_replaces_all_of_ours() -> None:
    """Nothing of the protocol's functional is left behind."""
    tags = write_single_point(method(functional="BLYP", parameters={"METAGGA": "R2SCAN"}), WATERS, VALENCES).incar
    assert tags["METAGGA"] == "R2SCAN"
    assert not {"GGA", "ALDAC", "AGGAC"} & set(tags)


def test_charge_needs_potentials() -> None:
    """The number of electrons is theirs."""
    with pytest.raises(InputError, match="`H`"):
        write_single_point(method(charge=1), WATERS, {"O": 6.0})


def test_value_of_an_element_may_not_be_missing() -> None:
    """Where none is as good as another."""
    with pytest.raises(InputError, match=r"`parameters\.VDW_C6` has no value for `H`"):
        write_single_point(method(parameters={"VDW_C6": {"O": 0.7}}), WATERS, VALENCES)


def test_atoms_are_grouped_by_element() -> None:
    """Stable, elements in the order of their first atom; the inverse brings labels back."""
    order = group_atoms(WATERS.numbers)
    assert order.tolist() == [0, 2, 1, 3, 4, 5]
    atoms = write_single_point(method(), WATERS, VALENCES).atoms
    assert atoms.get_chemical_symbols() == list("OOHHHH")
    np.testing.assert_array_equal(atoms.positions[np.argsort(order)], WATERS.positions)


def test_left_handed_cell_becomes_right_handed() -> None:
    """The same lattice and the same places."""
    mirrored = WATERS.copy()
    mirrored.set_cell(WATERS.cell.array[[1, 0, 2]])
    atoms = write_single_point(method(), mirrored, VALENCES).atoms
    assert np.linalg.det(atoms.cell.array) > 0
    np.testing.assert_array_equal(atoms.cell.array, -mirrored.cell.array)
    np.testing.assert_array_equal(atoms.positions, mirrored.positions[group_atoms(mirrored.numbers)])


def test_mesh_is_that_of_the_method() -> None:
    """By spacing in a triclinic cell."""
    assert write_single_point(method(), WATERS, VALENCES).mesh == (1, 1, 1)
    assert write_single_point(method(kpoints_spacing=0.5), WATERS, VALENCES).mesh == (2, 2, 2)


def test_dynamics_counts_configurations() -> None:
    """The start is the first of them; temperature and time step as given; velocities and noise by the seed."""
    tags = write_md(method(), WATERS, VALENCES, conditions(), 7).incar
    expected = {"IBRION": 0, "NSW": 11, "POTIM": 0.5, "TEBEG": 300.0, "TEEND": 300.0, "ISIF": 2, "NWRITE": 2}
    assert tags | expected == tags
    assert tags["RANDOM_SEED"] == [7, 0, 0]
    later = write_md(method(), WATERS, VALENCES, conditions(), 2**40, done=4).incar
    assert later["NSW"] == 7
    assert later["RANDOM_SEED"] == [2**40 % 900_000_000, 4, 0]


@pytest.mark.parametrize(
    ("thermostat", "tags"),
    [
        (Thermostat.LANGEVIN, {"MDALGO": 3, "LANGEVIN_GAMMA": [20.0, 20.0]}),
        (Thermostat.CSVR, {"MDALGO": 5, "CSVR_PERIOD": 100.0}),
    ],
)
def test_thermostat_has_the_damping(thermostat: Thermostat, tags: dict[str, Any]) -> None:
    """50 fs are 20 per ps for every element, and 100 time steps of 0.5 fs."""
    written = write_md(method(), WATERS, VALENCES, conditions(thermostat=thermostat), 7).incar
    assert {tag: written.get(tag) for tag in tags} == tags


def test_nose_mass_gives_the_period_that_vasp_prints() -> None:
    """What VASP prints in OUTCAR: omega = sqrt(2 g k T / Q) and Q = SMASS u a², here in SI units."""
    tags = write_md(method(), WATERS, VALENCES, conditions(), 7).incar
    assert tags["MDALGO"] == 2
    moment = tags["SMASS"] * units._amu * (8.0e-10) ** 2
    omega = np.sqrt(2 * 15 * units._k * 300.0 / moment)
    period = 2 * np.pi / omega * 1e15
    assert period == pytest.approx(2 * np.pi / np.sqrt(2) * 50.0, rel=1e-6)


def test_default_nose_mass_is_that_of_the_manual() -> None:
    """SMASS=0 stands for a period of 40 time steps; the mass for that period, in SI units."""
    damping = 40 * 0.5 * np.sqrt(2) / (2 * np.pi)
    moment = (40 * 0.5e-15 / 2 / np.pi) ** 2 * 2 * 15 * units._k * 300.0
    expected = moment / units._amu / (8.0e-10) ** 2
    assert nose_mass(6, 300.0, damping, 8.0) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("steps", "stride", "frames"), [(10, 5, 11), (11, 5, 11), (4, 5, 1), (1, 1, 2)])
def test_dynamics_ends_with_a_frame_that_is_kept(steps: int, stride: int, frames: int) -> None:
    """Step 0 counts."""
    assert n_md_frames(steps, stride) == frames


POTCAR = """ PAW_PBE O_s 07Sep2000
 6.00000000000000
 parameters from PSCTR are:
   VRHFIN =O: s2p4
   LEXCH  = PE
   TITEL  = PAW_PBE O_s 07Sep2000
   POMASS =   16.000; ZVAL   =    6.000    mass and valenz
   ENMAX  =  282.853; ENMIN  =  212.140 eV
END of PSCTR-controll parameters
"""


def test_potcar_is_described_by_its_head() -> None:
    """Symbol, element, valence and cutoff."""
    head = read_potcar(POTCAR)
    assert (head.symbol, head.element, head.valence, head.cutoff) == ("O_s", "O", 6.0, 282.853)


@pytest.mark.parametrize("element", ["r", "X", ""])
def test_potcar_with_half_a_symbol_has_the_element_of_its_name(element: str) -> None:
    """As VASP writes it for zirconium and xenon."""
    head = read_potcar(POTCAR.replace("VRHFIN =O:", f"VRHFIN ={element}:").replace("O_s", "Zr_sv"))
    assert (head.symbol, head.element) == ("Zr_sv", "Zr")


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "has `0`"), (POTCAR + POTCAR, "has `2`"), (POTCAR.replace("ZVAL", "ZVOL"), "no VRHFIN, ZVAL or ENMAX")],
)
def test_what_is_no_potcar_is_refused(text: str, message: str) -> None:
    """Nothing, two potentials, or a head without its numbers."""
    with pytest.raises(InputError, match=message):
        read_potcar(text)


BOX = """ running on   16 total cores
 -----------------------------------------------------------------------------
|                                                                             |
|           W    W    AA    RRRRR   N    N  II  N    N   GGGG   !!!           |
|     For optimal performance we recommend to set NCORE.                      |
 -----------------------------------------------------------------------------
 -----------------------------------------------------------------------------
|                                                                             |
|     EEEEEEE  RRRRRR   RRRRRR   OOOOOOO  RRRRRR      ###     ###     ###     |
|     E        R     R  R     R  O     O  R     R     ###     ###     ###     |
|                                                                             |
|     Error reading item NCORE from file INCAR.                               |
|     Error code was IERR=5.                                                  |
|                                                                             |
|       ---->  I REFUSE TO CONTINUE WITH THIS SICK JOB ... BYE!!! <----       |
 -----------------------------------------------------------------------------
"""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (BOX, "Error reading item NCORE from file INCAR. Error code was IERR=5."),
        (" VERY BAD NEWS! internal error in subroutine SGRCON:", "VERY BAD NEWS! internal error in subroutine SGRCON:"),
        (" Error EDDDAV: Call to ZHEGV failed. Returncode = 9", "Error EDDDAV: Call to ZHEGV failed. Returncode = 9"),
        (BOX.partition(" ----")[0] + " WARNING: Sub-Space-Matrix is not hermitian in DAV", None),
        ("".join(BOX.splitlines(keepends=True)[:6]), None),
        ("", None),
    ],
)
def test_error_of_vasp_is_one_line(text: str, words: str | None) -> None:
    """From a box under the word ERROR, or a line; warnings are none."""
    assert read_error(text) == words


def test_end_of_vasp_is_its_timing() -> None:
    """At the end of OUTCAR."""
    assert has_ended("x\n General timing and accounting informations for this job:\n")
    assert not has_ended("x\n")
