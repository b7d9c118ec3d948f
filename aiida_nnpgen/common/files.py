"""Files that are written whole or not at all, and read as if anybody might have written them.

Whatever is wrong with a file, its reader raises :class:`~.exceptions.OutputError`, whose message names it: a job is
killed at any byte, a disk is full or fails, and nothing of that may end the process that reads.
"""

from __future__ import annotations

import errno
import io
import json
import math
import os
import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from .exceptions import OutputError
from .text import disk_full_line, printable

__all__ = [
    "Column",
    "check_object",
    "is_disk_full",
    "parse_object",
    "read_arrays",
    "read_object",
    "write_arrays",
    "write_atomically",
    "write_object",
]

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_LARGEST = 2**63


@dataclass(frozen=True)
class Column:
    """What an array of a file must be.

    :ivar shape: lengths of its axes; None: any.
    :ivar kind: ``f`` for real numbers, ``i`` for integers, ``U`` for text.
    :ivar is_finite: whether NaN and infinity are refused.
    """

    shape: tuple[int | None, ...] = (None,)
    kind: str = "f"
    is_finite: bool = False


def write_atomically(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write a file beside its place and rename it when it is whole.

    :param write: writes the content to a binary file.
    :raises OSError: if it could not be written; nothing is left then, so that there is room again.
    """
    temporary = path.with_name(f"{path.name}.part")
    try:
        with temporary.open("wb") as handle:
            write(handle)
            handle.flush()
            os.fsync(handle.fileno())  # some file systems tell only now that there is no room
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def write_object(path: Path, content: Mapping[str, object]) -> None:
    """Write a mapping as JSON, whole or not at all.

    :raises ValueError: if a number is not finite.
    """
    text = json.dumps(content, indent=1, sort_keys=True, allow_nan=False)
    write_atomically(path, lambda handle: handle.write(text.encode()))


def write_arrays(path: Path, arrays: Mapping[str, object]) -> None:
    """Write arrays as a ``.npz`` file, whole or not at all."""
    write_atomically(path, lambda handle: np.savez(handle, **arrays))  # type: ignore[arg-type]


def is_disk_full(exception: BaseException) -> bool:
    """Return whether an error, or one that led to it, is that there is no room on the disk."""
    cause: BaseException | None = exception
    while cause is not None:
        if (isinstance(cause, OSError) and cause.errno in _NO_ROOM) or disk_full_line(str(cause)):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def read_object(path: Path, shape: object) -> dict[str, Any]:
    """Return the content of a JSON file; see :func:`parse_object`."""
    try:
        content = path.read_bytes()
    except OSError as exception:
        raise OutputError(f"`{path.name}` cannot be read: {exception.strerror}") from exception
    return parse_object(content, path.name, shape)


def parse_object(content: bytes, name: str, shape: object) -> dict[str, Any]:
    """Return the content of a JSON file, checked; its text is made printable.

    :param name: of the file, for messages.
    :param shape: see :func:`check_object`.
    :raises OutputError: if it is no such thing.
    """
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as exception:
        raise OutputError(f"`{name}` cannot be read: {printable(str(exception), 200)}") from exception
    try:
        return check_object(value, shape)
    except OutputError as exception:
        raise OutputError(f"`{name}` is damaged: {exception}") from exception


def check_object(value: object, shape: object) -> dict[str, Any]:
    """Return a mapping as JSON has them, checked; its text is made printable.

    :param shape: a mapping of the keys that must be there to what they hold: a type, a tuple of what may be there, a
        list of the kind of all items, or another mapping. ``...`` as the only key stands for all. Of further keys
        nothing is asked. Numbers are finite, and no longer than eight bytes.
    :raises OutputError: saying what is not as it should be.
    """
    try:
        result: Any = _clean(value)
    except (ValueError, RecursionError) as exception:
        raise OutputError(printable(str(exception), 200)) from exception
    if problem := _mismatch(result, shape, ""):
        raise OutputError(problem)
    return dict(result)


def read_arrays(path: Path, columns: Mapping[str, Column] | None = None) -> dict[str, NDArray[Any]]:
    """Return the arrays of a ``.npz`` file that NumPy wrote without compression or objects.

    :param columns: arrays that must be there, which alone are returned; None: all, real numbers of any shape.
    :raises OutputError: if the file is missing or damaged, or does not hold what it should.
    """
    try:
        size = path.stat().st_size
        with zipfile.ZipFile(path) as archive:
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            for info in members.values():
                if info.compress_type != zipfile.ZIP_STORED or info.file_size > size:
                    raise OutputError(f"`{info.filename}` is packed")
            return {
                name: _checked(_load(archive.read(members[name])), name, column)
                for name, column in (columns or dict.fromkeys(members, None)).items()
            }
    # Damaged bytes make zipfile, zlib and NumPy raise what neither of them documents.
    except Exception as exception:
        why = f"it has no array `{exception.args[0]}`" if isinstance(exception, KeyError) else str(exception)
        raise OutputError(f"`{path.name}` cannot be read: {printable(why, 200)}") from exception


def _load(content: bytes) -> NDArray[Any]:
    array: NDArray[Any] = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
    if array.size > len(content):
        raise OutputError("an array is larger than the file")
    return array


def _checked(array: NDArray[Any], name: str, column: Column | None) -> NDArray[Any]:
    """Return an array in the type of its column.

    :raises OutputError: if it is none of them.
    """
    kind = "f" if column is None else column.kind
    if array.dtype.kind not in {"f": "fiu", "i": "iu", "U": "U"}[kind]:
        raise OutputError(f"array `{name}` holds `{array.dtype}`")
    if column is not None:
        fits = [wanted in (None, length) for wanted, length in zip(column.shape, array.shape, strict=False)]
        if len(array.shape) != len(column.shape) or not all(fits):
            raise OutputError(f"array `{name}` has shape {array.shape}, not {column.shape}")
        if column.is_finite and not np.isfinite(array).all():
            raise OutputError(f"array `{name}` holds NaN or infinity")
    if kind == "U":
        array.tolist()  # raises where the bytes are no text
        return array
    return array.astype(np.float64 if kind == "f" else np.int64)


def _clean(value: object) -> object:
    """Return a value of JSON whose texts are printable.

    :raises ValueError: if a number is not finite, or does not fit into eight bytes.
    """
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {printable(key): _clean(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"`{value}` is no number")
    if isinstance(value, int) and abs(value) >= _LARGEST:
        raise ValueError("a number is too large")
    return value


def _mismatch(value: object, shape: object, place: str) -> str | None:
    """Return where a value is not what it should be; None if it is."""
    if isinstance(shape, tuple):
        found = [_mismatch(value, each, place) for each in shape]
        return None if None in found else found[0]
    if isinstance(shape, list):
        if not isinstance(value, list):
            return f"{place or 'it'} is no list"
        return next(
            filter(None, (_mismatch(item, shape[0], f"{place}[{row}]") for row, item in enumerate(value))), None
        )
    if isinstance(shape, Mapping):
        if not isinstance(value, dict):
            return f"{place or 'it'} is no mapping"
        keys = dict.fromkeys(value, shape[...]) if ... in shape else shape
        for key, kind in keys.items():
            if key not in value:
                return f"`{key}` is missing"
            if problem := _mismatch(value[key], kind, f"`{key}`"):
                return problem
        return None
    return None if _is_of_type(value, shape) else f"{place or 'it'} is `{printable(str(value), 40)}`"


def _is_of_type(value: object, kind: object) -> bool:
    """Return whether a value is of a type, None being its own; a boolean is no number, and an integer is a real one."""
    if kind is None:
        return value is None
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, (int, float) if kind is float else kind)  # type: ignore[arg-type]
