"""The reference codes that are there."""

from __future__ import annotations

from typing import cast

from ..common import plugins
from .code import DftCode

__all__ = ["CODES", "load"]

CODES = "nnpgen.dft"
"""Entry point group of the reference codes."""


def load(name: str) -> DftCode:
    """Return a reference code by its registered name; import paths are not taken, since names come from nodes too.

    :raises InputError: if the name is unknown.
    """
    return cast(DftCode, plugins.load(CODES, name))
