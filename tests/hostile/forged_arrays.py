"""Files of datasets as nobody writes them."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np


def saved(array: Any, **header: Any) -> bytes:
    """Return an array as numpy writes it, with other words in its header."""
    buffer = io.BytesIO()
    np.save(buffer, np.asarray(array), allow_pickle=True)
    content = buffer.getvalue()
    for old, new in header.get("words", {}).items():
        assert len(old) == len(new)
        content = content.replace(old, new)
    return content


def huge_header(size: int) -> bytes:
    """Return a file whose header alone has a size."""
    return b"\x93NUMPY\x02\x00" + size.to_bytes(4, "little") + b" " * min(size, 1 << 20)


ATOMS, FRAMES = 13, 5  # atoms and frames of a forged dataset
SHAPES = np.array([[3, 3], [2, 2]])
CELLS = np.tile(5 * np.eye(3), (FRAMES, 1, 1))
NOT_FINITE = np.full((ATOMS, 3), np.nan)
ROWS: dict[str, list[Any]] = {
    "iteration": [1] * FRAMES,
    "reason": ["x"] * FRAMES,
    "label": ["labels_a"] * FRAMES,
    "index": list(range(FRAMES)),
    "structure": [None] * FRAMES,
}


def rows(**changes: Any) -> bytes:
    """Return the table of rows with other columns."""
    return json.dumps(ROWS | changes).encode()
