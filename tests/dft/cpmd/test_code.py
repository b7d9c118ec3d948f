"""CPMD as the reference method: what may be asked of it, and what becomes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.common.types import Thermostat
from aiida_nnpgen.dft import cpmd, method
from aiida_nnpgen.dft.code import Effort
from aiida_nnpgen.dft.cpmd.code import CPMD, settings_of
from aiida_nnpgen.dft.cpmd.input import nose_frequency
from aiida_nnpgen.dft.cpmd.pseudopotential import pseudopotential
from aiida_nnpgen.dft.label import LabelFailure
from aiida_nnpgen.dft.method import Dispersion, Method

FIXTURES = Path(__file__).parents[2] / "fixtures" / "cpmd"
HYDROGEN = """&ATOM
 Z  =    1
 ZV =    1
 XC = 1312    .666667
 TYPE = NORMCONSERVING GOEDECKER
&END
&INFO
&END
&POTENTIAL
    GOEDECKER
  {channels}                                LMAX
   0.2000000                              RC
  2  -4.1956961  0.7304982             #C  C1 C2
&END
"""


@pytest.mark.parametrize("protocol", list(Effort))
def test_protocols_are_blyp_d2(protocol: Effort) -> None:
    """Every protocol passes the check and is the published functional."""
    values = CPMD.method(protocol)
    CPMD.check(values)
    assert (values.functional, values.dispersion) == ("BLYP", Dispersion.D2)


def test_balanced_has_the_published_cutoff() -> None:
    """100 Ry, one part in a million of the gradient."""
    settings = settings_of(CPMD.method(Effort.BALANCED), {})
    assert (settings.cutoff, settings.convergence, settings.max_iterations) == (100, 1e-6, 100)


def test_there_is_one_dispersion() -> None:
    """The settings of CPMD and the method speak of the same thing."""
    assert cpmd.Dispersion is method.Dispersion


def test_settings_of_takes_the_method_and_the_users_words() -> None:
    """What is in the method has its place; further keywords go to their sections, a value below its keyword."""
    own = {
        "CPMD": {"MAXITER": 40, "ODIIS NO_RESET=20": 5, "PCG": False, "MEMORY SMALL": True},
        "SYSTEM": {"MESH": [96, 96, 96]},
        "DFT": {"GC-CUTOFF": 1e-6},
    }
    values = CPMD.method(Effort.FAST, {"charge": -1, "multiplicity": 2, "functional": "PBE", "parameters": own})
    CPMD.check(values)
    settings = settings_of(values, {})
    assert (settings.functional, settings.charge, settings.multiplicity) == ("PBE", -1.0, 2)
    assert (settings.max_iterations, settings.convergence, settings.gradient_cutoff) == (40, 1e-5, 1e-6)
    assert settings.extra == {
        "CPMD": ("ODIIS NO_RESET=20", " 5", "MEMORY SMALL"),
        "SYSTEM": ("MESH", " 96 96 96"),
    }


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"functional": "blip"}, ["`blip`", "did you mean `BLYP`"]),
        ({"functional": "SCAN"}, ["`SCAN`", "choose one of LDA"]),
        ({"functional": "HCTH"}, ["`dispersion: d2`", "`HCTH`", "BLYP"]),
        ({"kpoints": [2, 2, 2]}, ["`[2, 2, 2]`", "Gamma"]),
        ({"kpoints_spacing": 0.2}, ["`0.2`", "Gamma"]),
        ({"parameters": {"VDW": {}}}, ["`parameters.VDW`", "CPMD, DFT, SYSTEM"]),
        ({"parameters": {"CPMD": ["ODIIS"]}}, ["`parameters.CPMD`", "must map"]),
        ({"parameters": {"CPMD": {"ODIS": 5}}}, ["`ODIS`", "did you mean `ODIIS`"]),
        ({"parameters": {"CPMD": {"odiis": 5}}}, ["`odiis`", "capitals"]),
        ({"parameters": {"CPMD": {"ODIIS": {"a": 1}}}}, ["`parameters.CPMD.ODIIS`"]),
        ({"parameters": {"CPMD": {"ODIIS": "5\n&END"}}}, ["`parameters.CPMD.ODIIS`"]),
        ({"parameters": {"CPMD": {"MAXSTEP": 50}}}, ["`MAXSTEP`", "MAXITER"]),
        ({"parameters": {"CPMD": {"MAXITER": 1.5}}}, ["`parameters.CPMD.MAXITER`", "whole"]),
        ({"parameters": {"CPMD": {"STORE": 0}}}, ["`parameters.CPMD.STORE`"]),
        ({"parameters": {"CPMD": {"STORE WAVEFUNCTION": 1}}}, ["`STORE`", "no options"]),
        ({"parameters": {"CPMD": {"OPTIMIZE GEOMETRY": True}}}, ["`OPTIMIZE GEOMETRY`", "labeller"]),
        ({"parameters": {"CPMD": {"LSD": True}}}, ["`LSD`", "`multiplicity`"]),
        ({"parameters": {"CPMD": {"CONVERGENCE ORBITALS": "tight"}}}, ["CONVERGENCE ORBITALS", "`tight`"]),
        ({"parameters": {"DFT": {"FUNCTIONAL PBE": True}}}, ["`FUNCTIONAL PBE`", "`functional`"]),
        ({"parameters": {"SYSTEM": {"CUTOFF": 90}}}, ["`CUTOFF`", "`cutoff`"]),
        ({"parameters": {"SYSTEM": {"SYMMETRY": 1}}}, ["`SYMMETRY`", "labeller"]),
        ({"parameters": {"PSEUDOPOTENTIALS": {"Xx": {}}}}, ["`Xx`"]),
        ({"parameters": {"PSEUDOPOTENTIALS": {"C": {"lmax": "Q"}}}}, ["`lmax`", "`Q`"]),
        ({"parameters": {"PSEUDOPOTENTIALS": {"C": {"lmx": "P"}}}}, ["PSEUDOPOTENTIALS.C", "lmx"]),
        ({"parameters": {"PSEUDOPOTENTIALS": {"C": {"options": "a\nb"}}}}, ["options"]),
    ],
)
def test_check_names_what_is_wrong(changes: dict[str, Any], words: list[str]) -> None:
    """Each refusal has the value and what to write instead."""
    values = CPMD.method(Effort.BALANCED, changes)
    with pytest.raises(InputError) as error:
        CPMD.check(values)
    for word in words:
        assert word in str(error.value)


def test_check_wants_a_functional() -> None:
    """A method without one is no method."""
    with pytest.raises(InputError, match="functional"):
        CPMD.check(Method())


def test_remedies_change_the_optimiser_only() -> None:
    """Two remedies, each with more iterations than the one before, and DIIS switched off."""
    values = CPMD.method(Effort.BALANCED, {"parameters": {"CPMD": {"ODIIS": 5, "HAMILTONIAN CUTOFF": 0.5}}})
    first, second = (CPMD.remedy(values, LabelFailure.NOT_CONVERGED, attempt) for attempt in (1, 2))
    for changed, limit in ((first, 200), (second, 400)):
        CPMD.check(changed)
        settings, before = settings_of(changed, {}), settings_of(values, {})
        assert settings.max_iterations == limit
        assert "PCG MINIMIZE" in settings.extra["CPMD"]
        assert "ODIIS" not in settings.extra["CPMD"]
        assert (settings.convergence, settings.cutoff) == (before.convergence, before.cutoff)
    assert "INITIALIZE WAVEFUNCTION RANDOM" in settings_of(second, {}).extra["CPMD"]


@pytest.mark.parametrize(
    ("reason", "attempt"),
    [(LabelFailure.NOT_CONVERGED, 3), (LabelFailure.CALCULATOR, 1), (LabelFailure.NO_OUTPUT, 1)],
)
def test_there_is_no_remedy_for_the_rest(reason: LabelFailure, attempt: int) -> None:
    """What another optimiser cannot cure is given up."""
    assert CPMD.remedy(CPMD.method(Effort.BALANCED), reason, attempt) is None


@pytest.mark.parametrize("thermostat", [Thermostat.LANGEVIN, Thermostat.CSVR])
def test_other_thermostats_are_refused(thermostat: Thermostat) -> None:
    """CPMD has Nose-Hoover chains for its ions, and nothing else that is claimed here."""
    CPMD.check_thermostat(Thermostat.NOSE_HOOVER)
    with pytest.raises(InputError, match="nose_hoover"):
        CPMD.check_thermostat(thermostat)


def test_frequency_of_the_damping_is_that_of_a_real_run() -> None:
    """The mass of the thermostat, taken from the friction in a real run at 1500 cm^-1, is that of the damping.

    The friction changes by (2K - NkT)/Q per time; the chain behind it takes some of that, hence the wide tolerance.
    With an angular frequency in its place Q would be 39 times smaller.
    """
    folder = FIXTURES / "md_restart_pg"
    rows = [line.split() for line in (folder / "FTRAJECTORY").read_text().splitlines() if "<" not in line]
    values = np.array(rows, dtype=float).reshape(7, 13, 10)[..., 4:]
    velocities, forces = values[..., :3], values[..., 3:]
    masses = np.array([12.0112] * 3 + [15.9994] * 2 + [1.008] * 8)[:, None] * 1822.888485
    momenta = masses * velocities
    excess = np.diff(momenta, axis=0) / 40.0 - (forces[1:] + forces[:-1]) / 2
    middle = (momenta[1:] + momenta[:-1]) / 2
    friction = -(excess * middle).sum(axis=(1, 2)) / (middle**2).sum(axis=(1, 2))
    target = 36 * 300.0 / 315774.65
    drive = (masses * velocities**2).sum(axis=(1, 2))[1:6] - target
    mass = np.median(drive / (np.diff(friction) / 40.0))
    damping = np.sqrt(mass / target) * 0.02418884
    assert nose_frequency(damping) == pytest.approx(1500, rel=0.15)


def test_restart_files_are_written_every_few_steps() -> None:
    """Every twenty, or as the user says."""
    assert settings_of(CPMD.method(Effort.FAST), {}).store == 20
    assert settings_of(CPMD.method(Effort.FAST, {"parameters": {"CPMD": {"STORE": 7}}}), {}).store == 7


@pytest.mark.parametrize(("channels", "lmax"), [(0, "S"), (1, "P"), (2, "D"), (3, "F")])
def test_lmax_is_one_above_the_projectors(channels: int, lmax: str) -> None:
    """GTH files say how many angular momenta have projectors: none in hydrogen, one in carbon and oxygen."""
    assert pseudopotential("H", HYDROGEN.format(channels=channels)).lmax == lmax


def test_pseudopotential_takes_the_users_word() -> None:
    """Files of another kind need other words."""
    used = pseudopotential("H", HYDROGEN.format(channels=0), {"lmax": "P", "options": "KLEINMAN-BYLANDER"})
    assert (used.filename, used.lmax, used.options) == ("H.psp", "P", "KLEINMAN-BYLANDER")


@pytest.mark.parametrize(
    ("element", "text", "words"),
    [
        ("O", HYDROGEN, "another element: Z = 1 (H)"),
        ("H", "<UPF version='2.0.1'>", "no file of CPMD"),
        ("H", "H GTH-BLYP-q1\n    1\n", "no file of CPMD"),
    ],
)
def test_pseudopotential_refuses_a_wrong_file(element: str, text: str, words: str) -> None:
    """A file of another element or another code never reaches CPMD."""
    with pytest.raises(InputError) as error:
        pseudopotential(element, text)
    assert words in str(error.value)


def test_pseudopotential_of_an_unknown_kind_has_a_plain_lmax() -> None:
    """Without a word in the file it is S for hydrogen and P for the rest."""
    assert [pseudopotential(element, "&ATOM\n&END\n").lmax for element in ("H", "C")] == ["S", "P"]
