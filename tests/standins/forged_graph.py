"""Graphs of TensorFlow, written byte by byte: harmless ones and others."""

from __future__ import annotations

from collections.abc import Sequence

FLOAT, INT32, STRING = 1, 3, 7


def varint(value: int) -> bytes:
    """Return a number of variable length; a negative one takes ten bytes."""
    value %= 2**64
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])


def field(number: int, content: int | bytes | str) -> bytes:
    """Return a field: a number, a text, or whatever is encoded already."""
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    content = content.encode() if isinstance(content, str) else content
    return varint(number << 3 | 2) + varint(len(content)) + content


def attribute(key: str, value: bytes) -> bytes:
    """Return an attribute of a node; its value is a field already."""
    return field(5, field(1, key) + field(2, value))


def node(name: str, operation: str, inputs: Sequence[str] = (), extra: bytes = b"") -> bytes:
    """Return a graph of one node; graphs are added up by adding their bytes."""
    links = b"".join(field(3, source) for source in inputs)
    return field(1, field(1, name) + field(2, operation) + links + extra)


def shape(*edges: int) -> bytes:
    """Return the shape of a constant."""
    return b"".join(field(2, field(1, edge)) for edge in edges)


def constant(name: str, dtype: int, edges: Sequence[int], content: bytes) -> bytes:
    """Return a constant; its content is a field already."""
    tensor = field(1, dtype) + field(2, shape(*edges)) + content
    return node(name, "Const", (), attribute("dtype", field(6, dtype)) + attribute("value", field(8, tensor)))


def net(name: str = "a") -> bytes:
    """Return a graph that is like a frozen model, as far as one looks at it, and holds a constant of a given name."""
    links = {
        "ProdEnvMatA": ["t_coord", "types", "t_natoms", "t_box", "t_mesh", name, name],
        "ProdForceSeA": [name, "ProdEnvMatA:1", "o_nlist", "t_natoms"],
        "ProdVirialSeA": [name, "ProdEnvMatA:1", "ProdEnvMatA:2", "o_nlist", "t_natoms"],
    }
    return b"".join(
        [
            *(node(f"t_{end}", "Placeholder") for end in ("coord", "type", "natoms", "box", "mesh")),
            constant(name, FLOAT, (2, 3), field(4, 24 * b"\0")),
            constant("one", INT32, (), field(7, varint(-1))),
            constant("map", STRING, (2,), field(8, "O") + field(8, "H")),
            node("types", "Reshape", ["t_type", "one"], attribute("T", field(6, INT32))),
            node("o_nlist", "Identity", ["ProdEnvMatA:3"], attribute("_class", field(1, field(2, "loc:@a")))),
            *(node(operation, operation, inputs) for operation, inputs in links.items()),
        ]
    )
