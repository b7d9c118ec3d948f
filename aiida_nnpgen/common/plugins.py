"""Find back ends by entry point, or by import path where entry points are not installed.

Jobs on a compute node carry the science layer with them but no package metadata. The submitting side therefore turns a
name into its import path with :func:`target`, and the job loads that path; :func:`load` takes either.
"""

from __future__ import annotations

import importlib
import sys
from functools import cache
from importlib import metadata
from importlib.metadata import EntryPoint

from .exceptions import InputError

__all__ = ["load", "names", "target"]


@cache
def _installed(group: str, path: tuple[str, ...]) -> tuple[EntryPoint, ...]:
    return tuple(metadata.entry_points(group=group))


def entry_points(group: str) -> tuple[EntryPoint, ...]:
    """Return the entry points of a group, looked up once: that takes a tenth of a second."""
    return _installed(group, tuple(sys.path))


def names(group: str) -> list[str]:
    """Return the registered names of a group, sorted."""
    return sorted({point.name for point in entry_points(group=group)})


def target(group: str, name: str) -> str:
    """Return the import path ``module:attribute`` of a registered name.

    :raises InputError: if the name is not registered; the message lists those that are.
    """
    for point in entry_points(group=group):
        if point.name == name:
            return point.value
    raise InputError(f"`{name}` is not registered in `{group}`: choose one of {', '.join(names(group)) or '(none)'}")


def load(group: str, name: str) -> object:
    """Return the object behind a registered name or an import path ``module:attribute``.

    :raises InputError: if the name is unknown or the import path leads nowhere.
    """
    path = name if ":" in name else target(group, name)
    module, _, attribute = path.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except Exception as exception:  # what a foreign module raises when it is imported is without limit
        raise InputError(f"`{path}` cannot be loaded: {exception}") from exception
