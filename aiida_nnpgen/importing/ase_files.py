"""Files of ASE: extended XYZ, trajectories and databases, and plain structures in whatever ASE reads."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import ase.db
import ase.io
import numpy as np
from ase import Atoms
from ase.io.trajectory import Trajectory

from ..common.exceptions import OutputError
from ..dft.reading import DropReason, FileContent, ReadFrame
from ..dft.text import to_voigt

__all__ = ["read_database", "read_extxyz", "read_structures", "read_trajectory"]


def read_extxyz(path: Path) -> FileContent:
    """Read extended XYZ, frame by frame, so that a damaged frame costs no other.

    A wrong count of atoms shows in the next header only: the frame before a header that is none is dropped with it.

    :raises OutputError: if the file cannot be read.
    """
    content, lines = FileContent(), _text(path).splitlines()
    place, index = 0, 0
    while place < len(lines):
        if not lines[place].strip():
            place += 1
            continue
        count = lines[place].strip()
        if not count.isdecimal() or int(count) == 0:
            if content.frames and content.frames[-1].index == index - 1:
                content.frames.pop()
                content.drop(index - 1, DropReason.UNREADABLE, "its number of atoms does not fit what follows")
            content.drop(index, DropReason.UNREADABLE, f"line {place + 1} is no number of atoms; the rest is not read")
            break
        chunk = lines[place : place + 2 + int(count)]
        _add(content, index, len(chunk) == 2 + int(count), lambda chunk=chunk: _parse_extxyz(chunk))  # type: ignore[misc]
        place, index = place + 2 + int(count), index + 1
    return content


def read_trajectory(path: Path) -> FileContent:
    """Read an ASE trajectory.

    :raises OutputError: if the file cannot be opened.
    """
    try:
        trajectory = Trajectory(path, "r")
    except Exception as exception:
        raise OutputError(f"ASE cannot open the trajectory: {exception}") from exception
    content = FileContent()
    with trajectory:
        for index in range(len(trajectory)):
            _add(content, index, True, lambda index=index: trajectory[index])  # type: ignore[misc]
    return content


def read_database(path: Path) -> FileContent:
    """Read an ASE database, row by row.

    :raises OutputError: if the file is none.
    """
    content = FileContent()
    try:
        kind = "json" if path.suffix == ".json" else "db"
        with ase.db.connect(path, type=kind, use_lock_file=False) as connection:
            identifiers = [row.id for row in connection.select(columns=["id"] if kind == "db" else "all")]
            for index, identifier in enumerate(identifiers):
                _add(content, index, True, lambda key=identifier: connection.get(id=key).toatoms())  # type: ignore[misc]
    except Exception as exception:
        raise OutputError(f"ASE cannot read the database: {exception}") from exception
    return content


def read_structures(path: Path) -> FileContent:
    """Read structures in any format that ASE knows; labels in them are not looked at.

    :raises OutputError: if ASE does not read the file.
    """
    try:
        images = ase.io.read(path, index=":")
    except Exception as exception:
        raise OutputError(f"ASE cannot read `{path.name}`: {exception}") from exception
    content = FileContent()
    for index, atoms in enumerate(images):
        atoms.calc = None
        _add(content, index, True, lambda atoms=atoms: atoms)  # type: ignore[misc]
    return content


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as exception:
        raise OutputError(f"`{path.name}` is not a text: {exception}") from exception


def _parse_extxyz(lines: list[str]) -> Atoms:
    return ase.io.read(io.StringIO("\n".join(lines) + "\n"), format="extxyz", index=0)


def _add(content: FileContent, index: int, is_whole: bool, read: Callable[[], Atoms]) -> None:
    """Add a frame, or the reason why it cannot be read: what ASE raises on a damaged file is without limit."""
    if not is_whole:
        content.drop(index, DropReason.UNREADABLE, "the file ends within the frame")
        return
    try:
        content.frames.append(_frame(index, read()))
    except Exception as exception:
        content.drop(index, DropReason.UNREADABLE, f"{type(exception).__name__}: {exception}"[:300])


def _frame(index: int, atoms: Atoms) -> ReadFrame:
    """Return a frame; forces are those of the calculator, which constraints have not touched."""
    results = dict(getattr(atoms.calc, "results", None) or {})
    # ASE calls the energy that forces derive from free; `energy` may be extrapolated to no smearing.
    energy = results.get("free_energy", results.get("energy"))
    forces, stress, virial = results.get("forces"), results.get("stress"), atoms.info.get("virial")
    if not len(atoms) or not atoms.numbers.all():
        raise OutputError("an atom is of no element")
    tensor = None if stress is None else np.asarray(stress, dtype=np.float64)
    return ReadFrame(
        index=index,
        numbers=np.asarray(atoms.numbers, dtype=np.int64),
        positions=np.asarray(atoms.positions, dtype=np.float64),
        cell=np.asarray(atoms.cell.array, dtype=np.float64),
        periodic=bool(atoms.pbc.all()),
        energy=None if energy is None else float(energy),
        forces=None if forces is None else np.asarray(forces, dtype=np.float64).reshape(len(atoms), 3),
        stress=None if tensor is None else tensor if tensor.shape == (6,) else to_voigt(tensor.reshape(3, 3)),
        virial=None if virial is None else np.asarray(virial, dtype=np.float64).reshape(3, 3),
        note=", ".join(f"`{name}`" for name in _suspects(atoms)),
    )


def _suspects(atoms: Atoms) -> Iterator[str]:
    """Yield names that look like labels under another name than ASE's."""
    for name in [*atoms.info, *atoms.arrays]:
        if "energy" in name.lower() or "force" in name.lower():
            yield name
