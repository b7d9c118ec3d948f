"""Turn the JSON configuration of a job into a checked dataclass.

Compute nodes need not have pydantic: these configurations are written by the submitting side, which validates the
user's words, so names are checked here and values by the dataclasses themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import TypeVar

from ..common.exceptions import InputError

__all__ = ["build"]

T = TypeVar("T")


def build(cls: type[T], values: object, place: str) -> T:
    """Return a dataclass from a mapping of its fields.

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
    return cls(**values)
