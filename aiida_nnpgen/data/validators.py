"""Validators of ports, by which a process refuses nodes that are not what they say before it is launched."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from aiida import orm

from ..common.exceptions import InputError
from .dataset import DatasetData
from .potential import PotentialData
from .repository import check_single_file, file_names
from .trajectory import check_structure, check_trajectory

__all__ = ["check_node", "first_problem", "validate_node", "validate_nodes"]


def check_node(node: orm.Data, *, own: bool = False) -> None:
    """Check what a node says, by its class; of other data, the names of its files.

    :param own: the files are of the user's own naming; see :func:`~.repository.file_names`.
    :raises InputError: naming the node.
    """
    if not isinstance(node, orm.Node):
        raise InputError(f"there is a {type(node).__name__} in the place of a node")
    if isinstance(node, DatasetData | PotentialData):
        node.check()
    elif isinstance(node, orm.TrajectoryData):
        check_trajectory(node)
    elif isinstance(node, orm.StructureData):
        check_structure(node)
    elif isinstance(node, orm.SinglefileData):
        check_single_file(node, own=True)  # pseudopotentials are called as their makers did
    else:
        file_names(node, own=own)


def validate_node(node: orm.Data | None, _: Any) -> str | None:
    """Check the node of a port."""
    return None if node is None else validate_nodes({"": node}, _)


def validate_nodes(nodes: Mapping[str, orm.Data], _: Any, *, own: bool = False) -> str | None:
    """Check all nodes of a namespace."""
    return first_problem(nodes, partial(check_node, own=own))


def first_problem(nodes: Mapping[str, orm.Data], check: Callable[[Any], object]) -> str | None:
    """Return what is wrong with the first node that does not pass a check; None if all do.

    :param nodes: by key, which the message begins with; that of a single port is empty.
    :param check: raises InputError.
    """
    for key, node in nodes.items():
        try:
            check(node)
        except InputError as exception:
            return f"{key}: {exception}" if key else str(exception)
    return None
