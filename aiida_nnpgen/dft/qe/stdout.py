"""Standard output of Quantum ESPRESSO's pw.x."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...common.exceptions import OutputError
from ...common.units import BOHR, RYDBERG
from ...common.voigt import checked_voigt
from ..label import LabelFailure, RefusedLabelError
from ..reading import DropReason, FileContent, Reading
from ..text import table
from .geometry import GEOMETRY_MARKS, PrintedGeometry

__all__ = ["QeOutput", "read_error", "read_qe_output"]

_KBAR_PER_AU = 147105.0  # kbar in Ry/bohr³, to compare two columns that print the same
_ERROR = re.compile(r"^ *%{20,} *\n(.*?)^ *%{20,} *$", re.MULTILINE | re.DOTALL)
_FORCE = re.compile(r"\s*atom\s+(\d+) type\s+\d+\s+force = (.*)")
_ENERGY = re.compile(r"!+\s+total energy\s+=\s+(\S+) Ry\s*")
_TERM = re.compile(r" +(\S.*?) += +(-?\d+\.\d{8}) Ry *")
_TERMS = {
    "one-electron contribution",
    "hartree contribution",
    "xc contribution",
    "ewald contribution",
    "smearing contrib. (-TS)",
    "Hubbard energy",
    "Dispersion Correction",
    "DFT-D3 Dispersion",
}
"""Parts of the energy that are known to add up; with any other, nothing is compared."""
_TERM_ROUNDING = 1e-8  # Ry: eight decimals
_PRESSURE = re.compile(r"P= *(-?\d+\.\d\d) *$")
_ORDER = re.compile(r"^ +(?:(Program PWSCF)|Entering Dynamics: +iteration += +(\d+) *$)")
_LARGEST_TOTAL_FORCE = 30.0  # Ry/bohr, beyond which no sum is looked for: the time grows with it
_TOTAL_FORCE = re.compile(r"\s*Total force =\s+(\S+)\s")
_LABEL_MARKS = {
    "begin": r" +Self-consistent Calculation *$",
    "energy": "!",
    "terms": r" +The total energy is (?:the|F=E-TS\. E is the) sum of the following terms:",
    "convergence": r" +convergence (?:has been|NOT) achieved",
    "forces": " +Forces acting on atoms",
    "total_force": " +Total force =",
    "stress": r" +total   stress  \(Ry/bohr\*\*3\)",
}
_MARK = re.compile("|".join(f"(?P<{name}>{mark})" for name, mark in {**GEOMETRY_MARKS, **_LABEL_MARKS}.items()))


def read_error(text: str) -> str | None:
    """Return the message between the lines of percent signs with which pw.x stops, in one line; None if there is none.

    :param text: the file CRASH, or the standard output.
    """
    match = _ERROR.search(text)
    words = match.group(1).split() if match else []
    return " ".join(words)[:300] or None


@dataclass
class QeOutput(FileContent):
    """What the standard output says.

    :ivar following: positions in Å to which the atoms went from the last configuration that is whole, (n_atoms, 3).
    """

    following: NDArray[np.float64] | None = None


def read_qe_output(path: Path) -> QeOutput:
    """Read every configuration that was computed, with the geometry that it was for.

    The line with the exclamation mark is the free energy where levels are smeared. New positions are printed after the
    forces of the old ones. The stress is without the kinetic part of the ions, which is printed apart.

    :raises OutputError: if there is no self-consistent calculation.
    """
    reader = _Reader(path.read_bytes().decode("ascii", errors="replace").splitlines())
    reader.run()
    if not reader.content.frames and not reader.content.dropped:
        raise OutputError(f"`{path.name}` has no self-consistent calculation: the file is cut or damaged")
    reader.content.following = reader.geometry.positions
    return reader.content


@dataclass
class _Scf:
    """What the calculation of one configuration has printed so far; forces in Ry/bohr, eV and eV/Å³ otherwise.

    :ivar terms: what is wrong with the parts of the energy.
    """

    problem: str
    reason: str = DropReason.UNREADABLE
    energy: float | None = None
    converged: bool | None = None
    forces: NDArray[np.float64] | None = None
    total_force: float | None = None
    stress: NDArray[np.float64] | None = None
    terms: str = ""


class _Reader:
    """Goes through the lines once."""

    def __init__(self, lines: list[str]) -> None:
        self.content, self.lines, self.geometry = QeOutput(), lines, PrintedGeometry(lines)
        self.scf: _Scf | None = None
        self.index = 0
        self.in_order = _is_in_order(lines)

    def run(self) -> None:
        for row, line in enumerate(self.lines):
            mark = _MARK.match(line)
            name = mark.lastgroup if mark else None
            try:
                if name in GEOMETRY_MARKS:
                    self._end()
                    self.geometry.read(name, row)
                elif name == "begin":
                    self._begin()
                elif name is not None and self.scf is not None:
                    getattr(self, f"_read_{name}")(self.scf, row)
            except OutputError as exception:
                if self.scf is not None and not self.scf.problem:
                    self.scf.problem = str(exception)
                    self.scf.reason = getattr(exception, "reason", self.scf.reason)
        self._end("the file ends within the calculation")

    def _begin(self) -> None:
        """Begin a configuration; with exact exchange several calculations come before its forces."""
        if self.scf is not None and self.scf.forces is None:
            self.scf.energy, self.scf.converged = None, False if self.scf.converged is False else None
            return
        if self.scf is not None:
            self._end()
            self.geometry.positions = None  # new ones should have come after the forces
        self.scf = _Scf("" if self.geometry.is_complete else "the geometry is cut or damaged")

    def _read_energy(self, scf: _Scf, row: int) -> None:
        match = _ENERGY.fullmatch(self.lines[row])
        scf.energy = float(_numbers([[match.group(1) if match else "?"]], (1,), "energies")[0]) * RYDBERG

    def _read_terms(self, scf: _Scf, row: int) -> None:
        """Compare the energy with the sum of its parts; with smearing, they make the internal energy without -TS."""
        found = [_TERM.fullmatch(line) for line in self.lines[row + 1 : row + 20]]
        count = next((place for place, match in enumerate(found) if match is None), 0)
        terms = {match.group(1): float(match.group(2)) for match in found[:count] if match}
        if scf.energy is None or not terms or not _TERMS.issuperset(terms):
            return
        before = (_TERM.fullmatch(line) for line in self.lines[max(0, row - 6) : row])
        smearing = {match.group(1): float(match.group(2)) for match in before if match}.get("smearing contrib. (-TS)")
        total = sum(terms.values()) + (0.0 if "smearing contrib. (-TS)" in terms else smearing or 0.0)
        if abs(total * RYDBERG - scf.energy) > _TERM_ROUNDING * (len(terms) + 2) * RYDBERG:
            scf.terms = "the parts of the energy do not sum to it: damaged file"

    def _read_convergence(self, scf: _Scf, row: int) -> None:
        scf.converged = scf.converged is not False and "NOT" not in self.lines[row]

    def _read_forces(self, scf: _Scf, row: int) -> None:
        if scf.forces is not None:
            return
        count = len(self.geometry.numbers)
        found = [match for line in self.lines[row + 1 : row + 2 + count] if (match := _FORCE.fullmatch(line))]
        if [int(match.group(1)) for match in found] != list(range(1, count + 1)):
            raise OutputError("forces are cut or damaged")
        scf.forces = _numbers([match.group(2).split() for match in found], (count, 3), "forces")

    def _read_total_force(self, scf: _Scf, row: int) -> None:
        if scf.forces is None:
            return
        match = _TOTAL_FORCE.match(self.lines[row])
        printed = float(table([[match.group(1) if match else "?"]], (1,), "total forces")[0])
        difference = abs(printed - float(np.linalg.norm(scf.forces)))
        if difference > 1e-4 * max(BOHR / RYDBERG, printed) and not _is_norm_of_part(scf.forces, printed):
            raise OutputError("the forces do not sum to the total force that is printed: damaged file")
        scf.total_force = printed

    def _read_stress(self, scf: _Scf, row: int) -> None:
        values = _numbers([line.split() for line in self.lines[row + 1 : row + 4]], (3, 6), "stresses")
        if not np.allclose(values[:, :3] * _KBAR_PER_AU, values[:, 3:], rtol=1e-3, atol=0.02):
            raise OutputError("the stress in Ry/bohr³ and in kbar are not the same: damaged file")
        pressure = _PRESSURE.search(self.lines[row])
        if pressure and abs(float(pressure.group(1)) - np.trace(values[:, 3:]) / 3) > 0.02:
            raise OutputError("the stress does not have the pressure that is printed: damaged file")
        scf.stress = -checked_voigt(values[:, :3]) * RYDBERG / BOHR**3

    def _end(self, missing: str = "the calculation is incomplete") -> None:
        """Add the present configuration, or the reason why it is no label."""
        scf, self.scf = self.scf, None
        if scf is None:
            return
        index, self.index = self.index, self.index + 1
        positions, cell = self.geometry.positions, self.geometry.cell
        if scf.problem or positions is None or cell is None:
            self.content.drop(index, scf.reason, scf.problem)
        elif scf.converged is False:
            self.content.drop(index, LabelFailure.NOT_CONVERGED, "the self-consistent field has not converged")
        elif scf.terms:
            self.content.drop(index, DropReason.UNREADABLE, scf.terms)
        elif index and not self.in_order:
            self.content.drop(index, DropReason.UNREADABLE, "the steps of the dynamics are not in order: damaged file")
        elif scf.energy is None or not scf.converged or (scf.forces is not None and scf.total_force is None):
            self.content.drop(index, DropReason.UNREADABLE, missing)
        else:
            forces = None if scf.forces is None else scf.forces * RYDBERG / BOHR
            what: dict[str, Any] = {"numbers": self.geometry.numbers, "positions": positions, "cell": cell}
            labels: dict[str, Any] = {"energy": scf.energy, "forces": forces, "stress": scf.stress}
            self.content.frames.append(Reading(index=index, **what, **labels))


def _is_in_order(lines: list[str]) -> bool:
    """Return whether each step of a dynamics follows the one before; a run that goes on begins anywhere."""
    last = None
    for match in filter(None, map(_ORDER.match, lines)):
        step = None if match.group(1) else int(match.group(2)[:9])
        if last is not None and step is not None and step != last + 1:
            return False
        last = step
    return True


def _numbers(rows: list[list[str]], shape: tuple[int, ...], what: str) -> NDArray[np.float64]:
    """Return words as numbers, with a reason of its own for what went wrong in the calculation itself."""
    if any(word.lower().strip("+-") in ("nan", "inf", "infinity") for words in rows for word in words):
        raise RefusedLabelError(LabelFailure.NOT_FINITE, f"{what} hold NaN or infinity")
    return table(rows, shape, what)


def _is_norm_of_part(forces: NDArray[np.float64], printed: float) -> bool:
    """Return whether a total force in Ry/bohr can be that of some components, the others being those of fixed atoms.

    pw.x takes the net force away before it leaves fixed components out of the sum: all of them sum to zero.
    """
    if np.abs(forces.sum(axis=0)).max() > 1e-8 * len(forces) or not 0 <= printed < _LARGEST_TOTAL_FORCE:
        return False
    unit = 1e-6 * max(printed, 1e-6)  # of squares: what six decimals of the norm are good for
    squares = [round(square / unit) for square in forces[forces != 0] ** 2]
    target, margin = round(printed**2 / unit), 2 + len(squares) // 2
    sums = 1  # bit n: some of the squares sum to n
    for square in squares:
        if square > target + margin:
            continue  # it is none of them
        sums |= (sums << square) & ((2 << (target + margin)) - 1)
    return sums >> max(0, target - margin) != 0
