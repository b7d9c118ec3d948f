"""Names of files that may come from anywhere: each must be one plain component of a path."""

from __future__ import annotations

import re

__all__ = ["is_component", "is_plain"]

_PLAIN = re.compile(r"[A-Za-z0-9._][A-Za-z0-9._-]*")
_LONGEST = 255
"""Bytes that a file system takes for one name."""


def is_plain(name: str) -> bool:
    """Return whether a name is letters, digits and ``._-`` alone, so that neither a path nor a shell reads more in it.

    Names that begin with a hyphen would be taken for options.
    """
    return is_component(name) and _PLAIN.fullmatch(name) is not None


def is_component(name: str) -> bool:
    """Return whether a name is one component of a path and can be shown; users' own files have blanks and accents."""
    one = name not in ("", ".", "..") and not set(name) & set("/\\")
    return one and name.isprintable() and len(name.encode(errors="replace")) <= _LONGEST
