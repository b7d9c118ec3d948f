"""Look into a frozen graph before it is trusted; no library of DeePMD-kit is needed for it.

TensorFlow runs whatever a graph asks for, and some of that writes files or opens connections. So only what frozen
models are known to hold is let through: their operations, constants of the size that is there, no functions.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from pathlib import Path

from ...common.exceptions import InputError
from .nodes import Node, read_node
from .operations import CONSTANT, OPERATIONS, SOURCES
from .wire import Wire, fields, single

__all__ = ["check_graph"]

_NODES, _LIBRARY = 1, 2
_GRAPH = {_NODES: Wire.BYTES, _LIBRARY: Wire.BYTES, 4: Wire.BYTES}  # the last one holds versions

# A net of 10 elements and the published size has 20 MB, in 60 000 nodes of 8 MB.
_MAX_BYTES = 256 * 2**20
_MAX_NODES = 100_000
_MAX_STRUCTURE = 16 * 2**20

# Bytes of an element of each type of constant (float, double, int32, int64, bool), and the field for single elements.
_ITEMSIZE = {1: 4, 2: 8, 3: 4, 9: 8, 10: 1}
_ELEMENTS = {1: 5, 2: 6, 3: 7, 9: 10, 10: 11}
_TEXT, _TEXTS = 7, 8
_DTYPE, _SHAPE, _CONTENT = 1, 2, 4
_TENSOR = {_DTYPE: Wire.VARINT, _SHAPE: Wire.BYTES, _CONTENT: Wire.BYTES} | dict.fromkeys(
    (*_ELEMENTS.values(), _TEXTS), Wire.BYTES
)
_MAX_EDGE = 2**31
_MAX_RANK = 8
_MAX_STEPS = 8  # between an input and what feeds it


def check_graph(path: Path) -> None:
    """Refuse a graph that could do anything but compute.

    :param path: frozen graph (``.pb``).
    :raises InputError: if the file is no graph, or something in it has no place in a frozen DeepPot-SE model.
    """
    if path.stat().st_size > _MAX_BYTES:
        raise InputError(f"`{path.name}` is larger than {_MAX_BYTES >> 20} MiB: no DeepPot-SE model is")
    try:
        _check_nodes(_read_nodes(memoryview(path.read_bytes())))
    except InputError as exception:
        raise InputError(f"`{path.name}` is no frozen DeepPot-SE model, do not use it: {exception}") from exception


def _read_nodes(data: memoryview) -> dict[str, Node]:
    """Return the nodes by their names.

    :raises InputError: if two have one name, or there is more than nodes.
    """
    nodes: dict[str, Node] = {}
    structure = 0
    for number, content in fields(data, _GRAPH):
        assert isinstance(content, memoryview)
        if number == _LIBRARY and len(content):
            raise InputError("it defines functions of its own")
        if number != _NODES:
            continue
        node = read_node(content)
        structure += len(content) - len(node.tensor or b"")
        if node.name in nodes:
            raise InputError(f"it holds two nodes of the name `{node.name}`")
        if len(nodes) == _MAX_NODES or structure > _MAX_STRUCTURE:
            raise InputError(f"it holds more than {_MAX_NODES} nodes, or {_MAX_STRUCTURE >> 20} MiB of them")
        nodes[node.name] = node
    if not nodes:
        raise InputError("it holds no operation")
    return nodes


def _check_nodes(nodes: dict[str, Node]) -> None:
    """Check each node by itself, and where the numbers come from that are used as indices without a look."""
    for node in nodes.values():
        if node.operation not in OPERATIONS:
            raise InputError(f"it holds the operation `{node.operation}`, which no frozen model does")
        if (node.tensor is not None) != (node.operation == CONSTANT):
            raise InputError(f"`{node.name}` holds a constant but is none, or the other way round")
        if node.tensor is not None:
            try:
                _check_tensor(node.tensor)
            except InputError as exception:
                raise InputError(f"the constant `{node.name}`: {exception}") from exception
        for place, source in SOURCES.get(node.operation, {}).items():
            if place >= len(node.inputs) or _origin(node.inputs[place], nodes) != source:
                raise InputError(f"input {place} of `{node.name}` comes from where it does in no frozen model")


def _origin(name: str, nodes: dict[str, Node]) -> str:
    """Return what feeds an input: the placeholder, or operation and output, as `ProdEnvMatA:3`.

    Operations that hand on their first input as it is are looked through.
    """
    for _ in range(_MAX_STEPS):
        source, _, output = name.partition(":")
        node = nodes.get(source)
        if node is None:
            break
        if node.operation == "Placeholder":
            return node.name
        if node.operation not in ("Identity", "Reshape") or not node.inputs:
            return f"{node.operation}:{output or 0}"
        name = node.inputs[0]
    return ""


def _check_tensor(data: memoryview) -> None:
    """Compare the shape of a constant with its content: a library would fill up what is missing.

    :raises InputError: if they differ, or the type is none of a frozen model.
    """
    texts, found = 0, {}
    for number, value in fields(data, _TENSOR):
        texts += number == _TEXTS
        if number != _TEXTS and number in found:
            raise InputError(f"it gives the field `{number}` twice")
        found[number] = value
    dtype = found.get(_DTYPE)
    shape = found.get(_SHAPE, memoryview(b""))
    assert isinstance(shape, memoryview)
    stored = {number for number in found if number not in (_DTYPE, _SHAPE)}
    size = prod(_edges(shape))
    if dtype == _TEXT:
        fits = stored == {_TEXTS} and texts == size
    elif isinstance(dtype, int) and dtype in _ITEMSIZE:
        fits = stored <= {_CONTENT, _ELEMENTS[dtype]} and len(stored) < 2 and size == _count(found, dtype)
    else:
        raise InputError(f"no frozen model has constants of the type `{dtype}`")
    if not fits:
        raise InputError("its content does not fit its shape")


def _count(found: dict[int, int | memoryview], dtype: int) -> float:
    """Return how many elements a numerical constant stores."""
    content, elements = found.get(_CONTENT), found.get(_ELEMENTS[dtype])
    if isinstance(content, memoryview):
        return len(content) / _ITEMSIZE[dtype]
    if not isinstance(elements, memoryview):
        return 0
    if dtype in (1, 2):
        return len(elements) / _ITEMSIZE[dtype]
    return sum(byte < 0x80 for byte in elements)  # the last byte of a number of variable length


def _edges(shape: memoryview) -> Iterator[int]:
    """Yield the lengths of the axes of a constant."""
    for rank, (_, axis) in enumerate(fields(shape, {2: Wire.BYTES})):
        assert isinstance(axis, memoryview)
        edge = single(axis, {1: Wire.VARINT}).get(1, 0)
        assert isinstance(edge, int)
        if edge >= _MAX_EDGE or rank >= _MAX_RANK:
            raise InputError("its shape is none of a frozen model")
        yield edge
