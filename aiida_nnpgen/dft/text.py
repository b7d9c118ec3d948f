"""Words and numbers: as codes print them, and as they are told."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ase.data import atomic_numbers
from numpy.typing import NDArray

from ..common.exceptions import InputError, OutputError
from ..common.text import shorten

__all__ = ["check_widths", "check_words", "decimals", "element", "read_text", "table"]

_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eEdD][-+]?\d+)?")
_DECIMALS = re.compile(r"[eEdD].*$")
_KEY = re.compile(r"[A-Za-z0-9_-]+")
_LABEL = re.compile(r"[A-Za-z]{1,2}")


def read_text(path: Path, encoding: str = "ascii", *, optional: bool = False) -> str:
    """Return the text of a file that a code wrote, with a mark in the place of each byte that is none.

    Everything that readers look for is ASCII; digits of other scripts would pass as numbers.

    :param optional: return nothing where the file is missing or empty.
    :raises OutputError: if the file is missing or empty.
    """
    data = path.read_bytes() if path.is_file() else b""
    text = data.decode(encoding, errors="replace").replace("\r\n", "\n")
    if not (optional or text.strip()):
        raise OutputError(f"the file `{path.name}` is {'empty' if path.is_file() else 'missing'}")
    return text


def table(rows: Sequence[Sequence[str]], shape: tuple[int, ...], what: str) -> NDArray[np.float64]:
    """Return words as numbers.

    :param rows: words, row by row.
    :raises OutputError: if a word is no plain number, or the shape is another one.
    """
    words = [word for row in rows for word in row]
    if len(words) != int(np.prod(shape)) or not all(map(_NUMBER.fullmatch, words)):
        raise OutputError(f"{what} are cut or damaged")
    return np.array([word.replace("D", "E").replace("d", "e") for word in words], dtype=np.float64).reshape(shape)


def check_widths(lines: Sequence[str], what: str) -> None:
    """Check that lines of columns with a fixed width have lost nothing: they are equally long.

    Lines in which somebody has left single blanks between the words say nothing.

    :raises OutputError: if they are not.
    """
    ends = [line.rstrip() for line in lines]
    if len({len(line) for line in ends}) > 1 and all("  " in line.strip() for line in ends):
        raise OutputError(f"{what} are cut or damaged: their lines differ in length")


def decimals(rows: Sequence[Sequence[str]]) -> set[int]:
    """Return the numbers of decimals that words have; one format gives one."""
    return {len(_DECIMALS.sub("", word.partition(".")[2])) for row in rows for word in row}


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


def check_words(value: Any, place: str, *, forbidden: str = "", key: re.Pattern[str] = _KEY) -> None:
    """Check that what a user says stays in its place in an input file: nothing in it can begin a line or a section.

    :param value: a text, a number, true, false or nothing, or these in lists and mappings.
    :param place: of the value, such as ``parameters``.
    :param forbidden: letters that mean something to the code within a line.
    :param key: what names look like.
    :raises InputError: naming the key or the value.
    """
    if isinstance(value, Mapping):
        for name, item in value.items():
            if not isinstance(name, str) or not key.fullmatch(name):
                raise InputError(f"`{place}`: {shorten(repr(name))} is no name here: use letters, digits, `_` and `-`")
            check_words(item, f"{place}.{name}", forbidden=forbidden, key=key)
    elif isinstance(value, list | tuple):
        for item in value:
            check_words(item, place, forbidden=forbidden, key=key)
    elif isinstance(value, str):
        if not value.strip() or not (value.isascii() and value.isprintable()) or set(value) & set(forbidden):
            without = f", without any of `{' '.join(forbidden)}`" if forbidden else ""
            raise InputError(
                f"`{place}` must be one value, a line of ASCII{without}: `{shorten(repr(value)[1:-1])}` is no value"
            )
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise InputError(f"`{place}` must be a finite number, not `{value}`")
    elif value is not None and not isinstance(value, int):
        raise InputError(f"`{place}` must be a text, a number, true or false, not `{shorten(repr(value))}`")
