"""What may be asked of VASP, and what it is told."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from ase import Atoms

from aiida_nnpgen.common.dynamics import Conditions
from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.common.types import Thermostat
from aiida_nnpgen.dft.code import Effort
from aiida_nnpgen.dft.label import LabelFailure
from aiida_nnpgen.dft.method import Method
from aiida_nnpgen.dft.vasp.code import VASP
from aiida_nnpgen.dft.vasp.input import group_atoms, write_md, write_single_point

VALENCES = {"H": 1.0, "O": 6.0}
PHYSICS = {"GGA", "ENCUT", "IVDW", "ISPIN", "NUPDOWN", "NELECT", "EDIFF", "ISMEAR", "SIGMA", "PREC", "LASPH"}


def water() -> Atoms:
    """Return H O H in a left-handed triclinic cell."""
    cell = [[0.0, 6.0, 0.5], [5.5, 0.0, 0.2], [0.3, 0.4, 5.8]]
    return Atoms("HOH", positions=[[2.9, 2.05, 2.0], [2.0, 2.0, 2.0], [1.75, 2.9, 2.2]], cell=cell, pbc=True)


@pytest.mark.parametrize("protocol", list(Effort))
def test_protocol_is_what_vasp_can_do(protocol: Effort) -> None:
    """Each protocol passes its own check."""
    VASP.check(VASP.method(protocol))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"functional": "PBESOLL"}, "did you mean `PBESOL`"),
        ({"functional": "XYZ"}, "`XYZ`: choose one of"),
        ({"functional": "AM05", "dispersion": "d2"}, "`dispersion: d2` has no parameters for `AM05`"),
        ({"functional": None}, "functional"),
        ({"cutoff": None}, "`cutoff` is missing"),
        ({"parameters": {"NSW": 5}}, "`parameters.NSW` is not for the user"),
        ({"parameters": {"ISIF": 3}}, "`parameters.ISIF` is not for the user"),
        ({"parameters": {"NELECT": 9}}, "use `charge`"),
        ({"parameters": {"KSPACING": 0.2}}, "use `kpoints_spacing`"),
        ({"parameters": {"PSTRESS": 1.0}}, "it would enter the energy"),
        ({"parameters": {"ML_LMLFF": True}}, "`parameters.ML_LMLFF` is not for the user"),
        ({"parameters": {"SIMGA": 0.1}}, "did you mean `SIGMA`"),
        ({"parameters": {"sigma": 0.1}}, "write `SIGMA`"),
        ({"parameters": {"SCF": {"NELM": 10}}}, "`parameters.SCF`"),
        ({"parameters": {"ISMEAR": -5}}, "forces do not derive from"),
    ],
)
def test_check_names_what_vasp_cannot_take(values: dict[str, Any], message: str) -> None:
    """The value is in the message, and what to write instead."""
    with pytest.raises(InputError, match=re.escape(message)):
        VASP.check(Method(**{"functional": "PBE", "dispersion": "d3", "cutoff": 40.0} | values))


def test_remedies_change_the_solver_alone() -> None:
    """Two of them, which differ; what decides the result stays."""
    method = VASP.method(Effort.BALANCED)
    before, seen = write_single_point(method, water(), VALENCES).incar, []
    for attempt in (1, 2):
        changed = VASP.remedy(method, LabelFailure.NOT_CONVERGED, attempt)
        assert changed is not None
        VASP.check(changed)
        after = write_single_point(changed, water(), VALENCES).incar
        assert all(before.get(tag) == after.get(tag) for tag in PHYSICS)
        seen.append(after)
    assert seen[0] != seen[1]
    assert VASP.remedy(method, LabelFailure.NOT_CONVERGED, 3) is None
    assert VASP.remedy(method, LabelFailure.NO_OUTPUT, 1) == method
    assert VASP.remedy(method, LabelFailure.CALCULATOR, 1) is None


def test_blyp_with_dispersion_is_spelt_out() -> None:
    """Correlation is that of Lee, Yang and Parr alone; VASP has no constants of D2 and D3 for it, so all are given."""
    method = Method(functional="blyp", dispersion="d3", cutoff=50.0)
    tags = write_single_point(method, water(), VALENCES).incar
    assert (tags["GGA"], tags["AGGAX"], tags["AGGAC"], tags["ALDAC"]) == ("B5", 1.0, 1.0, 0.0)
    assert (tags["IVDW"], tags["VDW_S8"], tags["VDW_A1"], tags["VDW_A2"]) == (12, 2.6996, 0.4298, 4.2359)
    tags = write_single_point(Method(functional="BLYP", dispersion="d2", cutoff=50.0), water(), VALENCES).incar
    assert (tags["IVDW"], tags["VDW_S6"]) == (10, 1.2)
    assert write_single_point(Method(functional="PBE", cutoff=50.0), water(), VALENCES).incar["GGA"] == "PE"


def test_single_point_prints_the_stress() -> None:
    """One configuration, ENCUT in eV; charge and spin as NELECT and NUPDOWN."""
    tags = write_single_point(Method(functional="PBE", cutoff=50.0), water(), VALENCES).incar
    assert (tags["IBRION"], tags["NSW"], tags["ISIF"]) == (-1, 0, 2)
    assert tags["ENCUT"] == pytest.approx(680.28466, abs=1e-4)
    assert "NELECT" not in tags
    ion = Method(functional="PBE", cutoff=50.0, charge=1, multiplicity=2)
    tags = write_single_point(ion, water(), VALENCES).incar
    assert (tags["NELECT"], tags["ISPIN"], tags["NUPDOWN"]) == (7.0, 2, 1)
    with pytest.raises(InputError, match="`O`"):
        write_single_point(ion, water(), {"H": 1.0})


def test_atoms_are_grouped_in_a_right_handed_cell() -> None:
    """The same crystal, as POSCAR needs it."""
    wanted = write_single_point(Method(functional="PBE", cutoff=50.0), water(), VALENCES)
    assert np.linalg.det(water().cell.array) < 0 < np.linalg.det(wanted.atoms.cell.array)
    assert wanted.atoms.get_chemical_symbols() == ["H", "H", "O"]
    np.testing.assert_array_equal(wanted.atoms.positions, water().positions[[0, 2, 1]])
    np.testing.assert_array_equal(group_atoms([8, 1, 8, 6, 1]), [0, 2, 1, 4, 3])


@pytest.mark.parametrize("thermostat", sorted(VASP.THERMOSTATS))
def test_thermostat_is_driven_with_its_damping(thermostat: Thermostat) -> None:
    """Steps for the rescaling, a friction in 1/ps per element for Langevin, a mass for Nose and Hoover."""
    values = {"temperature": 300.0, "timestep": 0.5, "thermostat_damping": 50.0, "steps": 10, "stride": 1}
    conditions = Conditions(ensemble="nvt", thermostat=thermostat, **values)
    tags = write_md(Method(functional="PBE", cutoff=50.0), water(), VALENCES, conditions, 1_000_000_007).incar
    assert (tags["IBRION"], tags["NSW"], tags["POTIM"], tags["TEBEG"]) == (0, 11, 0.5, 300.0)
    assert tags["RANDOM_SEED"][0] <= 900_000_000
    if thermostat is Thermostat.CSVR:
        assert (tags["MDALGO"], tags["CSVR_PERIOD"]) == (5, 100.0)
    elif thermostat is Thermostat.LANGEVIN:
        assert (tags["MDALGO"], tags["LANGEVIN_GAMMA"]) == (3, [20.0, 20.0])
    else:
        # Six freedoms at 300 K (0.0258520 eV), 50 fs and a vector of 6.0208 Å; one u Å²/fs² is 103.6427 eV.
        expected = 6 * 0.0258520 * 50.0**2 / (103.6427 * 36.25)
        assert (tags["MDALGO"], tags["SMASS"]) == (2, pytest.approx(expected, rel=1e-4))
