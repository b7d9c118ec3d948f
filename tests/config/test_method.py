"""Levels of theory per structure: protocols, the user's words over them, and rules."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ase import Atoms
from pydantic import ValidationError

from aiida_nnpgen.common.plugins import names
from aiida_nnpgen.config.method import MethodMatch, StructureFacts
from aiida_nnpgen.config.reference import ReferenceSettings
from aiida_nnpgen.dft.code import Effort

WATER = Atoms("OHH", positions=np.eye(3), cell=[8.0, 9.0, 10.0], pbc=True)


def facts(atoms: Atoms = WATER, **changes: Any) -> StructureFacts:
    """Return what rules see of a structure."""
    values = {"key": "frame_0003", "start": "liquid_2", "numbers": atoms.numbers, "cell": atoms.cell.array}
    return StructureFacts(**(values | changes))


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        ({"formula": "H2O"}, True),
        ({"formula": "(OH)2"}, False),
        ({"elements": ["O"]}, True),
        ({"elements": ["O", "C"]}, False),
        ({"atoms": {"max": 3}}, True),
        ({"atoms": {"min": 4}}, False),
        ({"volume": {"min": 719, "max": 721}}, True),
        ({"lengths": {"min": 8}}, True),
        ({"lengths": {"min": 8.5}}, False),
        ({"lengths": {"max": 9}}, False),
        ({"structures": ["liquid"]}, True),
        ({"structures": ["liquid_2"]}, True),
        ({"structures": ["vapour"]}, False),
        ({"keys": ["frame_000*"]}, True),
        ({"keys": ["frame_0001", "frame_0002"]}, False),
        ({"formula": "H2O", "atoms": {"min": 4}}, False),
    ],
)
def test_match_needs_every_condition(match: dict[str, Any], expected: bool) -> None:
    """A rule holds where all of its conditions hold."""
    assert MethodMatch(**match).matches(facts()) is expected


@pytest.mark.parametrize(
    ("match", "message"),
    [
        ({}, "at least one condition"),
        ({"formula": "Q7"}, "is no formula"),
        ({"elements": ["Qq"]}, "`Qq` is not an element"),
        ({"atoms": {"min": 5, "max": 2}}, "is larger than `max`"),
        ({"tag": "liquid"}, "Extra inputs are not permitted"),
    ],
)
def test_match_refuses_nonsense(match: dict[str, Any], message: str) -> None:
    """A condition that can never mean anything is named."""
    with pytest.raises(ValidationError, match=message):
        MethodMatch(**match)


def test_rules_go_over_the_defaults_in_their_order() -> None:
    """The last rule that matches prevails, section by section; what none of them names stays."""
    reference = ReferenceSettings(
        parameters={"keywords": {"accuracy": 0.5}},
        rules=[
            {"match": {"elements": ["H"]}, "charge": 1, "parameters": {"keywords": {"max_iterations": 300}}},
            {"match": {"structures": ["liquid"]}, "charge": -1},
            {"match": {"elements": ["Au"]}, "charge": 3},
        ],
    )
    method = reference.method_of(facts())
    assert method.charge == -1
    assert method.parameters["keywords"] == {
        "method": "GFN1-xTB",
        "verbosity": 0,
        "accuracy": 0.5,
        "max_iterations": 300,
    }


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"labeller": "gaussian"}, "`gaussian` is not registered"),
        ({"protocol": "sloppy"}, "protocol"),
        ({"functional": "PBE"}, "`functional` is not for the labeller `ase`"),
        ({"dispersion": "d4"}, "dispersion"),
        ({"cutoff": "5 bar"}, "not a unit of cutoff"),
        ({"parameters": {"calculator": "tblite"}}, "import path such as"),
        ({"rules": [{"match": {"atoms": {"min": 1}}}]}, "must change something"),
        (
            {"rules": [{"match": {"atoms": {"min": 1}}, "kpoints_spacing": 0.2}]},
            r"rules\[0\]: `kpoints_spacing` is not",
        ),
    ],
)
def test_wrong_values_are_named_with_their_place(values: dict[str, Any], message: str) -> None:
    """Nothing is launched with a level of theory that the code does not have."""
    with pytest.raises(ValidationError, match=message):
        ReferenceSettings(**values)


@pytest.mark.parametrize("labeller", names("nnpgen.dft"))
@pytest.mark.parametrize("protocol", Effort)
def test_every_code_takes_its_own_protocols(labeller: str, protocol: Effort) -> None:
    """Each protocol of each code is a method that the code accepts."""
    reference = ReferenceSettings(labeller=labeller, protocol=protocol, pseudopotentials="family")
    assert reference.method_of(facts()).parameters is not None


@pytest.mark.parametrize("labeller", sorted(set(names("nnpgen.dft")) - {"ase"}))
def test_balanced_is_the_published_level(labeller: str) -> None:
    """BLYP with a dispersion correction and plane waves of 100 Ry or what the code needs for as much."""
    method = ReferenceSettings(labeller=labeller, pseudopotentials="family").method_of(facts())
    assert method.functional == "BLYP"
    assert method.dispersion.value in ("d2", "d3")
    assert method.cutoff is not None
    assert method.cutoff >= 29
