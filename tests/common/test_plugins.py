"""Back ends by name or import path."""

from __future__ import annotations

import math

import pytest

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.common.plugins import load, names, target


def test_load_takes_an_import_path_without_registration() -> None:
    """A job loads by path, since entry points are not installed there."""
    assert load("no.such.group", "math:sqrt") is math.sqrt


def test_target_gives_a_path_that_load_takes() -> None:
    """The submitting side turns a name into a path that leads to the same object."""
    path = target("nnpgen.reducers", "pca")
    assert load("nnpgen.reducers", path) is load("nnpgen.reducers", "pca")


def test_target_names_the_choices_for_an_unknown_name() -> None:
    """The error lists what is registered."""
    with pytest.raises(InputError, match=r"`foo` is not registered.*pca"):
        target("nnpgen.reducers", "foo")


@pytest.mark.parametrize("path", ["no_such_module:x", "math:no_such_function"])
def test_load_refuses_a_path_that_leads_nowhere(path: str) -> None:
    """A wrong module or attribute is an input error."""
    with pytest.raises(InputError, match=path):
        load("group", path)


def test_names_of_an_unknown_group_are_empty() -> None:
    """An unknown group has no names."""
    assert names("no.such.group") == []
