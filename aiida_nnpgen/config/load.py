"""Read a configuration and say what is wrong with it, where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ..common.exceptions import InputError
from ..common.plugins import names
from ..common.text import shorten
from .document import Document, Location, describe_path, read_document
from .import_paths import wrong_paths
from .root import ActiveLearningConfig

__all__ = ["describe_errors", "load_config", "parse_config"]

_MAX_ERRORS = 20
_MAX_MESSAGE = 400
_SAMPLERS = "nnpgen.samplers."


def load_config(path: Path) -> ActiveLearningConfig:
    """Return the configuration in a YAML file.

    :raises InputError: if the file cannot be read or values are wrong; each error has its path in the file and line.
    """
    try:
        data = path.read_bytes()
    except OSError as exception:
        raise InputError(f"`{path}` cannot be read: {exception.strerror}") from exception
    return parse_config(data, str(path))


def parse_config(text: str | bytes, name: str) -> ActiveLearningConfig:
    """Return the configuration in a YAML text; ``name`` stands for it in messages."""
    document = read_document(text, name)
    try:
        config = ActiveLearningConfig.model_validate(document.content)
    except ValidationError as exception:
        raise InputError(f"{name}:\n{describe_errors(exception, document)}") from exception
    found = _switches(document.content, config.model_dump(), ())
    switches = [(place, f"`{str(value).lower()}` is no number") for place, value in found]
    if wrong := [*switches, *_unknown_samplers(config), *wrong_paths(config)]:
        lines = [_describe(place, message, document) for place, message in wrong[:_MAX_ERRORS]]
        raise InputError(f"{name}:\n{_join(lines, len(wrong))}")
    return config


def _unknown_samplers(config: ActiveLearningConfig) -> Iterator[tuple[Location, str]]:
    """Yield where a sampler is named that nobody registered."""
    known = [name.removeprefix(_SAMPLERS) for name in names("aiida.calculations") if name.startswith(_SAMPLERS)]
    for location, settings in config.dynamics():
        if settings.sampler not in known:
            message = f"`{settings.sampler}` is not registered: choose one of {', '.join(known)}"
            yield (*location, "sampler"), message


def _switches(given: Any, taken: Any, location: Location) -> Iterator[tuple[Location, bool]]:
    """Yield where `true` or `false` was given and taken for a number, as pydantic does."""
    if isinstance(given, bool) and isinstance(taken, int | float) and not isinstance(taken, bool):
        yield location, given
    elif isinstance(given, Mapping) and isinstance(taken, Mapping):
        for key, value in given.items():
            yield from _switches(value, taken.get(key), (*location, key))
    elif isinstance(given, list) and isinstance(taken, list | tuple):
        for index, (value, other) in enumerate(zip(given, taken, strict=False)):
            yield from _switches(value, other, (*location, index))


def describe_errors(exception: ValidationError, document: Document | None = None) -> str:
    """Return one line per error: line in the file, path, what is wrong, and the value."""
    errors, lines = exception.errors(include_url=False), []
    for error in errors[:_MAX_ERRORS]:
        location, value = error["loc"], error["input"]
        message = error["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
        if error["type"] == "extra_forbidden" or error["type"] == "unexpected_keyword_argument":
            message = f"unknown key `{shorten(str(location[-1]))}`"
        elif not isinstance(value, dict | list) and f"`{value}`" not in message:
            message = f"{message} (it is `{shorten(str(value))}`)"
        lines.append(_describe(location, message, document))
    return _join(lines, len(errors))


def _describe(location: Location, message: str, document: Document | None) -> str:
    line = document.line(location) if document else None
    return f"  {f'line {line}: ' if line else ''}{describe_path(location)}: {shorten(message, _MAX_MESSAGE)}"


def _join(lines: list[str], count: int) -> str:
    return "\n".join([*lines, f"  and {count - len(lines)} more"] if count > len(lines) else lines)
