"""Architectures by name."""

from __future__ import annotations

import pytest

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.models import registry
from aiida_nnpgen.models.deepmd.backend import DEEPMD

PATH = "aiida_nnpgen.models.deepmd.backend:DEEPMD"


@pytest.mark.parametrize("name", ["deepmd", PATH])
def test_load_takes_name_and_import_path(name: str) -> None:
    """A job knows the path, everybody else the name."""
    assert registry.load(name) is DEEPMD


@pytest.mark.parametrize("name", ["deepmd", PATH])
def test_target_is_the_import_path(name: str) -> None:
    """What has no name is told by its path all along."""
    assert registry.target(name) == PATH


def test_load_lists_what_there_is() -> None:
    """A wrong name is answered with the right ones."""
    with pytest.raises(InputError, match=r"`depmd`.*deepmd"):
        registry.load("depmd")
