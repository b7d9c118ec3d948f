"""The reference codes that are there."""

from __future__ import annotations

from ..common import plugins
from ..common.exceptions import InputError
from .code import DftCode

__all__ = ["CODES", "load"]

CODES = "nnpgen.dft"
"""Entry point group of the reference codes."""


def load(name: str) -> DftCode:
    """Return a reference code by its registered name; import paths are not taken, since names come from nodes too.

    :raises InputError: if the name is unknown, or of something else.
    """
    found = plugins.load(CODES, name)
    if not isinstance(found, DftCode):
        raise InputError(f"`{name}` is no reference code: choose one of {', '.join(plugins.names(CODES))}")
    return found
