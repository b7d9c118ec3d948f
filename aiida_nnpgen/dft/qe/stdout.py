"""Standard output of Quantum ESPRESSO's pw.x."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...common.exceptions import OutputError
from ...common.units import BOHR, HARTREE
from ..label import LabelFailure
from ..reading import DropReason, FileContent, ReadFrame
from ..text import element, table, to_voigt

__all__ = ["read_qe_output"]

_RYDBERG = HARTREE / 2
_ATOM = re.compile(r"\s*(\d+)\s+(\S+)\s+tau\(\s*\d+\) = \((.*)\)\s*")
_AXIS = re.compile(r"\s*a\(([123])\) = \((.*)\)\s*")
_FORCE = re.compile(r"\s*atom\s+(\d+) type\s+\d+\s+force = (.*)")
_ENERGY = re.compile(r"!+\s+total energy\s+=\s+(\S+) Ry\s*")
_TOTAL_FORCE = re.compile(r"\s*Total force =\s+(\S+)\s")
_ALAT = re.compile(r"\(\s*alat\s*=\s*(\S+?)\s*\)")
_KBAR_PER_AU = 147105.0  # kbar in Ry/bohr³, to compare two columns that print the same


@dataclass
class _Scf:
    """What one self-consistent calculation has printed so far."""

    positions: NDArray[np.float64]
    cell: NDArray[np.float64]
    energy: float | None = None
    converged: bool | None = None
    forces: NDArray[np.float64] | None = None
    total_force: float | None = None
    stress: NDArray[np.float64] | None = None
    problem: str = ""


def read_qe_output(path: Path) -> FileContent:
    """Read every self-consistent calculation with the geometry that it was for.

    The line with the exclamation mark is the free energy where levels are smeared. New positions are printed after the
    forces of the old ones. The stress is without the kinetic part of the ions, which is printed apart.

    :raises OutputError: if cell or atoms are missing.
    """
    lines = path.read_bytes().decode("ascii", errors="replace").splitlines()
    content = FileContent()
    reader = _Reader(content, lines)
    reader.run()
    if not content.frames and not content.dropped:
        raise OutputError(f"`{path.name}` has no self-consistent calculation: the file is cut or damaged")
    return content


class _Reader:
    """Goes through the lines once."""

    def __init__(self, content: FileContent, lines: list[str]) -> None:
        self.content, self.lines = content, lines
        self.alat = self.n_atoms = self.volume = 0.0
        self.numbers = np.zeros(0, dtype=np.int64)
        self.cell: NDArray[np.float64] | None = None
        self.positions: NDArray[np.float64] | None = None
        self.scf: _Scf | None = None
        self.index = 0

    def run(self) -> None:
        for place, line in enumerate(self.lines):
            try:
                self._look(place, line)
            except (OutputError, np.linalg.LinAlgError) as exception:
                if self.scf is not None:
                    self.scf.problem = self.scf.problem or str(exception)
                self.positions = None
        self._flush(at_end=True)

    def _look(self, place: int, line: str) -> None:
        if "celldm(1)=" in line:
            self.alat = float(table([line.split()[1:2]], (1,), "lattice parameters")[0]) * BOHR
        elif "unit-cell volume          =" in line:
            self.volume = float(table([line.split()[3:4]], (1,), "volumes")[0]) * BOHR**3
        elif "number of atoms/cell" in line:
            self.n_atoms = float(table([line.split()[-1:]], (1,), "numbers of atoms")[0])
        elif "crystal axes: (cart. coord. in units of alat)" in line:
            self._flush()
            self._read_axes(place)
        elif line.strip().startswith("site n.") and "alat units" in line:
            self._read_sites(place)
        elif line.startswith("CELL_PARAMETERS"):
            self._flush()
            rows = [row.split() for row in self.lines[place + 1 : place + 4]]
            self.cell = None
            self.cell = table(rows, (3, 3), "cell parameters") * self._unit(line)
        elif line.startswith("ATOMIC_POSITIONS"):
            self._flush()
            self._read_positions(place, line)
        elif line.strip() == "Self-consistent Calculation":
            self._begin()
        elif self.scf is not None:
            self._look_for_labels(self.scf, place, line)

    def _begin(self) -> None:
        self._flush()
        if self.positions is None or self.cell is None or not len(self.numbers) or len(self.numbers) != self.n_atoms:
            self.content.drop(self.index, DropReason.UNREADABLE, "the geometry is cut or damaged")
            self.index += 1
            return
        self.scf = _Scf(self.positions, self.cell)

    def _look_for_labels(self, scf: _Scf, place: int, line: str) -> None:
        if line.startswith("!"):
            match = _ENERGY.fullmatch(line)
            scf.energy = float(table([[match.group(1) if match else "?"]], (1,), "energies")[0]) * _RYDBERG
        elif "convergence has been achieved" in line:
            scf.converged = scf.converged is not False
        elif "convergence NOT achieved" in line:
            scf.converged = False
        elif line.strip().startswith("Forces acting on atoms") and scf.forces is None:
            found = [_FORCE.fullmatch(row) for row in self.lines[place + 1 : place + 2 + len(self.numbers)]]
            rows = [match for match in found if match]
            if [int(match.group(1)) for match in rows] != list(range(1, len(self.numbers) + 1)):
                raise OutputError("forces are cut or damaged")
            forces = table([match.group(2).split() for match in rows], (len(rows), 3), "forces")
            scf.forces = forces * _RYDBERG / BOHR
        elif "Total force =" in line and scf.forces is not None:
            match = _TOTAL_FORCE.match(line)
            printed = float(table([[match.group(1) if match else "?"]], (1,), "total forces")[0]) * _RYDBERG / BOHR
            if abs(printed - float(np.linalg.norm(scf.forces))) > 1e-4 * max(1.0, printed):
                raise OutputError("the forces do not sum to the total force that is printed: damaged file")
            scf.total_force = printed
        elif "total   stress  (Ry/bohr**3)" in line:
            values = table([row.split() for row in self.lines[place + 1 : place + 4]], (3, 6), "stresses")
            if not np.allclose(values[:, :3] * _KBAR_PER_AU, values[:, 3:], rtol=1e-3, atol=0.02):
                raise OutputError("the stress in Ry/bohr³ and in kbar are not the same: damaged file")
            scf.stress = -to_voigt(values[:, :3]) * _RYDBERG / BOHR**3

    def _read_axes(self, place: int) -> None:
        """Read the cell, whose volume is printed before it."""
        self.cell = None
        axes = [_AXIS.fullmatch(row) for row in self.lines[place + 1 : place + 4]]
        cell = table([axis.group(2).split() for axis in axes if axis], (3, 3), "crystal axes") * self.alat
        if abs(abs(float(np.linalg.det(cell))) - self.volume) > 1e-5 * self.volume + 1e-3:
            raise OutputError("the cell does not have the volume that is printed: damaged file")
        self.cell = cell

    def _read_sites(self, place: int) -> None:
        self._flush()
        self.positions = None
        count = int(self.n_atoms)
        rows = [_ATOM.fullmatch(row) for row in self.lines[place + 1 : place + 1 + count]]
        found = [row for row in rows if row]
        self.numbers = np.array([element(row.group(2)) for row in found], dtype=np.int64)
        self.positions = table([row.group(3).split() for row in found], (count, 3), "positions") * self.alat

    def _read_positions(self, place: int, line: str) -> None:
        self.positions = None
        count = len(self.numbers)
        rows = [row.split() for row in self.lines[place + 1 : place + 1 + count]]
        if [element(row[0]) if row else 0 for row in rows] != self.numbers.tolist():
            raise OutputError("positions are cut or damaged")
        values = table([row[1:4] for row in rows], (count, 3), "positions")
        if "crystal" in line:
            if self.cell is None:
                raise OutputError("positions in a cell that is not known")
            self.positions = values @ self.cell
        else:
            self.positions = values * self._unit(line)

    def _unit(self, line: str) -> float:
        """Return the unit in the header of a card, in Å."""
        if match := _ALAT.search(line):
            return float(table([[match.group(1)]], (1,), "lattice parameters")[0]) * BOHR
        for name, value in (("alat", self.alat), ("bohr", BOHR), ("angstrom", 1.0)):
            if f"({name})" in line.replace(" ", "").lower():
                return value
        raise OutputError(f"unknown unit in `{line.strip()}`")

    def _flush(self, at_end: bool = False) -> None:
        """Add the present calculation, or the reason why it is no label."""
        scf, self.scf = self.scf, None
        if scf is None:
            return
        index, self.index = self.index, self.index + 1
        if scf.problem:
            self.content.drop(index, DropReason.UNREADABLE, scf.problem)
        elif scf.converged is False:
            self.content.drop(index, LabelFailure.NOT_CONVERGED, "the self-consistent field has not converged")
        elif scf.energy is None or not scf.converged or (scf.forces is not None and scf.total_force is None):
            where = "the file ends within the calculation" if at_end else "the calculation is incomplete"
            self.content.drop(index, DropReason.UNREADABLE, where)
        else:
            self.content.frames.append(
                ReadFrame(
                    index=index,
                    numbers=self.numbers,
                    positions=scf.positions,
                    cell=scf.cell,
                    energy=scf.energy,
                    forces=scf.forces,
                    stress=scf.stress,
                )
            )
