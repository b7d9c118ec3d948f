"""A YAML file as plain values, refused with its place before anything large, endless or ambiguous is made of it."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from ..common.exceptions import InputError
from ..common.text import shorten

__all__ = ["Document", "Location", "describe_path", "read_document"]

Location = tuple[str | int, ...]

_MAX_BYTES = 1 << 18
_MAX_DEPTH = 50
_MAX_NODES = 20_000  # written or by alias: YAML is read at some 40 000 in a second
_MAX_TWICE = 20  # lines about keys that are written twice
_MAX_TEXT = 10_000  # letters of one value
_MAX_INTEGER = 2**63
_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_CONTROL = re.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_PLAIN = {f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float", "str", "seq", "map", "merge")}


@dataclass(frozen=True)
class Document:
    """A file as it was read.

    :ivar content: its values.
    :ivar tree: its nodes, which know their lines.
    """

    content: dict[str, Any]
    tree: yaml.MappingNode

    def line(self, location: Location) -> int | None:
        """Return the line of the deepest part of a location that the file has."""
        node: Any = self.tree
        line = None
        for part in location:
            child: Any = None
            if isinstance(node, yaml.MappingNode):
                pair = next((pair for pair in node.value if pair[0].value == str(part)), None)
                line, child = (pair[0].start_mark.line + 1, pair[1]) if pair else (line, None)
            elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
                child = node.value[part]
                line = child.start_mark.line + 1
            node = child
        return line


class _DocumentError(Exception):
    """Something in a file, with the node at which it stands."""

    def __init__(self, message: str, mark: yaml.Mark | None) -> None:
        super().__init__(f"line {mark.line + 1}: {message}" if mark else message)


class _Loader(yaml.SafeLoader):
    """YAML 1.1 takes `1e-10` for text, for want of a point; here it is a number, as in YAML 1.2.

    What would go too deep or on too long ends with an error where it begins to.
    """

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._depth = self._nodes = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Read a node and those below it."""
        self._depth += 1
        self._nodes += 1
        if self._depth > _MAX_DEPTH:
            raise _DocumentError(f"more than {_MAX_DEPTH} levels", self.get_mark())
        if self._nodes > _MAX_NODES:
            raise _DocumentError(f"more than {_MAX_NODES} values and keys", self.get_mark())
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """Return the value of a node; numbers are such as fit into a computer's."""
        try:
            value = super().construct_object(node, deep)
        except (ArithmeticError, LookupError, ValueError) as exception:
            raise _DocumentError(
                f"`{shorten(str(node.value))}` is no number that can be used", node.start_mark
            ) from exception
        if isinstance(value, int) and abs(value) >= _MAX_INTEGER:
            raise _DocumentError(f"`{shorten(str(node.value))}` is too large a number", node.start_mark)
        return value


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(?:\.\d+|\d+(?:\.\d*)?)[eE][-+]?\d+\Z", re.ASCII),
    list("-+.0123456789"),
)


def read_document(data: bytes | str, name: str) -> Document:
    """Return the values of a file.

    :param name: of the file, in messages.
    :raises InputError: with the line, if it is no YAML in UTF-8, is too large, nests too deeply, holds a value twice or
        something else than texts, numbers, lists and mappings of names.
    """
    try:
        if len(data) > _MAX_BYTES:
            raise _DocumentError(f"more than {_MAX_BYTES >> 10} KiB: this is no configuration", None)
        text = _decode(data) if isinstance(data, bytes) else data
        loader = _Loader(_printable(text))
        tree = loader.get_single_node()
        if not isinstance(tree, yaml.MappingNode):
            raise _DocumentError("a mapping of settings is needed", None)
        _check_size(tree)
        _check_kinds(tree)
        twice = list(_duplicates(tree, (), set()))  # before merged keys become written ones
        content = loader.construct_document(tree)  # type: ignore[no-untyped-call]
    except (_DocumentError, yaml.YAMLError) as exception:
        what = "" if isinstance(exception, _DocumentError) else "is not YAML: "
        raise InputError(f"{name}: {what}{exception}") from exception
    if twice:
        raise InputError(f"{name}:\n{chr(10).join(twice[:_MAX_TWICE])}")
    return Document(content, tree)


def _decode(data: bytes) -> str:
    if data.startswith(_MARKS):
        raise _DocumentError("the text is UTF-16: save it as UTF-8", None)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as exception:
        line = data.count(b"\n", 0, exception.start) + 1
        raise _DocumentError(
            f"line {line}: byte `{data[exception.start]:#x}` is not UTF-8: save the file as that", None
        ) from exception


def _printable(text: str) -> str:
    if match := _CONTROL.search(text):
        line = text.count("\n", 0, match.start()) + 1
        raise _DocumentError(f"line {line}: a character that is not printable ({match[0]!r})", None)
    return text


def _check_size(tree: yaml.Node) -> None:
    """Refuse what aliases make endless or huge: every place that names a node counts as that node."""
    sizes: dict[int, int] = {}

    def size(node: yaml.Node) -> int:
        known = sizes.get(id(node))
        if known == 0:
            raise _DocumentError("this holds an alias of itself", node.start_mark)
        if known is None:
            sizes[id(node)] = 0
            known = sizes[id(node)] = 1 + sum(map(size, _children(node)))
        if known > _MAX_NODES:
            raise _DocumentError(f"with its aliases this is more than {_MAX_NODES} values and keys", node.start_mark)
        return known

    size(tree)


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _check_kinds(node: yaml.Node) -> None:
    """Refuse dates, sets and the like, endless texts, and keys that are no names: in free sections nobody else does."""
    if node.tag not in _PLAIN:
        value = shorten(str(node.value)) if isinstance(node, yaml.ScalarNode) else node.tag
        raise _DocumentError(
            f"`{value}` is neither text nor number, list or mapping: put a text in quotes", node.start_mark
        )
    if isinstance(node, yaml.ScalarNode) and len(node.value) > _MAX_TEXT:
        raise _DocumentError(f"a text of more than {_MAX_TEXT} letters", node.start_mark)
    if isinstance(node, yaml.MappingNode):
        for key, _ in node.value:
            if not key.tag.endswith((":str", ":merge")):
                found = shorten(str(key.value)) if isinstance(key, yaml.ScalarNode) else key.tag
                raise _DocumentError(f"the key `{found}` is no text: put it in quotes", key.start_mark)
    for child in _children(node):
        _check_kinds(child)


def _duplicates(node: yaml.Node, location: Location, seen: set[int]) -> Iterator[str]:
    """Yield a line on every key that is written twice: YAML takes the last without a word.

    :param seen: identities of nodes that were looked at: an alias leads to the same node again.
    """
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for index, child in enumerate(node.value):
            yield from _duplicates(child, (*location, index), seen)
    elif isinstance(node, yaml.MappingNode):
        first: dict[tuple[str, str], yaml.ScalarNode] = {}
        for key, child in node.value:
            place = (*location, key.value)
            other = first.setdefault((key.tag, key.value), key)
            if other is not key:
                yield _describe_duplicate(place, other, key)
            yield from _duplicates(child, place, seen)


def _describe_duplicate(location: Location, first: yaml.ScalarNode, second: yaml.ScalarNode) -> str:
    lines = first.start_mark.line + 1, second.start_mark.line + 1
    key = shorten(str(second.value))
    return (
        f"  line {lines[1]}: {describe_path(location)}: `{key}` is given in line {lines[0]} already; keep one of them"
    )


def describe_path(location: Location) -> str:
    """Return a place as it is written in messages, such as ``schedule[0].sampling``."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return shorten(text) or "(top level)"
