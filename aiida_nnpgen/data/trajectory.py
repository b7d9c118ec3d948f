"""Frames to AiiDA nodes and back, in one place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from aiida import orm
from ase import Atoms
from numpy.typing import NDArray

from ..common.frames import Frames

__all__ = ["frames_to_trajectory", "structure_to_frames", "structures_to_frames", "trajectory_to_frames"]

_LABELS = ("energies", "forces", "stresses")


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
    """Return the frames of a trajectory node that :func:`frames_to_trajectory` made."""
    names = node.get_arraynames()
    labels = {name: node.get_array(name) for name in _LABELS if name in names}
    numbers = Atoms(node.symbols).numbers
    return Frames(numbers=numbers, positions=node.get_positions(), cells=node.get_cells(), **labels)


def structure_to_frames(structure: orm.StructureData) -> Frames:
    """Return a structure node as one frame."""
    return Frames.from_atoms([structure.get_ase()])


def structures_to_frames(structures: Mapping[str, orm.StructureData]) -> list[tuple[list[str], Frames]]:
    """Return structures grouped by composition and order of species: the keys of each group, and its frames."""
    groups: dict[bytes, tuple[list[str], list[Atoms]]] = {}
    for key in sorted(structures):
        atoms = structures[key].get_ase()
        keys, images = groups.setdefault(atoms.numbers.tobytes(), ([], []))
        keys.append(key)
        images.append(atoms)
    return [(keys, Frames.from_atoms(images)) for keys, images in groups.values()]
