"""What may happen to a file on its way: cuts, flipped bits, lost and doubled blocks, and what somebody else wrote."""

from __future__ import annotations

import io
import os
import re
import zipfile
from collections.abc import Callable, Iterator

import numpy as np

__all__ = ["MUTATIONS", "SEED", "foreign_arrays", "foreign_texts", "mutate", "truncations", "wanted"]

SEED = int(os.environ.get("NNPGEN_SEED", "0"))
"""Of what is drawn: a test draws the same each time, `make fuzz` what is asked for."""

_NUMBER = re.compile(rb"-?\d+\.\d+(?:[EeDd][-+]?\d+)?")
_EXPONENT = re.compile(rb"[EeDd][-+]\d\d")

Damage = Callable[[bytes, np.random.Generator], bytes]


def wanted(least: int) -> int:
    """Return how many damages of one thing are wanted: `make fuzz` asks for many by an environment variable."""
    return max(least, int(os.environ.get("NNPGEN_DAMAGES", "0")))


def truncations(data: bytes, count: int) -> Iterator[bytes]:
    """Yield the file cut at every length if that are not more than ``count``, or else at as many, evenly spread."""
    lengths = np.unique(np.linspace(0, len(data) - 1, min(count, len(data)), dtype=np.int64))
    for length in lengths.tolist():
        yield data[:length]


def _flip_bit(data: bytes, rng: np.random.Generator) -> bytes:
    damaged = bytearray(data)
    damaged[rng.integers(len(data))] ^= 1 << int(rng.integers(8))
    return bytes(damaged)


def _zero_block(data: bytes, rng: np.random.Generator) -> bytes:
    start, length = int(rng.integers(len(data))), int(rng.integers(1, 513))
    block = data[start : start + length]
    return data[:start] + bytes(len(block)) + data[start + length :]


def _swap_halves(data: bytes, rng: np.random.Generator) -> bytes:
    middle = len(data) // 2
    return data[middle:] + data[:middle]


def _swap_blocks(data: bytes, rng: np.random.Generator) -> bytes:
    a, b, c, d = sorted(rng.integers(len(data) + 1, size=4).tolist())
    return data[:a] + data[c:d] + data[b:c] + data[a:b] + data[d:]


def _change_digit(data: bytes, rng: np.random.Generator) -> bytes:
    places = [place for place, byte in enumerate(data) if 48 <= byte <= 57]
    if not places:
        return data
    damaged, place = bytearray(data), int(rng.choice(places))
    damaged[place] = 48 + (damaged[place] - 48 + int(rng.integers(1, 10))) % 10
    return bytes(damaged)


def _change_sign(data: bytes, rng: np.random.Generator) -> bytes:
    numbers = list(_NUMBER.finditer(data))
    if not numbers:
        return data
    match = numbers[rng.integers(len(numbers))]
    word = match.group()
    if word.startswith(b"-"):
        return data[: match.start()] + b" " + word[1:] + data[match.end() :]
    start = match.start() - (data[match.start() - 1 : match.start()] == b" ")
    return data[:start] + b"-" + word + data[match.end() :]


def _change_exponent(data: bytes, rng: np.random.Generator) -> bytes:
    found = list(_EXPONENT.finditer(data))
    if not found:
        return data
    match = found[rng.integers(len(found))]
    return data[: match.start() + 1] + b"%+03d" % int(rng.integers(-99, 100)) + data[match.end() :]


def _swap_rows(data: bytes, rng: np.random.Generator) -> bytes:
    lines = data.splitlines(keepends=True)
    a, b = rng.integers(len(lines), size=2).tolist()
    lines[a], lines[b] = lines[b], lines[a]
    return b"".join(lines)


def _swap_neighbours(data: bytes, rng: np.random.Generator) -> bytes:
    lines = data.splitlines(keepends=True)
    row = int(rng.integers(max(1, len(lines) - 1)))
    lines[row : row + 2] = lines[row : row + 2][::-1]
    return b"".join(lines)


def _lose_row(data: bytes, rng: np.random.Generator) -> bytes:
    lines = data.splitlines(keepends=True)
    del lines[rng.integers(len(lines))]
    return b"".join(lines)


def _double_rows(data: bytes, rng: np.random.Generator) -> bytes:
    lines = data.splitlines(keepends=True)
    start, count = int(rng.integers(len(lines))), int(rng.integers(1, 30))
    return b"".join(lines[: start + count] + lines[start:])


def _double_file(data: bytes, rng: np.random.Generator) -> bytes:
    return data + data


def _interleave(data: bytes, rng: np.random.Generator) -> bytes:
    """Let two writers write the same file."""
    lines = data.splitlines(keepends=True)
    return b"".join(line for pair in zip(lines, lines[3:] + lines[:3], strict=True) for line in pair)


def _carriage_returns(data: bytes, rng: np.random.Generator) -> bytes:
    return data.replace(b"\n", b"\r\n")


def _lone_returns(data: bytes, rng: np.random.Generator) -> bytes:
    return data.replace(b"\n", b"\r")


def _huge_line(data: bytes, rng: np.random.Generator) -> bytes:
    lines = data.splitlines(keepends=True)
    row = int(rng.integers(len(lines)))
    lines[row] = lines[row].rstrip(b"\n") * 2 + b"9" * 200_000 + b"\n"
    return b"".join(lines)


def _insert_text(data: bytes, rng: np.random.Generator) -> bytes:
    words = (b"NaN", b"inf", b"1e999", b"-", b"********", "٣".encode(), b"\xff\xfe", b"<", b"&x;", b"\n\n")
    place = int(rng.integers(len(data)))
    word = words[rng.integers(len(words))]
    return data[:place] + word + data[place + int(rng.integers(2)) * len(word) :]


MUTATIONS: dict[str, Damage] = {
    "bit": _flip_bit,
    "zeros": _zero_block,
    "halves": _swap_halves,
    "blocks": _swap_blocks,
    "digit": _change_digit,
    "sign": _change_sign,
    "exponent": _change_exponent,
    "rows": _swap_rows,
    "neighbours": _swap_neighbours,
    "lost row": _lose_row,
    "doubled rows": _double_rows,
    "doubled file": _double_file,
    "interleaved": _interleave,
    "CRLF": _carriage_returns,
    "CR": _lone_returns,
    "huge line": _huge_line,
    "text": _insert_text,
}
"""Damages by name; what is drawn comes from the generator."""


def mutate(data: bytes, seed: int, count: int) -> Iterator[tuple[str, bytes]]:
    """Yield name and result of damages in turn, all of which change the file."""
    if not data:
        return
    names = list(MUTATIONS)
    for number in range(count):
        name = names[number % len(names)]
        damaged = MUTATIONS[name](data, np.random.default_rng([seed, number]))
        if damaged != data:
            yield name, damaged


def foreign_texts() -> Iterator[bytes]:
    """Yield JSON, and what is none, that a program of this package never writes."""
    yield from (
        b"",
        b"\n",
        b"null",
        b"[]",
        b"{}",
        b"1",
        b'"a"',
        b"NaN",
        b"{",
        b"\xff\xfe\x00",
        bytes(4096),
        b" " * 4096,
    )
    yield b"[" * 100_000
    yield b'{"a":' * 5_000
    yield b'{"frames": %s}' % (b"9" * 5000)
    keys = (
        b"frames models committee n_candidates n_selected dropped files version cutoff dtype steps diverged labelled "
        b"failed end message failure_time type reason detail train validation candidates dataset not_finite"
    ).split()
    for value in (
        b"null",
        b"true",
        b"-1",
        b"1e999",
        b"NaN",
        b"9" * 30,
        b'"\\u0000\\ud800"',
        b"[]",
        b"{}",
        b"[[]]",
        b"[null]",
    ):
        yield b"{%s}" % b",".join(b'"%s": %s' % (key, value) for key in keys)


def foreign_arrays(data: bytes) -> Iterator[bytes]:
    """Yield archives with the names of one, and contents that are none of its own."""
    with np.load(io.BytesIO(data)) as archive:
        good = dict(archive)
    changes: tuple[Callable[[np.ndarray], object], ...] = (
        lambda array: np.array([{"a": 1}, None], dtype=object),
        lambda array: array.astype(np.float64) * np.nan if array.dtype.kind in "fiu" else array,
        lambda array: array.astype(complex) if array.dtype.kind in "fiu" else array,
        lambda array: array.astype(str),
        lambda array: array[None],
        lambda array: array.ravel()[:0],
        lambda array: np.zeros((0, 3)),
        lambda array: np.zeros(3, dtype=[("a", float)]),
        lambda array: np.full(np.shape(array), -(2**62)),
        lambda array: np.full(np.shape(array), np.inf),
        lambda array: np.zeros(np.shape(array), dtype="M8[s]"),
        lambda array: np.bool_(True),
    )
    for change in changes:
        yield _archive({name: change(array) for name, array in good.items()})
        name = sorted(good)[0]
        yield _archive(good | {name: change(good[name])})
    for name in good:
        yield _archive({other: array for other, array in good.items() if other != name})
    yield _archive(good, packed=True)
    for header in (
        b"{'descr': '<f8', 'fortran_order': False, 'shape': (%d,), }" % 10**15,
        b"{" * 60_000,
        b"\xff" * 60_000,
    ):
        yield _forged(good, header)


def _archive(arrays: dict[str, object], *, packed: bool = False) -> bytes:
    buffer = io.BytesIO()
    (np.savez_compressed if packed else np.savez)(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def _forged(arrays: dict[str, np.ndarray], header: bytes) -> bytes:
    """Return an archive whose arrays all have one header."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in arrays:
            archive.writestr(
                f"{name}.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(64)
            )
    return buffer.getvalue()
