"""The files that a job finds in its working folder, and those it leaves there.

A job is started as ``python nnpgen.pyz <program>``. It reads ``config.json`` and numbered ``.npz`` files of frames, and
writes ``result.json`` as the very last thing: where that file exists, the job finished. A job that fails by itself
leaves ``error.json``; one that was killed leaves neither.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..common.frames import Frames

__all__ = ["CONFIG", "ERROR", "RESULT", "frames_name", "read_config", "read_frames", "write_frames", "write_result"]

CONFIG = "config.json"
RESULT = "result.json"
ERROR = "error.json"


def frames_name(kind: str, index: int) -> str:
    """Return the file name of one set of frames, such as ``train_000.npz``."""
    return f"{kind}_{index:03d}.npz"


def read_config(folder: Path) -> dict[str, object]:
    """Return the configuration of the job."""
    config: dict[str, object] = json.loads((folder / CONFIG).read_text())
    return config


def read_frames(folder: Path, kind: str) -> list[Frames]:
    """Return all sets of frames of one kind, in order of their number."""
    return [Frames.load(path) for path in sorted(folder.glob(f"{kind}_[0-9][0-9][0-9].npz"))]


def write_frames(folder: Path, kind: str, parts: Sequence[Frames]) -> None:
    """Write sets of frames of one kind."""
    for index, part in enumerate(parts):
        part.save(folder / frames_name(kind, index))


def write_result(folder: Path, result: Mapping[str, object]) -> None:
    """Write the result, atomically, as the last act of a job."""
    temporary = folder / f"{RESULT}.part"
    temporary.write_text(json.dumps(result, indent=1, sort_keys=True, allow_nan=False))
    temporary.replace(folder / RESULT)
