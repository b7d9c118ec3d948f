"""What the standard output of CP2K says before the first energy: kind of run, atoms and cell."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from ase.geometry import cellpar_to_cell
from numpy.typing import NDArray

from ...common.exceptions import OutputError
from ..text import element, table

__all__ = ["CELL_ROUNDING", "Cp2kHead", "parse_head"]

_PROJECT = re.compile(r"^ GLOBAL\| Project name +(\S+)$", re.MULTILINE)
_RUN_TYPE = re.compile(r"^ GLOBAL\| Run type +(\S+)$", re.MULTILINE)
_PERIODIC = re.compile(r"^ (?:CELL|POISSON)\| Periodicity +(\S+)$", re.MULTILINE)
_VECTOR = re.compile(r"^ CELL\| Vector ([abc]) \[angstrom\]:? +(\S+) +(\S+) +(\S+) +\|[abc]\| = +(\S+)$", re.MULTILINE)
_ANGLE = re.compile(r"^ CELL\| Angle \([abc],[abc]\), (alpha|beta|gamma) +\[degree\]:? +(\S+)$", re.MULTILINE)
_ATOMS = re.compile(
    r"^ MODULE QUICKSTEP: +ATOMIC COORDINATES IN ANGSTROM\n\n +Atom .*\n\n?((?: +\d.*\n)+)",
    re.MULTILINE | re.IGNORECASE,
)
_FIXED_CELL = ("", "ISOKIN", "LANGEVIN", "NVE", "NVT", "NVT_ADIABATIC")
CELL_ROUNDING = 6e-4
"""Largest difference in Å between a cell and its vectors as the standard output gives them, with three decimals."""


@dataclass(frozen=True, kw_only=True)
class Cp2kHead:
    """What a run began with.

    :ivar project: first part of the names of all other files.
    :ivar positions: Å, six decimals, (n_atoms, 3).
    :ivar cell: Å, rows are lattice vectors, (3, 3).
    :ivar cell_is_exact: to six decimals; otherwise to three.
    :ivar moves_cell: the run changes the cell.
    :ivar periodic: in three directions.
    """

    project: str
    is_single_point: bool
    numbers: NDArray[np.int64]
    positions: NDArray[np.float64]
    cell: NDArray[np.float64]
    cell_is_exact: bool
    moves_cell: bool
    periodic: bool


def parse_head(text: str, ensemble: str) -> Cp2kHead:
    """Parse the text before the first energy; of two starts in one file the second one counts.

    :param ensemble: of dynamics; empty where there is none.
    :raises OutputError: if atoms or cell are missing or damaged.
    """
    numbers, positions = _atoms(text)
    cell, is_exact = _cell(text)
    project, run_type, periodic = (pattern.findall(text) or [""] for pattern in (_PROJECT, _RUN_TYPE, _PERIODIC))
    return Cp2kHead(
        project=project[-1],
        is_single_point=run_type[-1] in ("ENERGY", "ENERGY_FORCE"),
        numbers=numbers,
        positions=positions,
        cell=cell,
        cell_is_exact=is_exact,
        moves_cell=ensemble not in _FIXED_CELL or run_type[-1] == "CELL_OPT",
        periodic=periodic[-1] == "XYZ",
    )


def _atoms(text: str) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return atomic numbers and positions of the table with number, kind, element, atomic number, x, y, z, ..."""
    tables = _ATOMS.findall(text)
    rows = [row.split() for row in tables[-1].splitlines()] if tables else []
    if not rows or [row[0] for row in rows] != [str(number) for number in range(1, len(rows) + 1)]:
        raise OutputError("the log of CP2K has no whole table of atoms: it is cut or damaged")
    numbers = [element("".join(row[2:3])) for row in rows]
    if [row[3:4] for row in rows] != [[str(number)] for number in numbers]:
        raise OutputError("elements and atomic numbers in the log of CP2K do not fit: damaged file")
    positions = table([row[4:7] for row in rows], (len(rows), 3), "positions in the log of CP2K")
    return np.array(numbers, dtype=np.int64), positions


def _check_cell(vectors: NDArray[np.float64], lengths: NDArray[np.float64], angles: NDArray[np.float64]) -> None:
    """Compare vectors with the lengths and angles that are printed beside them.

    :raises OutputError: if they differ by more than the digits of the vectors allow.
    """
    norms = np.linalg.norm(vectors, axis=1)
    if np.abs(norms - lengths).max() > 2.5 * CELL_ROUNDING:
        raise OutputError("the cell vectors in the log of CP2K do not have their lengths: damaged file")
    cosines = (vectors @ vectors.T / np.outer(norms, norms))[[1, 0, 0], [2, 2, 1]]
    if np.abs(cosines - np.cos(np.radians(angles))).max() > 4 * CELL_ROUNDING / norms.min():
        raise OutputError("the cell vectors in the log of CP2K do not have their angles: damaged file")


def _cell(text: str) -> tuple[NDArray[np.float64], bool]:
    """Return the cell, and whether it is exact.

    Vectors are printed with three decimals; lengths and angles with six, up to version 7.1 with three.
    """
    vectors, angles = _VECTOR.findall(text)[-3:], _ANGLE.findall(text)[-3:]
    if [row[0] for row in vectors] != list("abc") or [row[0] for row in angles] != ["alpha", "beta", "gamma"]:
        raise OutputError("the log of CP2K has no cell: it is cut or damaged")
    printed = table([row[1:4] for row in vectors], (3, 3), "cell vectors of CP2K")
    lengths = table([[row[4] for row in vectors]], (3,), "cell lengths of CP2K")
    corners = table([[row[1] for row in angles]], (3,), "cell angles of CP2K")
    _check_cell(printed, lengths, corners)
    has_digits = all(len(row[4].partition(".")[2]) >= 6 for row in vectors)
    standard = np.asarray(cellpar_to_cell([*lengths, *corners]), dtype=np.float64)
    if np.abs(standard - printed).max() < CELL_ROUNDING:
        return np.where(np.abs(standard) < 1e-6, 0.0, standard), has_digits
    return printed, has_digits and bool(np.abs(np.linalg.norm(printed, axis=1) - lengths).max() < 2e-6)
