"""Texts of strangers in our messages: short, and without characters that act on a terminal."""

from __future__ import annotations

__all__ = ["shorten", "visible"]

_LIMIT = 120
_KEPT = "\n\t"


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
