"""Architectures by name."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.models import registry
from aiida_nnpgen.models.deepmd.backend import DEEPMD

PATH = "aiida_nnpgen.models.deepmd.backend:DEEPMD"


def test_load_takes_the_name_and_load_path_the_path() -> None:
    """A job knows the path, everybody else the name."""
    assert registry.load("deepmd") is registry.load_path(PATH) is DEEPMD
    assert registry.target("deepmd") == PATH


@pytest.mark.parametrize("take", [registry.load, registry.target])
def test_names_are_no_import_paths(take: Callable[[str], object]) -> None:
    """A model of a stranger says what its architecture is called, and runs nothing by it."""
    with pytest.raises(InputError, match="is not registered"):
        take(PATH)


def test_load_lists_what_there_is() -> None:
    """A wrong name is answered with the right ones."""
    with pytest.raises(InputError, match=r"`depmd`.*deepmd"):
        registry.load("depmd")
