"""Texts that people have, in whatever encoding."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from ..common.exceptions import OutputError

__all__ = ["decode", "read_text", "split_lines"]

_LINE_END = re.compile(r"\r\n|\n|\r")
_MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


def read_text(path: Path) -> str:
    """Return the text of a file, whatever its encoding.

    :raises OutputError: if there is no such file, or it cannot be read.
    """
    try:
        return decode(path.read_bytes())
    except OSError as exception:
        raise OutputError(f"`{path.name}` cannot be read: {exception.strerror}") from exception


def decode(data: bytes) -> str:
    """Return bytes as text: by their byte order mark, as UTF-8, or each byte as one letter.

    Numbers and names of quantities are the same in all encodings; what else stands there is not used.
    """
    for mark, encoding in _MARKS.items():
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, errors="replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def split_lines(text: str) -> list[str]:
    """Return the lines of a text; unlike ``str.splitlines`` no other letter ends a line."""
    lines = _LINE_END.split(text)
    return lines if lines[-1] else lines[:-1]
