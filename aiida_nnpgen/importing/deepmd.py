"""Systems in the format ``deepmd/npy``, of one composition or mixed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..common.exceptions import OutputError
from ..dft.reading import DropReason, FileContent, ReadFrame
from ..dft.text import element

__all__ = ["is_deepmd", "read_deepmd"]


def is_deepmd(folder: Path) -> bool:
    """Return whether a folder is one system."""
    return (folder / "type.raw").is_file() and any(folder.glob("set.*"))


def read_deepmd(folder: Path) -> FileContent:
    """Read the sets of one system; the virial is minus the volume times the stress.

    :raises OutputError: if types or the names of types are missing, or an array is no array.
    """
    types = _words(folder / "type.raw")
    names = _words(folder / "type_map.raw")
    if not all(word.isdecimal() for word in types):
        raise OutputError("`type.raw` holds more than numbers of types")
    kinds = np.array([element(name) for name in names], dtype=np.int64)
    first = np.array(types, dtype=np.int64)
    content = FileContent(companions=[path for path in folder.rglob("*") if path.is_file()])
    index = 0
    for part in sorted(folder.glob("set.*")):
        coordinates = _load(part, "coord")
        if coordinates is None or coordinates.ndim != 2 or coordinates.shape[1] != 3 * len(first):
            raise OutputError(f"`{part.name}/coord.npy` does not hold the positions of {len(first)} atoms")
        index = _read_set(content, part, coordinates, first, kinds, (folder / "nopbc").exists(), index)
    return content


def _read_set(
    content: FileContent,
    part: Path,
    coordinates: NDArray[np.float64],
    types: NDArray[np.int64],
    kinds: NDArray[np.int64],
    is_open: bool,
    index: int,
) -> int:
    """Add the frames of one set, and return the index of the next one."""
    n_frames, n_atoms = len(coordinates), len(types)
    widths = {"box": 9, "energy": 1, "force": 3 * n_atoms, "virial": 9, "real_atom_types": n_atoms}
    arrays: dict[str, NDArray[np.float64] | None] = {}
    for name, width in widths.items():
        array = _load(part, name)
        if array is not None and array.size != n_frames * width:
            raise OutputError(f"`{part.name}/{name}.npy` has shape {array.shape}, but there are {n_frames} frames")
        arrays[name] = None if array is None else array.reshape(n_frames, width)
    for row in range(n_frames):
        rows = {name: None if array is None else array[row] for name, array in arrays.items()}
        own = types if rows["real_atom_types"] is None else rows["real_atom_types"].astype(np.int64)
        real = own >= 0
        if own.max(initial=-1) >= len(kinds) or not real.any():
            content.drop(index + row, DropReason.UNREADABLE, f"type {own.max()} has no name in `type_map.raw`")
            continue
        box, energy, force, virial = (rows[name] for name in ("box", "energy", "force", "virial"))
        frame = ReadFrame(
            index=index + row,
            numbers=kinds[own[real]],
            positions=coordinates[row].reshape(-1, 3)[real],
            cell=np.zeros((3, 3)) if box is None else box.reshape(3, 3),
            periodic=box is not None and not is_open,
            energy=None if energy is None else float(energy[0]),
            forces=None if force is None else force.reshape(-1, 3)[real],
            virial=None if virial is None else virial.reshape(3, 3),
        )
        content.frames.append(frame)
    return index + n_frames


def _words(path: Path) -> list[str]:
    try:
        words = path.read_text().split()
    except (OSError, UnicodeDecodeError) as exception:
        raise OutputError(f"`{path.name}` cannot be read: {exception}") from exception
    if not words:
        raise OutputError(f"`{path.name}` is empty")
    return words


def _load(part: Path, name: str) -> NDArray[np.float64] | None:
    """Return an array in double precision, None if it is not there."""
    path = part / f"{name}.npy"
    if not path.exists():
        return None
    try:
        return np.asarray(np.load(path, allow_pickle=False), dtype=np.float64)
    except Exception as exception:
        raise OutputError(f"`{part.name}/{name}.npy` is damaged: {exception}") from exception
