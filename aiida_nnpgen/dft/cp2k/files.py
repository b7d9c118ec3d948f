"""The files of CP2K with one record per step: trajectories, cells, energies. A damaged record is left out.

A run that was continued in its folder writes some steps again: records keep the order of the file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...common.exceptions import OutputError
from ..text import check_widths, decimals, element

__all__ = ["CellRecord", "Snapshot", "read_cells", "read_table", "read_xyz"]

_NUMBER = r"-?\d+\.\d+(?:E[-+]\d\d)?"
_HEADER = re.compile(rf" *i = +(\d+),(?: time = +{_NUMBER},)? E = +({_NUMBER})")
_ATOM = re.compile(rf" *([A-Za-z]\w*) +({_NUMBER}) +({_NUMBER}) +({_NUMBER})")


@dataclass(frozen=True)
class Snapshot:
    """One record of a trajectory.

    :ivar energy: Ha.
    :ivar numbers: atomic numbers.
    :ivar values: (n_atoms, 3).
    """

    step: int
    energy: float
    numbers: tuple[int, ...]
    values: NDArray[np.float64]


@dataclass(frozen=True)
class CellRecord:
    """One record of the cell.

    :ivar cell: Å, rows are lattice vectors, (3, 3).
    :ivar volume: its second copy, in Å³.
    """

    step: int
    cell: NDArray[np.float64]
    volume: float

    @property
    def fits_volume(self) -> bool:
        """Return whether the cell, of either handedness, has the volume that is printed behind it."""
        return abs(abs(float(np.linalg.det(self.cell))) - self.volume) < 1e-6 * max(1.0, self.volume)


def read_xyz(text: str) -> list[Snapshot]:
    """Return the whole records of a trajectory; a last line without its end is cut."""
    *lines, _ = text.split("\n")
    found = []
    for index, line in enumerate(lines[1:], 1):
        header, count = _HEADER.fullmatch(line), lines[index - 1].strip()
        if header is None or not count.isdecimal():
            continue
        rows = [row for row in map(_ATOM.fullmatch, lines[index + 1 : index + 1 + int(count)]) if row]
        try:
            numbers = tuple(element(row.group(1)) for row in rows)
            check_widths([row.group() for row in rows], "the rows of a step")
        except OutputError:
            continue
        if 0 < len(rows) == int(count) and len(decimals([row.groups()[1:] for row in rows])) == 1:
            values = np.array([row.groups()[1:] for row in rows], dtype=np.float64)
            found.append(Snapshot(int(header.group(1)), float(header.group(2)), numbers, values))
    return found


def read_cells(text: str) -> list[CellRecord]:
    """Return the records of the file of cells."""
    return [CellRecord(step, row[1:10].reshape(3, 3), float(row[10])) for step, row in read_table(text, 11)]


def read_table(text: str, n_columns: int) -> list[tuple[int, NDArray[np.float64]]]:
    """Return the rows of a table with the step before each."""
    *lines, _ = text.split("\n")
    pattern = re.compile(rf" *(\d+)((?: +{_NUMBER}){{{n_columns}}}) *")
    rows = filter(None, map(pattern.fullmatch, lines))
    return [(int(row.group(1)), np.array(row.group(2).split(), dtype=np.float64)) for row in rows]
