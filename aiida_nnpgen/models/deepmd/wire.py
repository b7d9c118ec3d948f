"""Fields of a protocol buffer, without the library and without trust.

What a library reads leniently (fields that it does not know, a field given twice, numbers longer than need be) is
refused here, so that no other reader can see in the same bytes what this one did not. Nothing is copied, and nothing
is built but what the caller keeps: no input takes more time or memory than its own length.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum

from ...common.exceptions import InputError

__all__ = ["Wire", "fields", "single", "varint"]

_BYTES_OF_NUMBER = 10  # 64 bits, seven in each


class Wire(IntEnum):
    """How a field is encoded; groups, which ended in 2001, are not among them."""

    VARINT = 0
    FIXED64 = 1
    BYTES = 2
    FIXED32 = 5


_FIXED = {Wire.FIXED64: 8, Wire.FIXED32: 4}


def varint(data: memoryview, start: int) -> tuple[int, int]:
    """Return the number that begins at a byte, and where it ends.

    :raises InputError: if it is cut, or longer than need be.
    """
    value = 0
    for place in range(start, min(start + _BYTES_OF_NUMBER, len(data))):
        byte = data[place]
        value |= (byte & 0x7F) << (7 * (place - start))
        if byte < 0x80:
            if (byte == 0 and place > start) or value >> 64:
                break
            return value, place + 1
    raise InputError("a number in it is damaged")


def fields(data: memoryview, known: dict[int, Wire]) -> Iterator[tuple[int, int | memoryview]]:
    """Yield number and content of each field.

    :param known: how each field that may be there is encoded.
    :raises InputError: if another field is there, or one is damaged.
    """
    place = 0
    while place < len(data):
        tag, place = varint(data, place)
        number = tag >> 3
        if known.get(number) != tag & 7:
            raise InputError(f"it holds a field `{number}` of a kind that does not belong there")
        wire = known[number]
        if wire is Wire.VARINT:
            value, place = varint(data, place)
            yield number, value
            continue
        length = _FIXED.get(wire, 0)
        if wire is Wire.BYTES:
            length, place = varint(data, place)
        if length > len(data) - place:
            raise InputError("it is cut short")
        yield number, data[place : place + length]
        place += length


def single(data: memoryview, known: dict[int, Wire]) -> dict[int, int | memoryview]:
    """Return the fields of a message in which each occurs once at most.

    :raises InputError: as above, or if one is given twice.
    """
    found: dict[int, int | memoryview] = {}
    for number, value in fields(data, known):
        if number in found:
            raise InputError(f"it gives the field `{number}` twice")
        found[number] = value
    return found
