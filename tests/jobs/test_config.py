"""Configurations of jobs."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.jobs.config import build


@dataclass(frozen=True)
class Example:
    """A configuration with a needed field and two that have defaults."""

    needed: int
    plain: int = 2
    made: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Outer:
    """A configuration with others in it."""

    one: Example
    perhaps: Example | None = None
    many: tuple[Example, ...] = ()
    words: tuple[str, ...] = ()


def test_build_makes_what_a_field_holds() -> None:
    """Dataclasses in fields, in tuples and beside None are made too; other values stay."""
    values = {"one": {"needed": 1}, "perhaps": None, "many": [{"needed": 2}, {"needed": 3}], "words": ("a", "b")}
    made = build(Outer, values, "here")
    assert made == Outer(one=Example(1), perhaps=None, many=(Example(2), Example(3)), words=("a", "b"))
    assert build(Outer, {"one": {"needed": 1}, "perhaps": {"needed": 4}}, "here").perhaps == Example(4)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"one": {"need": 1}}, "here, one: unknown key `need`"),
        ({"one": 3}, "here, one: `3` is no mapping"),
        ({"one": {"needed": 1}, "many": 3}, "here, many: `3` is no list"),
        ({"one": {"needed": 1}, "many": [{"needed": 1}, {}]}, r"here, many\[1\]: key `needed` is missing"),
    ],
)
def test_build_names_the_place_of_a_wrong_key(values: object, text: str) -> None:
    """The way to the wrong key is in the message."""
    with pytest.raises(InputError, match=text):
        build(Outer, values, "here")


def test_build_fills_in_defaults() -> None:
    """Absent fields take their default."""
    assert build(Example, {"needed": 1}, "config.json") == Example(1, 2, [])


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"needed": 1, "plan": 3}, "here: unknown key `plan`, choose from needed, plain, made"),
        ({"plain": 3}, "here: key `needed` is missing"),
        ([1], "is no mapping"),
    ],
)
def test_build_names_the_wrong_key(values: object, text: str) -> None:
    """Unknown and missing keys are named with their place."""
    with pytest.raises(InputError, match=text):
        build(Example, values, "here")
