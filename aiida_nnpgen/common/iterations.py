"""Keys of what an iteration makes, such as ``iteration_03`` or ``iteration_03_training``: made and read here alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeVar

__all__ = ["FINAL", "by_iteration", "iteration_key"]

FINAL = "final"
"""Key of what belongs to the committee after all iterations that has settings of its own."""

T = TypeVar("T")

_KEY = re.compile(r"iteration_(\d{2,9})")


def iteration_key(iteration: int, phase: str | None = None) -> str:
    """Return the key of an iteration, or of one of its phases.

    :param iteration: counted from 0.
    :param phase: such as ``training``.
    """
    stem = f"iteration_{iteration:02d}"
    return f"{stem}_{phase}" if phase else stem


def by_iteration(items: Mapping[str, T]) -> dict[int, T]:
    """Return what has the key of an iteration by its number, ascending; what has another key is left out."""
    found = {int(match[1]): item for key, item in items.items() if (match := _KEY.fullmatch(key))}
    return dict(sorted(found.items()))
