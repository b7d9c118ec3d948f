"""Files of ASE: extended XYZ, trajectories and databases, and plain structures in whatever ASE reads."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path

import ase.db
import ase.io
import numpy as np
from ase import Atoms
from ase.io.trajectory import Trajectory

from ..builders.files import describe_ase_error, read_images
from ..common.exceptions import NnpgenError, OutputError
from ..common.voigt import checked_voigt
from ..dft.reading import DropReason, FileContent, Reading
from .hints import Hints
from .label_names import NameCount, find_labels, quote
from .text import read_text, split_lines

__all__ = ["read_database", "read_extxyz", "read_structures", "read_trajectory"]

_MAX_DIGITS = 9  # of a number of atoms
_HEADER_NAMES = ("Lattice", "Properties", "pbc")
_HEADER_NAME = re.compile(rf"(?<!\S)({'|'.join(_HEADER_NAMES)})=", re.IGNORECASE)


# ASE wants nine numbers under these names.
_SIX_NUMBERS = re.compile(r"""(?<!\S)(stress|virial)=(["'])\s*(\S+(?:\s+\S+){5})\s*\2""")


class _Reader:
    """What is found in one file, frame by frame, so that a damaged frame costs no other."""

    def __init__(self, hints: Hints) -> None:
        self.content = FileContent()
        self._keys = hints.keys
        self._count = NameCount()

    def add(self, index: int, read: Callable[[], Atoms]) -> None:
        """Add a frame, or the reason why it cannot be read: what ASE raises on a damaged file is without limit."""
        try:
            self.content.frames.append(self._frame(index, read()))
        except Exception as exception:
            detail = str(exception) if isinstance(exception, NnpgenError) else describe_ase_error(exception)
            self.content.drop(index, DropReason.UNREADABLE, detail)

    def finish(self) -> FileContent:
        """Return what was found, with a note under which names."""
        self.content.notes += self._count.notes()
        return self.content

    def _frame(self, index: int, atoms: Atoms) -> Reading:
        """Return a frame; forces are those of the calculator, which constraints have not touched."""
        if not len(atoms) or not atoms.numbers.all():
            raise OutputError("the frame has no atoms" if not len(atoms) else "an atom is of no element, `X`")
        found = find_labels(atoms, self._keys)
        self._count.add(found)
        energy, stress = found.values.get("energy"), found.values.get("stress")
        return Reading(
            index=index,
            numbers=np.asarray(atoms.numbers, dtype=np.int64),
            positions=np.asarray(atoms.positions, dtype=np.float64),
            cell=np.asarray(atoms.cell.array, dtype=np.float64),
            periodic=bool(atoms.pbc.all()),
            energy=None if energy is None else float(energy),
            forces=found.values.get("forces"),
            stress=None if stress is None else stress if stress.shape == (6,) else checked_voigt(stress),
            virial=found.values.get("virial"),
            note=quote(found.suspects),
        )


def read_extxyz(path: Path, hints: Hints | None = None) -> FileContent:
    """Read extended XYZ.

    A wrong count of atoms shows in the next header only: the frame before a header that is none is dropped with it.

    :raises OutputError: if the file cannot be read.
    """
    reader, lines = _Reader(hints or Hints()), split_lines(read_text(path))
    content = reader.content
    place, index = 0, 0
    while place < len(lines):
        count = lines[place].strip()
        if not count:
            place += 1
            continue
        if not count.isdecimal() or len(count) > _MAX_DIGITS or int(count) == 0:
            if content.frames and content.frames[-1].index == index - 1:
                content.frames.pop()
                content.drop(index - 1, DropReason.UNREADABLE, "its number of atoms does not fit what follows")
            content.drop(index, DropReason.UNREADABLE, f"line {place + 1} is no number of atoms; the rest is not read")
            break
        chunk = lines[place : place + 2 + int(count)]
        if len(chunk) == 2 + int(count):
            reader.add(index, lambda chunk=chunk: _parse_extxyz(chunk))  # type: ignore[misc]
        else:
            content.drop(index, DropReason.UNREADABLE, "the file ends within the frame")
        place, index = place + 2 + int(count), index + 1
    return reader.finish()


def read_trajectory(path: Path, hints: Hints | None = None) -> FileContent:
    """Read an ASE trajectory.

    :raises OutputError: if the file cannot be opened.
    """
    try:
        trajectory = Trajectory(path, "r")
    except Exception as exception:
        raise OutputError(f"ASE cannot open the trajectory: {exception}") from exception
    reader = _Reader(hints or Hints())
    with trajectory:
        for index in range(len(trajectory)):
            reader.add(index, lambda index=index: trajectory[index])  # type: ignore[misc]
    return reader.finish()


def read_database(path: Path, hints: Hints | None = None) -> FileContent:
    """Read an ASE database, row by row.

    :raises OutputError: if the file is none.
    """
    reader = _Reader(hints or Hints())
    try:
        kind = "json" if path.suffix == ".json" else "db"
        with ase.db.connect(path, type=kind, use_lock_file=False) as connection:
            identifiers = [row.id for row in connection.select(columns=["id"] if kind == "db" else "all")]
            for index, identifier in enumerate(identifiers):
                reader.add(index, lambda key=identifier: _row(connection, key))  # type: ignore[misc]
    except Exception as exception:
        raise OutputError(f"ASE cannot read the database: {exception}") from exception
    return reader.finish()


def read_structures(path: Path, hints: Hints | None = None) -> FileContent:
    """Read structures in any format that ASE knows; labels in them are not looked at.

    :raises InputError: if ASE does not read the file, or finds nothing in it.
    """
    images = read_images(path)
    reader = _Reader(hints or Hints())
    if any(atoms.calc is not None for atoms in images):
        reader.content.notes.append("labels in a file of this format are not read")
    for index, atoms in enumerate(images):
        bare = Atoms(atoms.numbers, positions=atoms.positions, cell=atoms.cell, pbc=atoms.pbc)
        reader.add(index, lambda bare=bare: bare)  # type: ignore[misc]
    return reader.finish()


def _parse_extxyz(lines: list[str]) -> Atoms:
    names = {name.lower(): name for name in _HEADER_NAMES}
    header = _HEADER_NAME.sub(lambda match: f"{names[match[1].lower()]}=", lines[1])
    header = _SIX_NUMBERS.sub(_nine_numbers, header)
    text = "\n".join([lines[0], header, *lines[2:]]) + "\n"
    return ase.io.read(io.StringIO(text), format="extxyz", index=0)


def _nine_numbers(match: re.Match[str]) -> str:
    """Return a matrix in the place of its six components in ASE's order."""
    xx, yy, zz, yz, xz, xy = match[3].split()
    return f'{match[1]}="{xx} {xy} {xz} {xy} {yy} {yz} {xz} {yz} {zz}"'


def _row(connection: ase.db.core.Database, key: int) -> Atoms:
    return connection.get(id=key).toatoms(add_additional_information=True)
