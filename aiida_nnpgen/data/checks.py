"""What checks of nodes have in common.

A node from an archive was never validated here: an import stores it as it is. So what a node says is checked where it
is stored, where a process takes it, and where it is read; a stored node cannot change, and is looked at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiida import orm

from ..common.exceptions import InputError

__all__ = ["describe", "look_once", "refuse"]

_GOOD: set[tuple[str, str]] = set()
"""Checks and UUIDs of stored nodes that passed them in this interpreter."""


def describe(node: orm.Node) -> str:
    """Return how a message names a node."""
    return f"{type(node).__name__} <{node.pk}> ({node.uuid})" if node.is_stored else f"a new {type(node).__name__}"


def refuse(node: orm.Node, problem: str) -> InputError:
    """Return the error of a node that is not what it should be."""
    return InputError(f"{describe(node)}: {problem}: do not use it")


def look_once(node: orm.Node, check: Callable[[Any], object]) -> None:
    """Run a check of a node, unless it has passed it.

    :param check: a function of a module, which raises InputError.
    """
    key = (f"{check.__module__}.{check.__qualname__}", node.uuid)
    if key in _GOOD:
        return
    check(node)
    if node.is_stored:
        _GOOD.add(key)
