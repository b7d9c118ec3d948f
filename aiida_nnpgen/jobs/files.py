"""The files that a job finds in its working folder, and those it leaves there.

A job is started as ``python nnpgen.pyz <program>``. It reads ``config.json`` and, of each kind of frames, one archive
such as ``train.npz``; ``frames.json`` says how many frames each set in them has. It writes ``result.json`` as the very
last thing: where that file exists, the job finished. A job that fails by itself says why in ``error.json``; one that
was killed leaves that blank.

Frames are counted on both sides: the job refuses an archive that does not hold what ``frames.json`` says, and tells in
``taken.json`` how many frames it worked on, which :func:`find_loss` compares once more.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from ..common.exceptions import InputError
from ..common.files import write_arrays, write_object
from ..common.frames import Frames

__all__ = [
    "CONFIG",
    "ERROR",
    "MANIFEST",
    "RESULT",
    "SETS",
    "TAKEN",
    "find_loss",
    "frames_name",
    "read_config",
    "read_frames",
    "write_frames",
    "write_result",
]

CONFIG = "config.json"
MANIFEST = "frames.json"
RESULT = "result.json"
ERROR = "error.json"
TAKEN = "taken.json"
SETS = {...: [int]}
"""Shape of ``frames.json`` and ``taken.json``: per kind, the number of frames of each set."""


def frames_name(kind: str) -> str:
    """Return the file name of all frames of one kind, such as ``train.npz``."""
    return f"{kind}.npz"


def read_config(folder: Path) -> dict[str, object]:
    """Return the configuration of the job."""
    config: dict[str, object] = json.loads((folder / CONFIG).read_text())
    return config


def read_frames(folder: Path, kind: str) -> list[Frames]:
    """Return all sets of frames of one kind, in the order in which they were written.

    :raises InputError: if the archive is missing or damaged, or does not hold what the manifest says.
    """
    manifest = _read_manifest(folder)
    if kind not in manifest:
        raise InputError(f"`{MANIFEST}` tells of no `{kind}`: write the frames with write_frames")
    try:
        with np.load(folder / frames_name(kind), allow_pickle=False) as archive:
            return list(_sets(archive, kind, manifest[kind]))
    except InputError:
        raise
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as exception:
        raise InputError(f"`{frames_name(kind)}` is missing or damaged, hand it over again: {exception}") from exception


def write_frames(folder: Path, kind: str, parts: Sequence[Frames]) -> None:
    """Write sets of frames of one kind, and their numbers into the manifest."""
    arrays = {_name(index, name): array for index, part in enumerate(parts) for name, array in part.arrays().items()}
    write_arrays(folder / frames_name(kind), arrays)
    write_object(folder / MANIFEST, _read_manifest(folder) | {kind: [len(part) for part in parts]})


def write_result(folder: Path, result: Mapping[str, object], **taken: Sequence[Frames]) -> None:
    """Write the result as the last act of a job.

    :param taken: per kind, the sets of frames that the job worked on.
    """
    write_object(folder / TAKEN, {kind: [len(part) for part in parts] for kind, parts in taken.items()})
    write_object(folder / RESULT, result)


def find_loss(manifest: Mapping[str, Sequence[int]], taken: Mapping[str, Sequence[int]]) -> str | None:
    """Return what a job was given and did not work on; None if there is nothing.

    :param manifest: content of ``frames.json``.
    :param taken: content of ``taken.json``; empty: the job does not tell.
    """
    for kind, given in manifest.items() if taken else ():
        counts = taken.get(kind, [])
        if list(counts) != list(given):
            return (
                f"it took {sum(counts)} frames in {len(counts)} sets of `{kind}`, "
                f"not the {sum(given)} in {len(given)} that it was given"
            )
    return None


def _name(index: int, name: str) -> str:
    return f"{index}_{name}"


def _read_manifest(folder: Path) -> dict[str, list[int]]:
    path = folder / MANIFEST
    return dict(json.loads(path.read_text())) if path.is_file() else {}


def _sets(archive: Mapping[str, np.ndarray], kind: str, counts: Sequence[int]) -> Iterator[Frames]:
    """Yield the sets of an archive, as many and as large as they should be."""
    found: dict[str, list[str]] = {}
    for key in archive:
        found.setdefault(key.partition("_")[0], []).append(key)
    if surplus := sorted(set(found) - {str(index) for index in range(len(counts))}):
        raise InputError(f"`{frames_name(kind)}` holds set `{surplus[0]}`, of which `{MANIFEST}` does not tell")
    for index, count in enumerate(counts):
        keys = found.get(str(index), [])
        if _name(index, "numbers") not in keys or _name(index, "positions") not in keys:
            raise InputError(f"`{frames_name(kind)}` lacks set `{index}` of {len(counts)}: hand it over again")
        part = Frames(**{key.partition("_")[2]: archive[key] for key in keys})
        if len(part) != count:
            raise InputError(f"set `{index}` of `{frames_name(kind)}` has {len(part)} frames, not {count}")
        yield part
