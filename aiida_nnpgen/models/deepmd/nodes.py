"""Nodes of a frozen graph, as far as one must know them to trust them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ...common.exceptions import InputError
from .operations import HIDDEN_ATTRIBUTES
from .wire import Wire, fields, single

__all__ = ["Node", "read_node"]

_NAME, _OPERATION, _INPUT, _DEVICE, _ATTRIBUTE, _TYPE = 1, 2, 3, 4, 5, 7
_NODE = dict.fromkeys((_NAME, _OPERATION, _INPUT, _DEVICE, _ATTRIBUTE, _TYPE), Wire.BYTES)
_KEY, _VALUE = 1, 2
_ENTRY = {_KEY: Wire.BYTES, _VALUE: Wire.BYTES}
# Lists, texts, integers, numbers, flags, types, shapes, constants. Functions (10) and placeholders (9) have no place.
_LIST, _TENSOR = 1, 8
_VALUES = {
    **{_LIST: Wire.BYTES, 2: Wire.BYTES, 3: Wire.VARINT, 4: Wire.FIXED32},
    **{5: Wire.VARINT, 6: Wire.VARINT, 7: Wire.BYTES, _TENSOR: Wire.BYTES},
}
_MAX_NAME = 1000
_MAX_INPUTS = 10_000
_NAMES = re.compile(rb"\^?[A-Za-z0-9_.\\/>:-]{0,%d}" % _MAX_NAME)
_LISTED = {2: Wire.BYTES, 3: Wire.BYTES}  # texts and integers


@dataclass(frozen=True)
class Node:
    """One operation of a graph.

    :ivar inputs: names of nodes, with the number of the output after a colon.
    :ivar tensor: the constant that it holds, encoded.
    """

    name: str
    operation: str
    inputs: tuple[str, ...]
    tensor: memoryview | None


def read_node(data: memoryview) -> Node:
    """Return a node.

    :raises InputError: if it is damaged, or has an attribute of a kind that no frozen model has.
    """
    texts: dict[int, str] = {}
    inputs: list[str] = []
    attributes: dict[str, memoryview | None] = {}
    for number, content in fields(data, _NODE):
        assert isinstance(content, memoryview)
        if number == _INPUT:
            inputs.append(_text(content))
            if len(inputs) > _MAX_INPUTS:
                raise InputError(f"it has a node with more than {_MAX_INPUTS} inputs")
        elif number == _ATTRIBUTE:
            key, tensor = _read_attribute(content)
            if key in attributes:
                raise InputError(f"it gives the attribute `{key}` twice")
            attributes[key] = tensor
        elif number in texts:
            raise InputError(f"it gives the field `{number}` of a node twice")
        elif len(content) > _MAX_NAME:
            raise InputError(f"the field `{number}` of a node is longer than in any frozen model")
        else:
            texts[number] = _text(content) if number in (_NAME, _OPERATION) else ""
    tensors = [tensor for tensor in attributes.values() if tensor is not None]
    return Node(texts.get(_NAME, ""), texts.get(_OPERATION, ""), tuple(inputs), tensors[0] if tensors else None)


def _read_attribute(data: memoryview) -> tuple[str, memoryview | None]:
    """Return the name of an attribute, and its content if that is a constant."""
    entry = single(data, _ENTRY)
    name, value = entry.get(_KEY), entry.get(_VALUE)
    key = _text(name) if isinstance(name, memoryview) else ""
    if key.startswith("_") and key not in HIDDEN_ATTRIBUTES:
        raise InputError(f"it holds the attribute `{key}`, which no frozen model does")
    found = single(value, _VALUES) if isinstance(value, memoryview) else {}
    if len(found) > 1:
        raise InputError(f"it gives the attribute `{key}` several values")
    listed, tensor = found.get(_LIST), found.get(_TENSOR)
    if isinstance(listed, memoryview):
        for _ in fields(listed, _LISTED):
            pass
    if not isinstance(tensor, memoryview):
        return key, None
    if key != "value":
        raise InputError(f"it holds a constant as the attribute `{key}`, which no frozen model does")
    return key, tensor


def _text(content: memoryview) -> str:
    """Return a name, which can be printed as it is."""
    found = _NAMES.fullmatch(content[: _MAX_NAME + 1])
    if found is None:
        raise InputError(f"the name {ascii(bytes(content[:40]))[1:]} is none of a frozen model")
    return found.group().decode("ascii")
