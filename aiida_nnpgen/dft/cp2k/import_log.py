"""What the log of CP2K says: atoms, cell, and the result of every self-consistent calculation."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np
from ase.geometry import cellpar_to_cell
from numpy.typing import NDArray

from ...common.exceptions import OutputError
from ...common.units import BAR, GPA
from ..text import element, table, to_voigt

__all__ = ["Cp2kLog", "Cp2kResult", "parse_cp2k_log"]

_ENERGY = re.compile(r" ENERGY\| Total FORCE_EVAL \( QS \) energy \[(?:a\.u\.|hartree)\]:?\s+(\S+)\s*")
_VECTOR = re.compile(r" CELL\| Vector ([abc]) \[angstrom\]:?\s+(.*?)\s+\|[abc]\| =\s+(\S+)\s*")
_ANGLE = re.compile(r" CELL\| Angle \([abc],[abc]\), (alpha|beta|gamma)\s+\[degree\]:?\s+(\S+)\s*")
_STRESS = re.compile(r" STRESS\| Analytical stress tensor \[(GPa|bar)\]\s*")
_STRESS_ROW = re.compile(r" STRESS\|\s+[xyz]\s+(.*)")
_FORCE_ROW = re.compile(r"(?: FORCES\|)?\s+(\d+)\s+(?:\d+\s+[A-Za-z]\w*\s+)?([-+.\deE ]+?)\s*")
_COORDINATE = re.compile(r"\s+(\d+)\s+\d+\s+(\S+)\s+(\d+)((?:\s+\S+){3})\s+\S+\s+\S+\s*")
_STRESS_UNITS = {"GPa": GPA, "bar": BAR}
_CELL_DECIMALS = 6e-4
_SUM_TOLERANCE = 2e-7  # Ha/bohr and atom: eight decimals


@dataclass
class Cp2kResult:
    """One self-consistent calculation.

    :ivar energy: Ha.
    :ivar converged: None if the log does not say.
    :ivar forces: Ha/bohr, (n_atoms, 3), or None.
    :ivar stress: eV/Å³, tension positive, without the kinetic part of the ions, (6,), or None.
    """

    energy: float
    converged: bool | None
    forces: NDArray[np.float64] | None = None
    stress: NDArray[np.float64] | None = None
    problem: str = ""


@dataclass
class Cp2kLog:
    """Contents of a log.

    :ivar positions: Å, six decimals, at the start, (n_atoms, 3).
    :ivar cell: Å, at the start, (3, 3).
    :ivar periodic: in three directions.
    :ivar moves_cell: the run changes the cell.
    """

    project: str = ""
    run_type: str = ""
    numbers: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    positions: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 3)))
    cell: NDArray[np.float64] = field(default_factory=lambda: np.zeros((3, 3)))
    periodic: bool = False
    moves_cell: bool = False
    results: list[Cp2kResult] = field(default_factory=list)


def parse_cp2k_log(text: str) -> Cp2kLog:
    """Parse a log of CP2K.

    :raises OutputError: if atoms or cell are missing or damaged.
    """
    log, lines = Cp2kLog(), text.splitlines()
    converged: bool | None = None
    for place, line in enumerate(lines):
        if line.startswith(" GLOBAL| Project name"):
            log.project = line.split()[-1]
        elif line.startswith(" GLOBAL| Run type"):
            log.run_type = line.split()[-1]
        elif line.startswith(" CELL| Periodicity"):
            log.periodic = line.split()[-1] == "XYZ"
        elif "Ensemble" in line and "NP" in line.split()[-1]:
            log.moves_cell = True
        elif "MODULE QUICKSTEP: ATOMIC COORDINATES IN ANGSTROM" in line.upper() and not len(log.numbers):
            log.numbers, log.positions = _atoms(lines[place + 1 :])
        elif "*** SCF run converged" in line:
            converged = True
        elif "SCF run NOT converged" in line or "outer SCF loop FAILED" in line:
            converged = False
        elif match := _ENERGY.fullmatch(line):
            energy = float(table([[match.group(1)]], (1,), "energies of CP2K")[0])
            log.results.append(Cp2kResult(energy, converged))
            converged = None
        elif log.results:
            _add_labels(log.results[-1], lines, place, len(log.numbers))
    log.moves_cell = log.moves_cell or log.run_type == "CELL_OPT"
    log.cell = _cell(lines)
    if not len(log.numbers):
        raise OutputError("the log of CP2K has no table of atoms: it is cut")
    return log


def _add_labels(result: Cp2kResult, lines: list[str], place: int, n_atoms: int) -> None:
    line = lines[place]
    try:
        if "ATOMIC FORCES in [a.u.]" in line or "FORCES| Atomic forces [hartree/bohr]" in line:
            result.forces = _forces(lines[place + 1 :], n_atoms)
        elif match := _STRESS.fullmatch(line):
            rows = [_STRESS_ROW.fullmatch(row) for row in lines[place + 2 : place + 5]]
            values = table([row.group(1).split() for row in rows if row], (3, 3), "stresses of CP2K")
            result.stress = -to_voigt(values) * _STRESS_UNITS[match.group(1)]
    except OutputError as exception:
        result.problem = str(exception)


def _forces(lines: list[str], n_atoms: int) -> NDArray[np.float64]:
    """Return the forces in Ha/bohr; their sum is printed below them."""
    rows: list[list[str]] = []
    for line in lines[: n_atoms + 6]:
        if "SUM OF ATOMIC FORCES" in line or line.startswith(" FORCES| Sum"):
            break
        match = _FORCE_ROW.fullmatch(line)
        if match and int(match.group(1)) == len(rows) + 1:
            rows.append(match.group(2).split()[:3])
    else:
        raise OutputError("the forces of CP2K are cut")
    forces = table(rows, (n_atoms, 3), "forces of CP2K")
    words = line.split("FORCES| Sum" if "FORCES|" in line else "FORCES")[1].split()[:3]
    if np.abs(table([words], (3,), "sums of forces") - forces.sum(axis=0)).max() > _SUM_TOLERANCE * (1 + n_atoms):
        raise OutputError("the forces of CP2K do not add up to the sum that is printed: damaged file")
    return forces


def _atoms(lines: list[str]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    rows: list[re.Match[str]] = []
    for line in lines:
        match = _COORDINATE.fullmatch(line)
        if match and int(match.group(1)) == len(rows) + 1:
            rows.append(match)
        elif rows:
            break
    numbers = np.array([element(row.group(2)) for row in rows], dtype=np.int64)
    if [int(row.group(3)) for row in rows] != numbers.tolist():
        raise OutputError("elements and atomic numbers in the log of CP2K do not fit: damaged file")
    return numbers, table([row.group(4).split() for row in rows], (len(rows), 3), "positions in the log of CP2K")


def _cell(lines: list[str]) -> NDArray[np.float64]:
    """Return the cell: its vectors are printed with three decimals, lengths and angles with six.

    :raises OutputError: if it is missing, or not known better than to three decimals.
    """
    vectors, lengths, angles = {}, {}, {}
    for line in lines:
        if match := _VECTOR.fullmatch(line):
            vectors[match.group(1)] = table([match.group(2).split()], (3,), "cell vectors of CP2K")
            lengths[match.group(1)] = float(table([[match.group(3)]], (1,), "cell lengths of CP2K")[0])
        elif match := _ANGLE.fullmatch(line):
            angles[match.group(1)] = float(table([[match.group(2)]], (1,), "cell angles of CP2K")[0])
    if len(vectors) != 3 or len(angles) != 3:
        raise OutputError("the log of CP2K has no cell: it is cut")
    printed = np.array([vectors[name] for name in "abc"])
    sizes = np.array([lengths[name] for name in "abc"])
    standard = cellpar_to_cell([*sizes, *(angles[name] for name in ("alpha", "beta", "gamma"))])
    if np.abs(standard - printed).max() < _CELL_DECIMALS:
        return np.asarray(np.where(np.abs(standard) < 1e-6, 0.0, standard), dtype=np.float64)
    if np.abs(np.linalg.norm(printed, axis=1) - sizes).max() < 2e-6:
        return printed
    raise OutputError("the log of CP2K gives this cell with three decimals only: print the cell to a file beside it")
