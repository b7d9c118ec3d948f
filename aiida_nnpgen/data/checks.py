"""What checks of nodes have in common.

A node from an archive was never validated here: an import stores it as it is. So what a node says is checked where it
is stored, where a process takes it, and where it is read; a stored node cannot change, and is looked at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiida import orm

from ..common.exceptions import InputError, OutputError
from ..common.files import check_object

__all__ = ["describe", "look_once", "read_values", "refuse"]

_GOOD: set[tuple[str, str]] = set()
"""Checks and UUIDs of stored nodes that passed them in this interpreter."""


def describe(node: orm.Node) -> str:
    """Return how a message names a node."""
    return f"{type(node).__name__} <{node.pk}> ({node.uuid})" if node.is_stored else f"a new {type(node).__name__}"


def refuse(node: orm.Node, problem: str) -> InputError:
    """Return the error of a node that is not what it should be."""
    return InputError(f"{describe(node)}: {problem}: do not use it")


def read_values(node: object, shape: object) -> dict[str, Any]:
    """Return the values of a dictionary that a process may have been given by a stranger.

    :param shape: what they must be; see :func:`~aiida_nnpgen.common.files.check_object`.
    :raises InputError: if the node is another one, or holds other things.
    """
    if not isinstance(node, orm.Dict):
        name = describe(node) if isinstance(node, orm.Node) else f"a {type(node).__name__}"
        raise InputError(f"{name} stands where a dictionary should: do not use it")
    try:
        return check_object(node.get_dict(), shape)
    except OutputError as exception:
        raise refuse(node, str(exception)) from exception


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
