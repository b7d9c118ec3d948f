"""The files of a dataset: what they must hold, and how they are read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from aiida import orm
from ase.data import chemical_symbols
from numpy.typing import NDArray

from ..common.types import Split
from .arrays import check_geometry, read_array
from .checks import refuse
from .repository import file_names

__all__ = ["ARRAYS", "ROWS", "Origin", "check_contents", "check_rows", "read_arrays", "read_origins"]

ROWS = "rows.json"
ARRAYS = {
    "numbers": ("u", "n"),
    "positions": ("f", "a3"),
    "forces": ("f", "a3"),
    "cells": ("f", "f33"),
    "energies": ("f", "f"),
    "stresses": ("f", "f6"),
    "split": ("i", "f"),
}
"""Kind and axes of each array: n, atoms of one frame of each composition; a, atoms of all frames; f, frames."""

_SHAPES = "system_shapes"
_LARGEST = 10**9
_ROW_BYTES = 4096
_TEXT = 2000


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where one row of a dataset comes from.

    Nodes are named by the label of the link through which they entered, not by UUID: a dataset that is cloned from the
    cache then still points into its own provenance graph, and equal datasets have equal hashes.

    :ivar iteration: iteration in which the frame was collected; -1 for the initial dataset.
    :ivar reason: why the frame was chosen.
    :ivar label: input link of the process that created the dataset, through which the label came; ``file`` where it was
        imported; None if the dataset has no creator.
    :ivar index: position of the frame in that label node.
    :ivar structure: input link of the process that created the label, through which the structure came.
    """

    iteration: int
    reason: str
    label: str | None = None
    index: int = 0
    structure: str | None = None


def read_arrays(node: orm.Node, *names: str) -> dict[str, NDArray[Any]]:
    """Return arrays of a dataset by name, ``system_shapes`` always among them; none: all.

    :raises InputError: if one is missing, or its type or shape is not what the numbers of atoms and frames say.
    """
    shapes = read_array(node, _SHAPES, "i", (None, 2))
    pairs = shapes.tolist()
    if not pairs or any(not 0 < count <= _LARGEST for pair in pairs for count in pair):
        raise refuse(node, f"array `{_SHAPES}` must hold numbers of atoms and frames from one on")
    sizes = {
        "n": sum(atoms for atoms, _ in pairs),
        "a": sum(atoms * frames for atoms, frames in pairs),
        "f": sum(frames for _, frames in pairs),
        "3": 3,
        "6": 6,
    }
    found = {_SHAPES: shapes}
    for name in names or ARRAYS:
        kind, axes = ARRAYS[name]
        found[name] = read_array(node, name, kind, tuple(sizes[axis] for axis in axes))
    return found


def read_origins(node: orm.Node, n_frames: int) -> list[Origin]:
    """Return where each row comes from.

    :raises InputError: if the table has other columns, rows or types.
    """
    limit = _ROW_BYTES * (n_frames + 1)
    try:
        with node.base.repository.open(ROWS, "rb") as handle:
            content = handle.read(limit + 1)
        if len(content) > limit:
            raise ValueError(f"it is longer than {limit} bytes")
        table = json.loads(content)
        return _origins(table, n_frames)
    except (OSError, ValueError, TypeError, RecursionError) as exception:
        raise refuse(node, f"`{ROWS}` is no table of rows: {' '.join(str(exception).split())[:200]}") from exception


def _origins(table: Any, n_frames: int) -> list[Origin]:
    if not isinstance(table, dict) or set(table) != {field.name for field in fields(Origin)}:
        names = sorted(table)[:10] if isinstance(table, dict) else [type(table).__name__]
        raise ValueError(f"its columns are `{', '.join(map(str, names))[:100]}`")
    for name, column in table.items():
        if not isinstance(column, list) or len(column) != n_frames:
            raise ValueError(f"column `{name}` has not one value for each of {n_frames} frames")
        for row, value in enumerate(column):
            if not _fits(name, value):
                raise ValueError(f"`{name}` of row {row} is `{ascii(value)[:50]}`")
    return [Origin(**dict(zip(table, row, strict=True))) for row in zip(*table.values(), strict=True)]


def _fits(name: str, value: object) -> bool:
    if name in ("iteration", "index"):
        least = -1 if name == "iteration" else 0
        return isinstance(value, int) and not isinstance(value, bool) and least <= value <= _LARGEST
    if value is None:
        return name != "reason"
    return isinstance(value, str) and len(value) <= _TEXT


def check_rows(node: orm.Node) -> None:
    """Check what is told of the rows: their number, their split and their origins.

    :raises InputError: naming the array or the attribute.
    """
    attributes: Mapping[str, Any] = node.base.attributes.all
    split = read_arrays(node, "split")["split"]
    if not np.isin(split, list(Split)).all():
        raise refuse(node, "array `split` holds numbers that are no split")
    counts = {"n_frames": len(split), "n_train": int(np.count_nonzero(split == Split.TRAIN))}
    for name, count in counts.items():
        if attributes.get(name) != count:
            raise refuse(node, f"`{name}` is `{ascii(attributes.get(name))[:50]}`, but it has {count}")
    read_origins(node, len(split))


def check_contents(node: orm.Node) -> None:
    """Check the files of a dataset, every number in them, and that they agree with what the node says.

    :raises InputError: naming the array, file or attribute.
    """
    wanted = {ROWS, f"{_SHAPES}.npy", *(f"{name}.npy" for name in ARRAYS)}
    if surplus := sorted(set(file_names(node)) - wanted):
        raise refuse(node, f"it holds the file `{surplus[0]}`, which is none of a dataset")
    check_rows(node)
    arrays = read_arrays(node)
    numbers = sorted(set(arrays["numbers"].tolist()))
    if not 0 < numbers[0] <= numbers[-1] < len(chemical_symbols):
        raise refuse(node, "array `numbers` holds numbers that are no element's")
    if node.base.attributes.get("elements", None) != sorted(chemical_symbols[number] for number in numbers):
        raise refuse(node, "`elements` are not those of array `numbers`")
    for name in ("energies", "forces"):
        if not np.isfinite(arrays[name]).all():
            raise refuse(node, f"array `{name}` is not finite")
    stresses = arrays["stresses"]
    if not (np.isfinite(stresses).all(axis=1) | np.isnan(stresses).all(axis=1)).all():
        raise refuse(node, "array `stresses` is not finite")
    check_geometry(node, arrays["positions"], arrays["cells"])
