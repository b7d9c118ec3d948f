"""Words and numbers as codes print them."""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from ase.data import atomic_numbers
from numpy.typing import NDArray

from ..common.exceptions import OutputError

__all__ = ["decode", "element", "read_text", "split_lines", "table", "to_voigt"]

_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eEdD][-+]?\d+)?")
_LABEL = re.compile(r"[A-Za-z]{1,2}")
_PLACES = ([0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1])
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


def table(rows: Sequence[Sequence[str]], shape: tuple[int, ...], what: str) -> NDArray[np.float64]:
    """Return words as numbers.

    :param rows: words, row by row.
    :raises OutputError: if a word is no plain number, or the shape is another one.
    """
    words = [word for row in rows for word in row]
    if len(words) != int(np.prod(shape)) or not all(map(_NUMBER.fullmatch, words)):
        raise OutputError(f"{what} are cut or damaged")
    return np.array([word.replace("D", "E").replace("d", "e") for word in words], dtype=np.float64).reshape(shape)


def element(label: str) -> int:
    """Return the atomic number behind a label such as ``Fe2`` or ``O_h``.

    :raises OutputError: if there is no such element.
    """
    match = _LABEL.match(label.strip())
    letters = match.group().capitalize() if match else ""
    for symbol in (letters, letters[:1]):
        if symbol in atomic_numbers and symbol != "X":
            return int(atomic_numbers[symbol])
    raise OutputError(f"`{label}` is no element")


def to_voigt(tensor: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return xx yy zz yz xz xy of a symmetric tensor, (3, 3).

    :raises OutputError: if it is not symmetric.
    """
    if not np.allclose(tensor, tensor.T, rtol=1e-3, atol=1e-3 * float(np.abs(tensor).max())):
        raise OutputError("the stress is not symmetric")
    return ((tensor + tensor.T) / 2)[_PLACES]
