"""Cell and positions in the standard output of pw.x, each compared with its second copy where there is one."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from ...common.exceptions import OutputError
from ...common.units import BOHR
from ..text import element, table

__all__ = ["GEOMETRY_MARKS", "PrintedGeometry"]

GEOMETRY_MARKS = {
    "alat": r" +celldm\(1\)=",
    "volume": r" +(?:new )?unit-cell volume +=",
    "n_atoms": r" +number of atoms/cell +=",
    "axes": r" +crystal axes: \(cart\. coord\. in units of alat\)",
    "sites": r" +site n\..*alat units",
    "cell": "CELL_PARAMETERS",
    "positions": "ATOMIC_POSITIONS",
}
"""What a line begins with where :class:`PrintedGeometry` has something to read."""

_NUMBERS = {"alat": BOHR, "volume": BOHR**3, "n_atoms": 1.0}
_ATOM = re.compile(r"\s*\d+\s+(\S+)\s+tau\(\s*\d+\) = \((.*)\)\s*")
_AXIS = re.compile(r"\s*[ab]\([123]\) = \((.*)\)\s*")
_ALAT = re.compile(r"\(\s*alat\s*=\s*(\S+?)\s*\)")


class PrintedGeometry:
    """The geometry that was printed last.

    :ivar numbers: atomic numbers, (n_atoms,).
    :ivar positions: Å, (n_atoms, 3); None: cut, damaged, or of a configuration that is over.
    :ivar cell: rows are lattice vectors in Å; None: cut or damaged.
    """

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.alat = self.n_atoms = self.volume = 0.0
        self.numbers = np.zeros(0, dtype=np.int64)
        self.positions: NDArray[np.float64] | None = None
        self.cell: NDArray[np.float64] | None = None

    @property
    def is_complete(self) -> bool:
        """Return whether all is known, and no new cell was announced that did not come."""
        is_known = self.positions is not None and self.cell is not None and not self.volume
        return is_known and 0 < len(self.numbers) == self.n_atoms

    def read(self, name: str, row: int) -> None:
        """Read what begins at a line.

        :param name: key of :data:`GEOMETRY_MARKS`.
        :raises OutputError: if it is cut or damaged.
        """
        try:
            if name in _NUMBERS:
                words = self.lines[row].partition("=")[2].split()[:1]
                value = float(table([words], (1,), name)[0])
                if not value > 0:
                    raise OutputError(f"{name} is not positive: damaged file")
                setattr(self, name, value * _NUMBERS[name])
            else:
                getattr(self, f"_read_{name}")(row)
        except OutputError:
            setattr(self, "positions" if name in ("sites", "positions") else "cell", None)
            raise

    def _vectors(self, row: int) -> NDArray[np.float64]:
        axes = [_AXIS.fullmatch(line) for line in self.lines[row + 1 : row + 4]]
        return table([axis.group(1).split() for axis in axes if axis], (3, 3), "axes")

    def _read_axes(self, row: int) -> None:
        direct = self._vectors(row)
        if any("reciprocal axes" in line for line in self.lines[row + 5 : row + 6]):
            reciprocal = self._vectors(row + 5)
            error = np.abs(direct @ reciprocal.T - np.eye(3)).max()
            if error > 3e-6 * (np.abs(direct).max() + np.abs(reciprocal).max()):
                raise OutputError("the cell does not belong to the reciprocal one: damaged file")
        self._set_cell(direct * self.alat)

    def _read_cell(self, row: int) -> None:
        rows = [line.split() for line in self.lines[row + 1 : row + 4]]
        self._set_cell(table(rows, (3, 3), "cell parameters") * self._unit(row))

    def _set_cell(self, cell: NDArray[np.float64]) -> None:
        """Take a cell after comparing it with the volume, which is printed before it."""
        volume, self.volume = self.volume, 0.0
        if volume and abs(abs(float(np.linalg.det(cell))) - volume) > 1e-5 * volume + 1e-3:
            raise OutputError("the cell does not have the volume that is printed: damaged file")
        self.cell = cell

    def _read_sites(self, row: int) -> None:
        count = int(self.n_atoms)
        found = [match for line in self.lines[row + 1 : row + 1 + count] if (match := _ATOM.fullmatch(line))]
        self.positions = table([match.group(2).split() for match in found], (count, 3), "positions") * self.alat
        self.numbers = np.array([element(match.group(1)) for match in found], dtype=np.int64)

    def _read_positions(self, row: int) -> None:
        count = len(self.numbers)
        rows = [line.split() for line in self.lines[row + 1 : row + 1 + count]]
        if [element(words[0]) if words else 0 for words in rows] != self.numbers.tolist():
            raise OutputError("positions are cut or damaged")
        values = table([words[1:4] for words in rows], (count, 3), "positions")
        if "crystal" not in self.lines[row]:
            self.positions = values * self._unit(row)
        elif self.cell is not None:
            self.positions = values @ self.cell
        else:
            raise OutputError("positions in a cell that is not known")

    def _unit(self, row: int) -> float:
        """Return the unit in the header of a card, in Å."""
        if match := _ALAT.search(self.lines[row]):
            return float(table([[match.group(1)]], (1,), "lattice parameters")[0]) * BOHR
        for name, value in (("alat", self.alat), ("bohr", BOHR), ("angstrom", 1.0)):
            if f"({name})" in self.lines[row].replace(" ", "").lower():
                return value
        raise OutputError(f"unknown unit in `{self.lines[row].strip()}`")
