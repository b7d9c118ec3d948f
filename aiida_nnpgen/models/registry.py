"""The architectures that are there."""

from __future__ import annotations

from typing import cast

from ..common import plugins
from .base import Backend

__all__ = ["MODELS", "load", "target"]

MODELS = "nnpgen.models"
"""Entry point group of the architectures."""


def load(name: str) -> Backend:
    """Return an architecture by its registered name, or by an import path ``module:attribute``.

    :raises InputError: if the name is unknown or the import path leads nowhere.
    """
    return cast(Backend, plugins.load(MODELS, name))


def target(name: str) -> str:
    """Return the import path of an architecture, by which a job finds it on the compute node.

    :raises InputError: if a name is not registered; the message lists those that are.
    """
    return name if ":" in name else plugins.target(MODELS, name)
