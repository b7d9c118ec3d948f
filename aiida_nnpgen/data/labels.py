"""Labelled frames as nodes: how frames are named, and how a label node tells which structure each frame belongs to.

A frame that is to be labelled has the key ``frame_0007``, under which its structure enters a process: as ``frame_0007``
itself, or in a namespace as ``structures__frame_0007``. A label node is a trajectory whose step ids are those numbers
(time steps, for a dynamics) and whose attribute ``structure_link`` is the format of that link. Keys are made and read
here and nowhere else.

What several jobs computed enters the function that joins it as ``run_00`` and so on, the last of them as
``calculated``; the array ``run`` of the label node has the number of the job of each frame.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

import numpy as np
from aiida import orm
from numpy.typing import NDArray

from ..common.dynamics import MdRun
from ..common.frames import Frames
from .arrays import has_array, read_array
from .checks import refuse
from .trajectory import frames_to_trajectory, read_steps

__all__ = [
    "StructureLink",
    "frame_key",
    "frame_number",
    "is_run_key",
    "label_node",
    "labelled_keys",
    "link_key",
    "run_key",
    "run_links",
    "run_nodes",
    "structure_link",
]

_RUN = "run"
_STEM = "frame_"
_ATTRIBUTE = "structure_link"


class StructureLink(StrEnum):
    """How the structure of a frame entered the process that made its label."""

    FRAME = _STEM + "{:04d}"  # under its own key
    NAMESPACE = f"structures__{_STEM}" + "{:04d}"  # under its key in the namespace `structures`
    START = "structure"  # as the start of a dynamics, the same for every frame


def frame_key(number: int) -> str:
    """Return the key of a frame, such as ``frame_0007``."""
    return StructureLink.FRAME.format(number)


def frame_number(key: str) -> int:
    """Return the number in the key of a frame.

    :raises ValueError: if it is no such key.
    """
    number = key.removeprefix(_STEM)
    if number == key or not number.isdecimal():
        raise ValueError(f"`{key}` is no key of a frame, such as `{frame_key(7)}`")
    return int(number)


def label_node(
    frames: Frames, numbers: Iterable[int] | NDArray[np.int64], link: StructureLink, **arrays: NDArray[Any]
) -> orm.TrajectoryData:
    """Return labelled frames as a node (unstored).

    :param frames: with energies (eV), forces (eV/Å) and, where there are any, stresses (eV/Å³).
    :param numbers: of the frames in their keys, or time steps of a dynamics, (n_frames,).
    :param link: how their structures enter the process that makes the node.
    :param arrays: more arrays whose first axis is the frame.
    """
    node = frames_to_trajectory(frames, np.asarray(list(numbers), dtype=np.int64), **arrays)
    node.base.attributes.set(_ATTRIBUTE, link.value)
    return node


def run_nodes(run: MdRun) -> dict[str, orm.Data]:
    """Return the ``report`` of a dynamics with the reference method and, if it has good frames, its ``labels``."""
    made: dict[str, orm.Data] = {"report": orm.Dict(run.report().to_dict())}
    if len(run.frames):
        arrays = {} if run.makers is None else {_RUN: run.makers}
        made["labels"] = label_node(run.frames, run.steps, StructureLink.START, **arrays)
    return made


def run_key(number: int) -> str:
    """Return the link label by which the output of an earlier job enters the function that joins it with later ones."""
    return f"{_RUN}_{number:02d}"


def is_run_key(key: str) -> bool:
    """Return whether a link label is one of those."""
    return key.startswith(f"{_RUN}_")


def run_links(node: orm.TrajectoryData) -> list[str | None]:
    """Return for each row the input link of a label's creator by which it came from an earlier job, if there was one.

    The last job has another link: see above.
    """
    n_rows = len(read_steps(node))
    if not has_array(node, _RUN):
        return [None] * n_rows
    return [run_key(number) for number in read_array(node, _RUN, "iu", (n_rows,)).tolist()]


def structure_link(node: orm.TrajectoryData, row: int) -> str:
    """Return the input link of a label's creator through which the structure of a row came.

    :raises InputError: if the node does not tell.
    """
    template = node.base.attributes.get(_ATTRIBUTE, None)
    if template not in list(StructureLink):
        raise refuse(node, f"`{_ATTRIBUTE}` is `{ascii(template)[:50]}`, which is no link to a structure")
    return str(template).format(int(read_steps(node)[row]))


def link_key(link: str | None) -> str | None:
    """Return the key of the frame behind a link label; None for the start of a dynamics, or where there is no link."""
    key = (link or "").removeprefix("structures__")
    return key if key.startswith(_STEM) else None


def labelled_keys(node: orm.TrajectoryData) -> set[str]:
    """Return the keys of the frames that a label node holds."""
    return {frame_key(step) for step in read_steps(node).tolist()}
