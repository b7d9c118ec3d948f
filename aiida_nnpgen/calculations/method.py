"""Check the level of theory that a calculation is given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiida import orm

from ..common.exceptions import InputError
from ..dft import registry
from ..dft.method import Method

__all__ = ["validate_method"]


def validate_method(name: str) -> Callable[[orm.Dict, Any], str | None]:
    """Return the validator of a port that takes a method of one code."""

    def validate(node: orm.Dict, _: Any) -> str | None:
        try:
            registry.load(name).check(Method.from_dict(node.get_dict()))
        except InputError as exception:
            return str(exception)
        return None

    return validate
