"""Find back ends by entry point, or by import path where entry points are not installed.

A registered name is text that can do no harm. An import path ``module:attribute`` runs whatever it leads to, so who
takes one says so: jobs, which carry the science layer with them but no package metadata and are told paths that the
submitting side made with :func:`target`; and the words of the user's own configuration or program. What a node says,
which may be a stranger's, goes to :func:`load` alone.
"""

from __future__ import annotations

import importlib
import re
import sys
from functools import cache
from importlib import metadata
from importlib.metadata import EntryPoint

from .exceptions import InputError

__all__ = ["is_path", "load", "load_either", "load_path", "names", "path_of", "target"]

_PATH = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")


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
    """Return the object behind a registered name; no import path is taken.

    :raises InputError: if the name is unknown.
    """
    return load_path(target(group, name))


def load_path(path: str) -> object:
    """Return the object at an import path ``module:attribute``, which runs the module's code.

    :raises InputError: if it is no such path, or leads nowhere.
    """
    if not is_path(path):
        raise InputError(f"`{path}` is no import path: write `module:attribute`")
    module, _, attribute = path.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except Exception as exception:  # a module may raise anything as it is imported
        raise InputError(f"`{path}` cannot be loaded: {exception}") from exception


def load_either(group: str, name: str) -> object:
    """Return the object behind a registered name or an import path.

    :raises InputError: if the name is unknown or the import path leads nowhere.
    """
    return load_path(name) if ":" in name else load(group, name)


def path_of(group: str, name: str) -> str:
    """Return the import path of a registered name; an import path stays what it is.

    :raises InputError: if the name is unknown.
    """
    return name if ":" in name else target(group, name)


def is_path(text: str) -> bool:
    """Return whether a text is an import path, by its form."""
    return _PATH.fullmatch(text) is not None
