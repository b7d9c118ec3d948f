"""Names of starting structures, and the keys of their frames."""

from __future__ import annotations

import pytest

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.config.load import parse_config
from aiida_nnpgen.config.structures import belongs_to, check_names


@pytest.mark.parametrize(
    ("key", "names", "expected"),
    [
        ("w", ["w"], True),
        ("w_12", ["w"], True),
        ("w_x", ["w"], False),
        ("w_x_1", ["w_x"], True),
        ("w_x_1", ["w"], False),
        ("ww_1", ["w"], False),
        ("w_1", ["v", "w_1"], True),
    ],
)
def test_belongs_to_takes_numbers_alone_for_frames(key: str, names: list[str], expected: bool) -> None:
    """`w_x` is another source, not a frame of `w`."""
    assert belongs_to(key, names) is expected


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["w", "w"], "two structures are named `w`"),
        (["w", "w_1"], "`w_1` is the name of a frame of `w`, too"),
        (["w_x_07", "b", "w_x"], "`w_x_07` is the name of a frame of `w_x`, too"),
    ],
)
def test_check_names_refuses_what_can_be_confused(names: list[str], message: str) -> None:
    """The key of a frame is made from the name of its source."""
    with pytest.raises(ValueError, match=message):
        check_names(names)


def test_check_names_lets_others_pass() -> None:
    """A number is no fault where nobody else has the name before it."""
    check_names(["w_1", "w_2", "w_1x", "v", "vw"])


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("{name: 2w, file: a.xyz}", "structures[0].name: `2w` is no name here: give letters, digits"),
        ("{name: a__b, file: a.xyz}", "structures[0].name: `a__b` is no name here"),
        ("{name: a.b, file: a.xyz}", "structures[0].name: `a.b` is no name here"),
        ("{name: a, file: a.xyz, index: x}", "structures[0].index: `x` is no place in a file: give a number"),
        ("{name: a, file: a.xyz, index: '1:2:3:4'}", "structures[0].index: `1:2:3:4` is no place"),
    ],
)
def test_rules_are_said_in_words(entry: str, message: str) -> None:
    """Not as a regular expression."""
    with pytest.raises(InputError) as caught:
        parse_config(f"structures: [{entry}]", "x")
    assert message in str(caught.value)
    assert "pattern" not in str(caught.value)
