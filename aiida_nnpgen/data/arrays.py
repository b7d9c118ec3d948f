"""Arrays of nodes, read so that a forged file is an error with a name and nothing else."""

from __future__ import annotations

from math import prod
from typing import BinaryIO

import numpy as np
from aiida import orm
from numpy.typing import NDArray

from .checks import refuse

__all__ = ["check_geometry", "has_array", "read_array"]

_MAX_HEADER = 1000
"""Bytes; those of plain arrays take 118."""
_BLOCK = 1 << 24


def has_array(node: orm.Node, name: str) -> bool:
    """Return whether a node has the file of an array."""
    return f"{name}.npy" in node.base.repository.list_object_names()


def read_array(node: orm.Node, name: str, kinds: str, shape: tuple[int | None, ...]) -> NDArray[np.generic]:
    """Return an array of a node.

    :param kinds: letters of numpy for the types that it may have, such as ``f`` or ``iu``.
    :param shape: that it must have; None: any length.
    :raises InputError: if there is none, or another one; the message names node and array.
    """
    try:
        with node.base.repository.open(f"{name}.npy", "rb") as handle:
            return _read(handle, kinds, shape)
    except (OSError, ValueError, TypeError, EOFError, RecursionError, MemoryError) as exception:
        missing = isinstance(exception, FileNotFoundError)
        detail = "is missing" if missing else " ".join(str(exception).split())[:200]
        raise refuse(node, f"array `{name}` {detail}") from exception


def _read(handle: BinaryIO, kinds: str, shape: tuple[int | None, ...]) -> NDArray[np.generic]:
    if np.lib.format.read_magic(handle) != (1, 0):
        raise ValueError("has a header of an unknown kind")
    found, in_columns, dtype = np.lib.format.read_array_header_1_0(handle, max_header_size=_MAX_HEADER)
    if dtype.hasobject or dtype.kind not in kinds:
        raise ValueError(f"is of type `{dtype}`, not `{' or '.join(kinds)}`")
    fits = len(found) == len(shape) and all(want in (None, size) for size, want in zip(found, shape, strict=True))
    if not fits or any(size < 0 for size in found):
        wanted = "x".join("n" if size is None else str(size) for size in shape)
        raise ValueError(f"has the shape {'x'.join(map(str, found))}, not {wanted}")
    size, content = prod(found) * dtype.itemsize, bytearray()
    while len(content) <= size and (block := handle.read(min(_BLOCK, size + 1 - len(content)))):
        content += block
    if len(content) != size:
        raise ValueError(f"has {len(content)} bytes or more, not {size}")
    return np.frombuffer(content, dtype=dtype).reshape(found, order="F" if in_columns else "C")


def check_geometry(node: orm.Node, positions: NDArray[np.generic], cells: NDArray[np.generic]) -> None:
    """Check that atoms are somewhere, and that cells have a volume.

    :param positions: Å, in any shape.
    :param cells: Å, (n_frames, 3, 3).
    :raises InputError: naming the array and, for cells, the frame.
    """
    for name, array in (("positions", positions), ("cells", cells)):
        if not np.isfinite(array).all():
            raise refuse(node, f"array `{name}` is not finite")
    with np.errstate(over="ignore", invalid="ignore"):
        volumes = np.abs(np.linalg.det(np.asarray(cells, dtype=np.float64)))
    flat = ~(np.isfinite(volumes) & (volumes > _FLAT))
    if flat.any():
        raise refuse(node, f"array `cells`: the cell of frame {int(np.argmax(flat))} has no volume")


_FLAT = 1e-3
"""Å³, less than any atom takes."""
