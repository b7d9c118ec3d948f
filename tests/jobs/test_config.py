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
