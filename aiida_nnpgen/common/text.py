"""Text that programs wrote, made fit to be stored and shown."""

from __future__ import annotations

import re

__all__ = ["disk_full_line", "printable"]

_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_DISK_FULL = re.compile(r"no space left on device|disk quota exceeded|\bENOSPC\b|\bEDQUOT\b", re.IGNORECASE)


def printable(text: str, length: int = 2000) -> str:
    """Return a text with a mark in the place of each control character and lone surrogate, which no database takes.

    :param length: number of characters after which it is cut.
    """
    marked = _UNPRINTABLE.sub("\ufffd", text[: length + 1])
    return marked if len(marked) <= length else f"{marked[: length - 1]}…"


def disk_full_line(text: str) -> str | None:
    """Return the line in which a program says that there was no room on the disk; None if there is none."""
    match = _DISK_FULL.search(text)
    if match is None:
        return None
    start, end = text.rfind("\n", 0, match.start()) + 1, text.find("\n", match.end())
    around = slice(max(start, match.start() - 200), min(end if end >= 0 else len(text), match.end() + 200))
    return " ".join(printable(text[around]).split())
