"""Turn the JSON configuration of a job into a checked dataclass.

Compute nodes need not have pydantic: these configurations are written by the submitting side, which validates the
user's words, so names are checked here and values by the dataclasses themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from typing import TypeVar, get_args, get_origin, get_type_hints

from ..common.exceptions import InputError

__all__ = ["build"]

T = TypeVar("T")


def build(cls: type[T], values: object, place: str) -> T:
    """Return a dataclass from a mapping of its fields; dataclasses in its fields are made likewise.

    :param cls: the dataclass.
    :param values: what the configuration holds.
    :param place: where it stands in the file, for messages.
    :raises InputError: if it is no mapping, a key is unknown, or a needed one is missing.
    """
    if not isinstance(values, Mapping):
        raise InputError(f"{place}: `{values}` is no mapping")
    known = {field.name: field for field in fields(cls)}  # type: ignore[arg-type]
    for key in values:
        if key not in known:
            raise InputError(f"{place}: unknown key `{key}`, choose from {', '.join(known)}")
    for name, field in known.items():
        if name not in values and field.default is MISSING and field.default_factory is MISSING:
            raise InputError(f"{place}: key `{name}` is missing")
    hints = get_type_hints(cls)
    return cls(**{name: _nested(hints[name], value, f"{place}, {name}") for name, value in values.items()})


def _nested(hint: object, value: object, place: str) -> object:
    """Return the value of a field, as the dataclass or the tuple of dataclasses that the field holds by its type."""
    if value is None:
        return None
    inner = next((kind for kind in (hint, *get_args(hint)) if isinstance(kind, type) and is_dataclass(kind)), None)
    if inner is None:
        return value
    if get_origin(hint) is not tuple:
        return build(inner, value, place)
    if not isinstance(value, Sequence):
        raise InputError(f"{place}: `{value}` is no list")
    return tuple(build(inner, item, f"{place}[{index}]") for index, item in enumerate(value))
