"""The record of why a job failed, for which there is room even where the disk is full.

``error.json`` is written as blanks when a job starts, is overwritten in its place, and goes away when the job is done.
Blank, it says nothing: the job was killed. Without a single byte, there was no room for it.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..common.files import is_disk_full, parse_object
from ..common.text import disk_full_line, printable
from .files import ERROR

__all__ = ["JobError", "parse_error", "record_error", "release_error", "reserve_error"]

_ROOM = 4096
"""Bytes: a block of most file systems."""
_SHAPE = {"type": str, "message": str}


@dataclass(frozen=True)
class JobError:
    """Why a job failed.

    :ivar type: name of the exception.
    :ivar message: its text, one line.
    :ivar disk_full: whether there was no room on the disk.
    """

    type: str
    message: str
    disk_full: bool = False


def reserve_error(folder: Path) -> None:
    """Take the room for the record, in place of one of an earlier start.

    :raises OSError: if there is none; the file is empty then.
    """
    with (folder / ERROR).open("wb") as handle:
        handle.write(b" " * _ROOM)
        handle.flush()
        os.fsync(handle.fileno())


def release_error(folder: Path) -> None:
    """Give the room back: the job is done."""
    (folder / ERROR).unlink(missing_ok=True)


def record_error(folder: Path, exception: BaseException) -> str:
    """Record an error that ends the job, and return its message as one line."""
    message = " ".join(printable(str(exception)).split())
    record = {"type": type(exception).__name__, "message": message, "disk_full": is_disk_full(exception)}
    # Escapes make a text up to six times as long.
    if len(json.dumps(record)) > _ROOM:
        record["message"] = printable(message, _ROOM // 8)
    with suppress(OSError), (folder / ERROR).open("r+b" if (folder / ERROR).exists() else "wb") as handle:
        handle.write(json.dumps(record).encode().ljust(_ROOM))
        handle.flush()
    return message


def parse_error(content: bytes) -> JobError | None:
    """Return what a record says; None if it is blank.

    :raises OutputError: if it is damaged.
    """
    if not content:
        return JobError("OSError", f"there was no room for `{ERROR}`", disk_full=True)
    if not content.strip(b" \n\0"):
        return None
    record = parse_object(content, ERROR, _SHAPE)
    full = record.get("disk_full") is True or disk_full_line(record["message"]) is not None
    return JobError(record["type"], record["message"], full)
