"""Frames to AiiDA nodes and back, in one place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from aiida import orm
from ase import Atoms
from ase.data import atomic_numbers
from numpy.typing import NDArray

from ..common.frames import Frames
from .arrays import check_geometry, has_array, read_array
from .checks import look_once, refuse
from .repository import file_names

__all__ = [
    "check_structure",
    "check_trajectory",
    "frames_to_trajectory",
    "read_steps",
    "structure_to_frames",
    "structures_to_frames",
    "trajectory_to_frames",
]

_LABELS = {"energies": "f", "forces": "fa3", "stresses": "f6"}


def frames_to_trajectory(frames: Frames, steps: NDArray[np.int64], **arrays: NDArray[Any]) -> orm.TrajectoryData:
    """Return a trajectory node (unstored) with labels and further per-frame arrays under their own names.

    :param frames: (n_frames) configurations, labelled or not.
    :param steps: time step, or number of the frame, (n_frames,).
    :param arrays: more arrays whose first axis is the frame.
    """
    node = orm.TrajectoryData()
    node.set_trajectory(
        symbols=frames.symbols, positions=frames.positions, cells=frames.cells, stepids=steps, pbc=[True, True, True]
    )
    for name in _LABELS:
        if getattr(frames, name) is not None:
            node.set_array(name, getattr(frames, name))
    for name, array in arrays.items():
        node.set_array(name, array)
    return node


def trajectory_to_frames(node: orm.TrajectoryData) -> Frames:
    """Return the frames of a trajectory node that :func:`frames_to_trajectory` made.

    :raises InputError: if the node is not what it says; one from an archive was never validated.
    """
    numbers, steps = _numbers(node), read_steps(node)
    sizes = {"f": len(steps), "a": len(numbers), "3": 3, "6": 6}

    def read(name: str, axes: str) -> NDArray[Any]:
        return read_array(node, name, "f", tuple(sizes[axis] for axis in axes))

    positions, cells = read("positions", "fa3"), read("cells", "f33")
    check_geometry(node, positions, cells)
    labels = {name: read(name, axes) for name, axes in _LABELS.items() if has_array(node, name)}
    return Frames(numbers=numbers, positions=positions, cells=cells, **labels)


def read_steps(node: orm.TrajectoryData) -> NDArray[np.int64]:
    """Return the step of each frame, (n_frames,).

    :raises InputError: if the node has no such array.
    """
    return read_array(node, "steps", "iu", (None,)).astype(np.int64)


def check_trajectory(node: orm.TrajectoryData) -> None:
    """Check that frames can be read from a trajectory.

    :raises InputError: naming the node and the array.
    """
    look_once(node, _check_trajectory)


def _check_trajectory(node: orm.TrajectoryData) -> None:
    file_names(node)
    trajectory_to_frames(node)


def _numbers(node: orm.TrajectoryData) -> NDArray[np.int64]:
    symbols = node.base.attributes.get("symbols", None)
    if not isinstance(symbols, list) or not symbols:
        raise refuse(node, "it has no `symbols`")
    for symbol in symbols:
        if not isinstance(symbol, str) or not atomic_numbers.get(symbol):
            raise refuse(node, f"`symbols` holds `{ascii(symbol)[:50]}`, which is no element")
    return np.array([atomic_numbers[symbol] for symbol in symbols], dtype=np.int64)


def check_structure(node: orm.StructureData) -> None:
    """Check that a structure has atoms, a cell, and kinds that are there.

    :raises InputError: naming the node.
    """
    look_once(node, _check_structure)


def _check_structure(node: orm.StructureData) -> None:
    try:
        atoms, symbols = node.get_ase(), node.get_symbols_set()
        cell = np.array(atoms.cell)[None]
    except Exception as exception:  # AiiDA reads attributes as they are, so anything may be wrong with them
        raise refuse(node, f"it is no structure: {type(exception).__name__}: {str(exception)[:100]}") from exception
    unknown = sorted(symbol for symbol in symbols if not atomic_numbers.get(symbol))
    if unknown:
        raise refuse(node, f"`{ascii(unknown[0])[1:-1]}` in it is no element")
    if not len(atoms):
        raise refuse(node, "it has no atoms")
    check_geometry(node, atoms.positions, cell)


def structure_to_frames(structure: orm.StructureData) -> Frames:
    """Return a structure node as one frame."""
    check_structure(structure)
    return Frames.from_atoms([structure.get_ase()])


def structures_to_frames(structures: Mapping[str, orm.StructureData]) -> list[tuple[list[str], Frames]]:
    """Return structures grouped by composition and order of species: the keys of each group, and its frames."""
    groups: dict[bytes, tuple[list[str], list[Atoms]]] = {}
    for key in sorted(structures):
        check_structure(structures[key])
        atoms = structures[key].get_ase()
        keys, images = groups.setdefault(atoms.numbers.tobytes(), ([], []))
        keys.append(key)
        images.append(atoms)
    return [(keys, Frames.from_atoms(images)) for keys, images in groups.values()]
