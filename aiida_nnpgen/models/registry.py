"""The architectures that are there."""

from __future__ import annotations

from typing import cast

from ..common import plugins
from ..common.exceptions import InputError
from .base import Abilities, Backend

__all__ = ["MODELS", "load", "load_path", "target"]

MODELS = "nnpgen.models"
"""Entry point group of the architectures."""


def load(name: str) -> Backend:
    """Return an architecture by its registered name: names come from nodes too, and import paths run what they name.

    :raises InputError: if the name is unknown, or of something else.
    """
    found = plugins.load(MODELS, name)
    if not isinstance(getattr(found, "abilities", None), Abilities):
        raise InputError(f"`{name}` is no architecture: choose one of {', '.join(plugins.names(MODELS))}")
    return cast(Backend, found)


def load_path(path: str) -> Backend:
    """Return an architecture by the import path that a job was told.

    :raises InputError: if it leads nowhere.
    """
    return cast(Backend, plugins.load_path(path))


def target(name: str) -> str:
    """Return the import path of an architecture, by which a job finds it on the compute node.

    :raises InputError: if a name is not registered; the message lists those that are.
    """
    return plugins.target(MODELS, name)
