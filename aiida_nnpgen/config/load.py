"""Read a configuration and say what is wrong with it, where."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from ..common.exceptions import InputError
from .import_paths import wrong_paths
from .root import ActiveLearningConfig

__all__ = ["describe_errors", "load_config", "parse_config"]

Location = tuple[str | int, ...]


class _Loader(yaml.SafeLoader):
    """YAML 1.1 takes `1e-10` for text, for want of a point; here it is a number, as in YAML 1.2."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(?:\.\d+|\d+(?:\.\d*)?)[eE][-+]?\d+\Z", re.ASCII),
    list("-+.0123456789"),
)


def load_config(path: Path) -> ActiveLearningConfig:
    """Return the configuration in a YAML file.

    :raises InputError: if the file cannot be read or values are wrong; each error has its path in the file and line.
    """
    try:
        text = path.read_text()
    except OSError as exception:
        raise InputError(f"`{path}` cannot be read: {exception.strerror}") from exception
    return parse_config(text, str(path))


def parse_config(text: str, name: str) -> ActiveLearningConfig:
    """Return the configuration in a YAML text; ``name`` stands for it in messages."""
    try:
        content, tree = yaml.load(text, _Loader), yaml.compose(text, _Loader)
    except yaml.YAMLError as exception:
        raise InputError(f"{name} is not YAML: {exception}") from exception
    if not isinstance(content, dict):
        raise InputError(f"{name} must hold a mapping of settings")
    if twice := [_describe_duplicate(*item) for item in _duplicates(tree, (), set())]:
        raise InputError(f"{name}:\n{chr(10).join(twice)}")
    try:
        config = ActiveLearningConfig.model_validate(content)
    except ValidationError as exception:
        raise InputError(f"{name}:\n{describe_errors(exception, tree)}") from exception
    if wrong := [_describe(place, message, tree) for place, message in wrong_paths(config)]:
        raise InputError(f"{name}:\n{chr(10).join(wrong)}")
    return config


def _duplicates(
    node: yaml.Node | None, location: Location, seen: set[int]
) -> Iterator[tuple[Location, yaml.ScalarNode, yaml.ScalarNode]]:
    """Yield the place of every key that is written twice, first and second: YAML takes the last without a word.

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
            if isinstance(key, yaml.ScalarNode):
                place = (*location, key.value)
                other = first.setdefault((key.tag, key.value), key)
                if other is not key:
                    yield place, other, key
                yield from _duplicates(child, place, seen)


def _describe_duplicate(location: Location, first: yaml.ScalarNode, second: yaml.ScalarNode) -> str:
    lines = first.start_mark.line + 1, second.start_mark.line + 1
    return (
        f"  line {lines[1]}: {_path(location)}: `{second.value}` is given in line {lines[0]} already; keep one of them"
    )


def describe_errors(exception: ValidationError, tree: yaml.Node | None = None) -> str:
    """Return one line per error: line in the file, path, what is wrong, and the value."""
    lines = []
    for error in exception.errors():
        location, value = error["loc"], error["input"]
        message = error["msg"].removeprefix("Value error, ")
        if error["type"] == "extra_forbidden" or error["type"] == "unexpected_keyword_argument":
            message = f"unknown key `{location[-1]}`"
        elif not isinstance(value, dict | list) and f"`{value}`" not in message:
            message = f"{message} (it is `{value}`)"
        lines.append(_describe(location, message, tree))
    return "\n".join(lines)


def _describe(location: Location, message: str, tree: yaml.Node | None) -> str:
    line = _line(tree, location)
    return f"  {f'line {line}: ' if line else ''}{_path(location)}: {message}"


def _path(location: Location) -> str:
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text or "(top level)"


def _line(tree: yaml.Node | None, location: Location) -> int | None:
    """Return the line of the deepest part of a location that the file has."""
    node, line = tree, None
    for part in location:
        child: Any = None
        if isinstance(node, yaml.MappingNode):
            child = next((pair for pair in node.value if pair[0].value == str(part)), None)
            line = child[0].start_mark.line + 1 if child else line
            node = child[1] if child else None
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
    return line
