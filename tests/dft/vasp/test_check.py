"""What VASP refuses before anything is launched."""

from __future__ import annotations

import re
from typing import Any

import pytest

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.common.types import Thermostat
from aiida_nnpgen.dft.method import Method
from aiida_nnpgen.dft.vasp.code import VASP


def method(**changes: Any) -> Method:
    """Return a method that VASP can do."""
    return Method(**{"functional": "PBE", "dispersion": "d3", "cutoff": 40.0} | changes)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"functional": "BLIP"}, "no functional `BLIP`: did you mean `BLYP`"),
        ({"functional": "HSE"}, "did you mean `HSE06`"),
        ({"functional": "XYZ"}, "choose one of LDA"),
        ({"functional": None}, "`functional` is missing"),
        ({"functional": "LDA"}, "`dispersion: d3` has no parameters for `LDA`: use it with one of PBE"),
        ({"functional": "SCAN", "dispersion": "d2"}, "`dispersion: d2` has no parameters for `SCAN`"),
        ({"parameters": {"GGA": "BF"}}, "give `VDW_A1`, `VDW_A2`, `VDW_S8`"),
        ({"cutoff": None}, "`cutoff` is missing"),
        ({"parameters": {"ediff": 1e-6}}, "write `EDIFF`"),
        ({"parameters": {"EDIF": 1e-6}}, "did you mean `EDIFF`"),
        ({"parameters": {"NOSUCHTHING": 1}}, "no tag of VASP"),
        ({"parameters": {"IBRION": 2}}, "`parameters.IBRION` is not for the user: the labeller sets it"),
        ({"parameters": {"NELECT": 8}}, "use `charge`"),
        ({"parameters": {"KSPACING": 0.3}}, "use `kpoints_spacing`"),
        ({"parameters": {"PSTRESS": 10}}, "it would enter the energy"),
        ({"parameters": {"ML_LMLFF": True}}, "labels must not come from a force field"),
        ({"parameters": {"ISMEAR": -5}}, "forces do not derive from"),
        ({"parameters": {"MAGMOM": [1.0, 2.0]}}, "must map elements to values"),
        ({"parameters": {"MAGMOM": {"Xx": 1.0}}}, "`Xx` is not an element"),
        ({"parameters": {"LDAUU": {"Fe": "high"}}}, "must be a number"),
        ({"parameters": {"ALGO": {"Fe": 1.0}}}, "VASP has no sections"),
        ({"parameters": {"ALGO": "Fast; IBRION = 2"}}, "must be one value"),
        ({"multiplicity": 2, "parameters": {"NUPDOWN": 1}}, "give `multiplicity` or `parameters.NUPDOWN`, not both"),
    ],
)
def test_check_names_what_vasp_cannot_take(values: dict[str, Any], message: str) -> None:
    """The value is in the message, and what to write instead."""
    with pytest.raises(InputError, match=re.escape(message)):
        VASP.check(method(**values))


@pytest.mark.parametrize(
    "parameters",
    [
        {"NCORE": 4, "LREAL": "Auto"},
        {"MAGMOM": {"Fe": 5.0, "O": 0.6}, "LDAU": True, "LDAUU": {"Fe": 4.0}},
        {"METAGGA": "MBJ", "VDW_S8": 0.0, "VDW_A1": 0.5, "VDW_A2": 5.0},
        {"GGA": "LIBXC", "LIBXC1": "GGA_X_B88", "LIBXC1_P1": 0.1, "VDW_S8": 0.0, "VDW_A1": 0.5, "VDW_A2": 5.0},
    ],
)
def test_check_leaves_the_rest_to_the_user(parameters: dict[str, Any]) -> None:
    """Parallel settings, moments by element, and functionals of the user's own."""
    VASP.check(method(parameters=parameters))


@pytest.mark.parametrize("thermostat", list(Thermostat))
def test_every_thermostat_is_claimed(thermostat: Thermostat) -> None:
    """MDALGO 2, 3 and 5."""
    VASP.check_thermostat(thermostat)
