"""Systems in the formats ``deepmd/npy`` and ``deepmd/raw``, of one composition or mixed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..common.exceptions import OutputError
from ..dft.reading import DropReason, FileContent, Reading
from ..dft.text import element
from .hints import Hints
from .text import read_text

__all__ = ["Load", "System", "is_deepmd", "read_deepmd", "read_system"]

Load = Callable[[str], NDArray[np.float64] | None]
"""Returns the array of a name, such as ``coord``; None if it is not there."""


@dataclass(frozen=True)
class System:
    """One system, wherever it is stored.

    :ivar types: type of each atom.
    :ivar names: element of each type, empty if the system has none.
    :ivar sets: name of each set, and what loads its arrays.
    :ivar is_open: without periodic boundaries.
    """

    types: Sequence[str]
    names: Sequence[str]
    sets: Iterable[tuple[str, Load]]
    is_open: bool = False


def is_deepmd(folder: Path) -> bool:
    """Return whether a folder is one system."""
    return (folder / "type.raw").is_file() and (any(folder.glob("set.*")) or (folder / "coord.raw").is_file())


def read_deepmd(folder: Path, hints: Hints | None = None) -> FileContent:
    """Read the sets of one system.

    :raises OutputError: if types or the names of types are missing, or an array is no array.
    """
    names = folder / "type_map.raw"
    parts = sorted(folder.glob("set.*"))
    sets: list[tuple[str, Load]] = [(part.name, lambda name, part=part: _load_npy(part, name)) for part in parts]  # type: ignore[misc]
    system = System(
        types=read_text(folder / "type.raw").split(),
        names=read_text(names).split() if names.exists() else [],
        sets=sets or [(folder.name, lambda name: _load_raw(folder, name))],
        is_open=(folder / "nopbc").exists(),
    )
    content = FileContent(companions=[path for path in folder.rglob("*") if path.is_file()])
    read_system(system, hints or Hints(), content)
    return content


def read_system(system: System, hints: Hints, content: FileContent) -> None:
    """Add the frames of one system; the virial is minus the volume times the stress.

    :raises OutputError: if types or the names of types are missing, or an array has another shape.
    """
    if not system.types or not all(word.isdecimal() for word in system.types):
        raise OutputError("`type.raw` is empty, or holds more than numbers of types")
    kinds = _kinds(system.names, hints.type_map, content)
    types = np.array(system.types, dtype=np.int64)
    index = len(content.frames) + len(content.dropped)
    for name, load in system.sets:
        coordinates = load("coord")
        if coordinates is None or coordinates.ndim < 2 or coordinates[:1].size not in (0, 3 * len(types)):
            raise OutputError(f"`coord` of `{name}` does not hold the positions of {len(types)} atoms")
        arrays = _arrays(name, load, len(coordinates), len(types))
        for row, positions in enumerate(coordinates.reshape(len(coordinates), -1, 3)):
            rows = {key: None if array is None else array[row] for key, array in arrays.items()}
            own = types if (mixed := rows.pop("real_atom_types")) is None else mixed.astype(np.int64)
            _add_frame(content, index, kinds, own, positions, rows, system.is_open)
            index += 1


def _kinds(names: Sequence[str], given: Sequence[str], content: FileContent) -> NDArray[np.int64]:
    """Return the atomic number of each type; names that the user gives come before those of the file."""
    advice = "set `type_map`, one element per type from 0 on"
    if not names and not given:
        raise OutputError(f"there is no `type_map.raw`, so that types have no names: {advice}")
    if names and given and list(names) != list(given):
        content.notes.append(f"types are named {', '.join(names)} in the file, and taken as {', '.join(given)}")
    try:
        return np.array([element(name) for name in given or names], dtype=np.int64)
    except OutputError as exception:
        raise OutputError(f"{exception} in `type_map.raw`: {advice}") from exception


def _arrays(part: str, load: Load, n_frames: int, n_atoms: int) -> dict[str, NDArray[np.float64] | None]:
    """Return the other arrays of a set, one row a frame."""
    widths = {"box": 9, "energy": 1, "force": 3 * n_atoms, "virial": 9, "real_atom_types": n_atoms}
    arrays: dict[str, NDArray[np.float64] | None] = {}
    for name, width in widths.items():
        array = load(name)
        if array is not None and array.size != n_frames * width:
            raise OutputError(f"`{name}` of `{part}` has shape {array.shape}, but there are {n_frames} frames")
        arrays[name] = None if array is None else array.reshape(n_frames, width)
    return arrays


def _add_frame(
    content: FileContent,
    index: int,
    kinds: NDArray[np.int64],
    types: NDArray[np.int64],
    positions: NDArray[np.float64],
    rows: dict[str, NDArray[np.float64] | None],
    is_open: bool,
) -> None:
    """Add one frame without the padding of a mixed system."""
    real = types >= 0
    if types.max(initial=-1) >= len(kinds) or not real.any():
        content.drop(
            index, DropReason.UNREADABLE, f"type {types.max(initial=-1)} is none of the {len(kinds)} named types"
        )
        return
    box, energy, force, virial = (rows[name] for name in ("box", "energy", "force", "virial"))
    frame = Reading(
        index=index,
        numbers=kinds[types[real]],
        positions=positions[real],
        cell=np.zeros((3, 3)) if box is None else box.reshape(3, 3),
        periodic=box is not None and not is_open,
        energy=None if energy is None else float(energy[0]),
        forces=None if force is None else force.reshape(-1, 3)[real],
    )
    content.frames.append(frame if virial is None else replace(frame, virial=virial.reshape(3, 3)))


def _load_npy(part: Path, name: str) -> NDArray[np.float64] | None:
    path = part / f"{name}.npy"
    if not path.exists():
        return None
    try:
        return np.asarray(np.load(path, allow_pickle=False), dtype=np.float64)
    except Exception as exception:
        raise OutputError(f"`{part.name}/{name}.npy` is damaged: {exception}") from exception


def _load_raw(folder: Path, name: str) -> NDArray[np.float64] | None:
    """Return a table of numbers, one frame a line; a last line without an end has been cut."""
    path = folder / f"{name}.raw"
    if not path.exists():
        return None
    text = read_text(path)
    if not text.endswith("\n"):
        raise OutputError(f"`{path.name}` ends within a line: it is cut")
    try:
        return np.array([line.split() for line in text.splitlines() if line.strip()], dtype=np.float64)
    except ValueError as exception:
        raise OutputError(f"`{path.name}` is damaged: {exception}") from exception
