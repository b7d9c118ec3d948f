"""Compressed files: unpacked into a folder of their own before anything is read."""

from __future__ import annotations

import bz2
import gzip
import lzma
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..common.exceptions import OutputError

__all__ = ["Tree", "is_hidden", "unpacked"]

_OPENERS: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
_ARCHIVES = (".tar", ".tgz", ".zip", ".7z", ".zst", ".lz4", ".z")
_HIDDEN = (".", "__")
_BLOCK = 1 << 20
# Bytes of one file, and of one import: a disk holds them, and a file that was made to fill a disk is stopped.
_MAX_FILE = 4 << 30
_MAX_TOTAL = 16 << 30


@dataclass(frozen=True)
class Tree:
    """What is to be read.

    :ivar root: a file, or a folder without compressed files.
    :ivar packed: what each unpacked file was made of.
    :ivar failures: why a compressed file is not read.
    """

    root: Path
    packed: Mapping[Path, Path] = field(default_factory=dict)
    failures: Mapping[Path, str] = field(default_factory=dict)


@contextmanager
def unpacked(path: Path) -> Iterator[Tree]:
    """Yield a tree in which the files of a run stand side by side as they were before they were compressed.

    Whatever is not compressed is linked, not copied; the tree is gone afterwards.

    :param path: a file or a folder.
    """
    items = [path] if path.is_file() else [item for item in path.rglob("*") if not is_hidden(item.relative_to(path))]
    packed = sorted(item for item in items if _is_packed(item))
    if not packed:
        yield Tree(path)
        return
    with tempfile.TemporaryDirectory() as name:
        base = path.parent if path.is_file() else path
        folder = Path(name) / base.name if path.is_dir() else Path(name)
        for item in items:
            target = folder / item.relative_to(base)
            target.parent.mkdir(parents=True, exist_ok=True)
            if item.is_file() and item not in packed:
                target.symlink_to(item.resolve())
        made, failures = _unpack_all(packed, base, folder)
        if path.is_dir():
            yield Tree(folder, made, failures)
        else:
            yield Tree(next(iter(made), path), made, failures)


def is_hidden(path: Path) -> bool:
    """Return whether a path below a folder is of no interest, such as those of version control."""
    return any(part.startswith(_HIDDEN) for part in path.parts)


def _is_packed(item: Path) -> bool:
    return item.is_file() and item.suffix.lower() in (*_OPENERS, *_ARCHIVES)


def _unpack_all(packed: list[Path], base: Path, folder: Path) -> tuple[dict[Path, Path], dict[Path, str]]:
    """Return what each unpacked file was made of, and why the others were not unpacked."""
    made: dict[Path, Path] = {}
    failures: dict[Path, str] = {}
    room = _MAX_TOTAL
    for item in packed:
        target = (folder / item.relative_to(base)).with_suffix("")
        try:
            room -= _unpack(item, target, min(_MAX_FILE, room))
        except OutputError as exception:
            failures[item] = str(exception)
        else:
            made[target] = item
    return made, failures


def _unpack(item: Path, target: Path, limit: int) -> int:
    """Unpack a file, and return its size.

    :raises OutputError: if it is an archive, damaged, too large, or lies beside what it was made of.
    """
    if item.suffix.lower() in _ARCHIVES or target.suffix in _ARCHIVES:
        raise OutputError("an archive: unpack it first")
    if target.exists():
        raise OutputError(f"not unpacked, since `{target.name}` lies beside it")
    size = 0
    try:
        with _OPENERS[item.suffix.lower()](item) as source, target.open("wb") as sink:
            while block := source.read(_BLOCK):
                size += len(block)
                if size > limit:
                    raise OutputError(f"more than {limit >> 20} MiB when unpacked: unpack it first, or import a part")
                sink.write(block)
    except (OSError, EOFError, lzma.LZMAError, zlib.error) as exception:
        target.unlink(missing_ok=True)
        raise OutputError(f"it cannot be unpacked ({exception}): is it cut?") from exception
    except OutputError:
        target.unlink(missing_ok=True)
        raise
    return size
