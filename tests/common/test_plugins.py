"""Back ends by name or import path."""

from __future__ import annotations

import math

import pytest

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.common.plugins import is_path, load, load_either, load_path, names, path_of, target


def test_load_path_needs_no_registration() -> None:
    """A job loads by path, since entry points are not installed there."""
    assert load_path("math:sqrt") is math.sqrt
    assert load_either("no.such.group", "math:sqrt") is math.sqrt


@pytest.mark.parametrize("name", ["math:sqrt", "aiida_nnpgen.screening.reducers.pca:PcaReducer", "os:system"])
def test_load_takes_no_import_path(name: str) -> None:
    """Names come from nodes, and nodes from strangers."""
    with pytest.raises(InputError, match="is not registered"):
        load("nnpgen.reducers", name)


@pytest.mark.parametrize(
    "path", ["os", "os:", ":x", "..x:y", "a.:b", "os:system()", "os:a:b", "os.path:join.x", "a b:c"]
)
def test_is_path_knows_the_form(path: str) -> None:
    """What is no ``module:attribute`` is refused before anything is imported."""
    assert not is_path(path)
    with pytest.raises(InputError, match="is no import path"):
        load_path(path)


def test_target_gives_a_path_that_load_takes() -> None:
    """The submitting side turns a name into a path that leads to the same object."""
    path = target("nnpgen.reducers", "pca")
    assert load_path(path) is load("nnpgen.reducers", "pca")
    assert path_of("nnpgen.reducers", "pca") == path_of("nnpgen.reducers", path) == path


def test_target_names_the_choices_for_an_unknown_name() -> None:
    """The error lists what is registered."""
    with pytest.raises(InputError, match=r"`foo` is not registered.*pca"):
        target("nnpgen.reducers", "foo")


@pytest.mark.parametrize("path", ["no_such_module:x", "math:no_such_function"])
def test_load_refuses_a_path_that_leads_nowhere(path: str) -> None:
    """A wrong module or attribute is an input error."""
    with pytest.raises(InputError, match=path):
        load_path(path)


def test_names_of_an_unknown_group_are_empty() -> None:
    """An unknown group has no names."""
    assert names("no.such.group") == []
