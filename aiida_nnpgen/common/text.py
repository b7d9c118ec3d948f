"""Texts of programs and strangers, made fit to be stored and shown."""

from __future__ import annotations

import re

__all__ = ["SCHEDULER_STDERR", "disk_full_at_end", "disk_full_line", "printable", "shorten", "visible"]

SCHEDULER_STDERR = "_scheduler-stderr.txt"
"""What AiiDA calls the file in which the system, and not the code, says why a job ended."""

_LIMIT = 120
_TAIL = 65536  # bytes: what ended a job stands at the end
_KEPT = "\n\t"
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_DISK_FULL = re.compile(r"no space left on device|disk quota exceeded|\bENOSPC\b|\bEDQUOT\b", re.IGNORECASE)


def printable(text: str, length: int = 2000) -> str:
    """Return a text with a mark in the place of each control character and lone surrogate, which no database takes.

    :param length: number of characters after which it is cut.
    """
    marked = _UNPRINTABLE.sub("\ufffd", text[: length + 1])
    return marked if len(marked) <= length else f"{marked[: length - 1]}…"


def visible(text: str) -> str:
    """Return a text with every character that does not print as its escape: `\\x1b` for the one of terminals.

    Line ends stay; marks that turn the direction of a text do not print either.
    """
    return "".join(letter if letter.isprintable() or letter in _KEPT else _escape(letter) for letter in text)


def _escape(letter: str) -> str:
    return letter.encode("unicode_escape", "surrogatepass").decode("ascii")


def shorten(text: str, limit: int = _LIMIT) -> str:
    """Return the two ends of a text that is longer than a message should be."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]} ... {text[-half:]}"


def disk_full_line(text: str) -> str | None:
    """Return the line in which a program says that there was no room on the disk; None if there is none."""
    match = _DISK_FULL.search(text)
    if match is None:
        return None
    start, end = text.rfind("\n", 0, match.start()) + 1, text.find("\n", match.end())
    around = slice(max(start, match.start() - 200), min(end if end >= 0 else len(text), match.end() + 200))
    return " ".join(printable(text[around]).split())


def disk_full_at_end(content: bytes) -> str | None:
    """Return that line if it stands at the end of a file, which may be long."""
    return disk_full_line(content[-_TAIL:].decode(errors="replace"))
