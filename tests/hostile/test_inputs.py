"""Text that would leave its place in the input of a code: every code refuses it, wherever it stands."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.dft import registry
from aiida_nnpgen.dft.code import Effort
from aiida_nnpgen.dft.text import check_words

TEXTS = {
    "line": "x\n&END",
    "return": "x\r&END",
    "form feed": "x\x0cy",
    "vertical tab": "x\x0by",
    "next line": "x\x85y",
    "separator": "x\u2028y",
    "nul": "x\0y",
    "escape": "x\x1b[2Jy",
    "tab": "x\ty",
    "letter": "é",
    "nothing": "",
    "blank": "  ",
}
MEANINGS = {
    "cp2k": ["&END", "x &END", "@INCLUDE f", "$X", "${X}", "x # y", "x ! y", "x \\"],
    "vasp": ["x; NSW = 5", "x = 5", "x # y", "x ! y", "x \\", "{", '"x'],
    "qe": ["x', y = '1", '"', "x \\"],
    "cpmd": ["&END", "x &END"],
}
#: Where a user may put a value, by code: as a scalar, in a list, and in lists of lists.
PLACES: dict[str, Callable[[Any], dict[str, Any]]] = {
    "cp2k": lambda value: {"FORCE_EVAL": {"DFT": {"POISSON": {"PERIODIC": value}}}},
    "vasp": lambda value: {"LOCPROJ": value},
    "qe": lambda value: {"CONTROL": {"something_new": value}},
    "cpmd": lambda value: {"CPMD": {"SPLINE": value}},
}
KEYS: dict[str, Callable[[str], dict[str, Any]]] = {
    "cp2k": lambda key: {"FORCE_EVAL": {"DFT": {"SCF": {key: 1}}}},
    "vasp": lambda key: {key: 1},
    "qe": lambda key: {"SYSTEM": {key: 1}},
    "cpmd": lambda key: {"CPMD": {key: 1}},
}
CODES = sorted(PLACES)
CASES = [(code, text) for code in CODES for text in [*TEXTS.values(), *MEANINGS[code]]]


def check(code: str, parameters: dict[str, Any]) -> None:
    """Check parameters as the code checks those of a user, put over its protocol."""
    found = registry.load(code)
    found.check(found.method(Effort.BALANCED, {"parameters": parameters}))


@pytest.mark.parametrize("code", CODES)
def test_check_takes_usual_words(code: str) -> None:
    """What the tests below put into places and keys is refused for what it holds, not for where it stands."""
    check(code, PLACES[code]("XYZ 1.5"))
    check(code, PLACES[code](3))


@pytest.mark.parametrize("wrap", [lambda text: text, lambda text: ["x", text], lambda text: [["x"], [text]]])
@pytest.mark.parametrize(("code", "text"), CASES)
def test_check_refuses_text_that_leaves_its_place(code: str, text: str, wrap: Callable[[str], Any]) -> None:
    """As a value, in a list, and in lists in lists."""
    with pytest.raises(InputError, match="parameters"):
        check(code, PLACES[code](wrap(text)))


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("key", ["X\n&END", "X\r", "&X", "@INCLUDE 'f'", "X; NSW", "X = 1,", "X!", "é", "", " ", "X/"])
def test_check_refuses_keys_that_are_no_names(code: str, key: str) -> None:
    """A key is written into the input just as its value is."""
    with pytest.raises(InputError, match="parameters"):
        check(code, KEYS[code](key))


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("key", ["X\n&END", "&X", "é", ""])
def test_check_refuses_sections_that_are_no_names(code: str, key: str) -> None:
    """Those at the top, and those of a level below."""
    with pytest.raises(InputError, match="parameters"):
        check(code, {key: {"X": 1}})
    with pytest.raises(InputError, match="parameters"):
        check(code, KEYS[code]("X") | {key: 1})


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("value", [float("nan"), float("inf"), b"x", object(), {1, 2}])
def test_check_refuses_values_that_no_input_has(code: str, value: object) -> None:
    """NaN and objects that have no text."""
    with pytest.raises(InputError, match="parameters"):
        check(code, PLACES[code]([value]))


@pytest.mark.parametrize("text", [text for text in [*TEXTS.values(), *MEANINGS["cp2k"]] if text])
def test_cp2k_refuses_the_parameter_of_a_section(text: str) -> None:
    """It stands behind the name of the section."""
    with pytest.raises(InputError, match="parameters"):
        check("cp2k", {"FORCE_EVAL": {"DFT": {"SCF": {"MOM": {"_": text}}}}})


@pytest.mark.parametrize(
    ("code", "parameters", "message"),
    [
        ("qe", {"SYSTEM": {"nbnd": {"O": 1}}}, "`parameters.SYSTEM.nbnd` must be a value"),
        ("qe", {"SYSTEM": {"something_new": {"a": 1}}}, "must be a value"),
        ("qe", {"SYSTEM": {"starting_charge": {"O\n": 1}}}, "no name"),
        ("qe", {"SYSTEM": {"starting_charge": {"Xx": 1}}}, "must map elements to numbers"),
        ("qe", {"SYSTEM": {"ecutrho": "large"}}, "`parameters.SYSTEM.ecutrho` must be a number, not `large`"),
        ("qe", {"SYSTEM": {"nbnd": 2.5}}, "must be a whole number, not `2.5`"),
        ("qe", {"SYSTEM": {"nbnd": True}}, "must be a whole number, not `True`"),
        ("qe", {"SYSTEM": {"nosym": "yes"}}, "must be true or false"),
        ("qe", {"SYSTEM": {"occupations": 3}}, "must be a text"),
        ("qe", {"ELECTRONS": {"conv_thr": [1e-8]}}, "must be a number"),
        ("vasp", {"EDIFF": "tight"}, "`parameters.EDIFF` must be a number, not `tight`"),
        ("vasp", {"NELM": True}, "must be a number, not `True`"),
        ("vasp", {"NELM": [60]}, "must be a number"),
        ("vasp", {"LASPH": 2}, "`parameters.LASPH` must be true or false"),
        ("cpmd", {"CPMD": {"MAXITER": "many"}}, "`parameters.CPMD.MAXITER` must be a positive whole number"),
        ("cp2k", {"FORCE_EVAL": [{"DFT": {}}]}, "parameters.FORCE_EVAL is needed"),
        ("cp2k", {"FORCE_EVAL": None}, "parameters.FORCE_EVAL is needed"),
        ("cp2k", {"FORCE_EVAL": {"DFT": {"SCF": False}}}, "parameters.FORCE_EVAL/DFT/SCF is needed"),
        ("cp2k", {"FORCE_EVAL": {"SUBSYS": {"KIND": {"O": None}}}}, "FORCE_EVAL/SUBSYS/KIND/O is needed"),
        ("cp2k", {"FORCE_EVAL": {"DFT": {"SCF": {"MIXING": [{"ALPHA": 1}]}}}}, "MIXING is one section"),
    ],
)
def test_check_refuses_values_of_another_kind(code: str, parameters: dict[str, Any], message: str) -> None:
    """What a keyword wants is known for many: a text for a number is seen before a job is."""
    with pytest.raises(InputError, match=re.escape(message)):
        check(code, parameters)


@pytest.mark.parametrize(
    ("code", "parameters"),
    [
        ("qe", {"SYSTEM": {"nbnd": 12, "starting_charge": {"O": -0.1}, "starting_charge(1)": 0.1, "nosym": True}}),
        ("vasp", {"EDIFF": "1d-6", "LASPH": ".TRUE.", "NELM": 80, "ALGO": "Fast", "LREAL": "Auto", "SAXIS": [0, 0, 1]}),
        ("cpmd", {"CPMD": {"ODIIS NO_RESET=10": 5, "PCG MINIMIZE": True}, "PSEUDOPOTENTIALS": {"O": {"options": ""}}}),
        ("cp2k", {"FORCE_EVAL": {"DFT": {"SCF": {"OT": False, "CHOLESKY": "INVERSE"}, "UKS": True}}}),
    ],
)
def test_check_takes_values_of_the_right_kind(code: str, parameters: dict[str, Any]) -> None:
    """Numbers of Fortran, logical values in words, and what nobody knows the kind of."""
    check(code, parameters)


def test_check_words_names_the_place() -> None:
    """The key above a list, however deep."""
    with pytest.raises(InputError, match=r"^`a\.b\.c` must be one value, .* `x\\ny` is no value"):
        check_words({"b": {"c": [1, [2, "x\ny"]]}}, "a")
