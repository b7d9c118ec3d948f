"""Readers of the three tables that a LAMMPS run leaves: log, dump and deviation.

A run may die at any byte. A line counts only with its line end, a frame only with all its lines, and the readers of
dump and deviation stop at the first thing that is not what it should be: what comes after cannot be trusted.
Steps are the keys; a step that is repeated, as at the borders of chunks, counts once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from .input import DUMP_COLUMNS, HALT_MARK, THERMO_COLUMNS

__all__ = ["Dump", "Log", "read_deviation", "read_dump", "read_log"]

_HEADER = list(THERMO_COLUMNS.values())
_ENERGIES = [_HEADER.index(name) - 1 for name in ("PotEng", "KinEng", "TotEng")]
_SAME_ENERGY = 1e-9  # relative: fifteen digits are printed
_TRIPLE = re.compile(r"(?:max|min|avg)_(\w+)")
_HALT = re.compile(re.escape(HALT_MARK) + r" (\d{1,18})$")
_INSANE = re.compile(r"Fix halt condition for fix-id sane met on step (\d{1,18})\b")
_BOX = b"ITEM: BOX BOUNDS xy xz yz"
_ATOMS = b"ITEM: ATOMS " + " ".join(DUMP_COLUMNS).encode()


@dataclass(kw_only=True)
class Log:
    """What the log tells.

    :ivar rows: values of the thermodynamic columns other than the step, by step.
    :ivar errors: lines of LAMMPS' own errors.
    :ivar halt_step: step at which the deviation stopped the run, or None.
    :ivar insane_step: step at which LAMMPS stopped since a quantity left its range, or None.
    """

    rows: dict[int, list[float]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    halt_step: int | None = None
    insane_step: int | None = None


@dataclass(kw_only=True)
class Dump:
    """What the dump holds, in LAMMPS' orientation.

    :ivar steps: steps of the frames.
    :ivar cells: cell vectors in Å, (3, 3) each.
    :ivar values: unwrapped positions in Å and forces in eV/Å, (n_atoms, 6) each.
    :ivar missing_step: first step with fewer atoms than there should be, where reading stopped, or None.
    """

    steps: list[int] = field(default_factory=list)
    cells: list[NDArray[np.float64]] = field(default_factory=list)
    values: list[NDArray[np.float64]] = field(default_factory=list)
    missing_step: int | None = None


def read_log(path: Path) -> Log:
    """Read the thermodynamic rows, the errors and the mark of a stop by deviation.

    A step that goes back tells that one of the two rows is damaged, and nothing tells which.
    """
    log = Log()
    in_table, last = False, -1
    for line in _whole_lines(path):
        words = line.split()
        if line.startswith("ERROR"):
            log.errors.append(line.strip())
        elif match := _HALT.match(line):
            log.halt_step = int(match.group(1))
        elif match := _INSANE.match(line):
            log.insane_step = int(match.group(1))
        elif words[:1] == _HEADER[:1]:
            in_table = words == _HEADER
        elif line.startswith("Loop time"):
            in_table = False
        elif in_table and len(words) == len(_HEADER):
            step = _add_row(log.rows, words)
            if step is not None and step < last:
                _forget(log.rows, step)
                break
            last = last if step is None else step
    return log


def read_deviation(path: Path, column: int) -> dict[int, float]:
    """Return the deviation in eV/Å by step; NaN where every column is zero, since no committee agrees so well.

    :param column: column of the deviation, counted from 0; the first is the step.
    """
    deviation: dict[int, float] = {}
    header: list[str] = []
    for line in _whole_lines(path):
        words = line.split()
        if not words or words[0].startswith("#"):
            header = line.strip("# ").split()[1:] if "max_devi" in line else header
            continue
        try:
            step, values = int(words[0]), [float(word) for word in words[1:]]
            value = values[column - 1] if any(values) else np.nan
        except (ValueError, IndexError):
            break
        if _contradicts(header, values):
            break
        deviation.setdefault(step, value)
    return deviation


def _contradicts(header: list[str], values: list[float]) -> bool:
    """Return whether a deviation is negative, or a mean lies outside smallest and largest one, where the header tells.

    :param header: names of the columns behind the step, such as ``max_devi_f``; empty: there was none.
    """
    if any(value < 0 for value in values):
        return True
    named = dict(zip(header, values, strict=False))
    for name in {match.group(1) for match in map(_TRIPLE.fullmatch, named) if match}:
        low, mean, high = (named.get(f"{kind}_{name}", np.nan) for kind in ("min", "avg", "max"))
        # Printed with seven digits; the mean of the virial is taken in another way and may lie below the smallest.
        if low > high * (1 + 1e-5) or mean > high * (1 + 1e-5):
            return True
    return False


def read_dump(path: Path, n_atoms: int) -> Dump:
    """Read the frames as far as they are whole, and their steps increase.

    :param n_atoms: number of atoms that each frame should have.
    """
    dump = Dump()
    if not path.is_file():
        return dump
    with path.open("rb") as handle:
        for step, count, cell, values in _frames(handle, n_atoms):
            if count < n_atoms:
                dump.missing_step = step
                break
            if dump.steps and step <= dump.steps[-1]:
                _cut(dump, step)
                break
            dump.steps.append(step)
            dump.cells.append(cell)
            dump.values.append(values)
    return dump


def _cut(dump: Dump, first: int) -> None:
    """Take the frames of a step and of all later ones away: of two that differ nothing tells which is whole."""
    kept = sum(step < first for step in dump.steps)
    del dump.steps[kept:], dump.cells[kept:], dump.values[kept:]


def _whole_lines(path: Path) -> list[str]:
    """Return the lines that end properly; none if there is no file."""
    if not path.is_file():
        return []
    return path.read_bytes().decode(errors="replace").split("\n")[:-1]


def _forget(rows: dict[int, list[float]], first: int) -> None:
    """Take the rows of a step and of all later ones away."""
    for step in [step for step in rows if step >= first]:
        del rows[step]


def _add_row(rows: dict[int, list[float]], words: list[str]) -> int | None:
    """Add a row and return its step; a warning, or a row that is damaged, is left out: the step is then absent."""
    try:
        step, values = int(words[0]), [float(word) for word in words[1:]]
    except ValueError:
        return None
    potential, kinetic, total = (values[place] for place in _ENERGIES)
    # What is no number is a failure of the run, and no damage.
    if not abs(potential + kinetic - total) > _SAME_ENERGY * (1 + abs(potential) + abs(kinetic)):
        rows.setdefault(step, values)
    return step


def _frames(handle: BinaryIO, n_atoms: int) -> Iterator[tuple[int, int, NDArray[np.float64], NDArray[np.float64]]]:
    """Yield step, number of atoms, cell and values of each whole frame."""
    while True:
        head = [line.strip() for line in islice(handle, 9)]
        if len(head) < 9 or (head[0], head[2], head[8]) != (b"ITEM: TIMESTEP", b"ITEM: NUMBER OF ATOMS", _ATOMS):
            return
        try:
            step, count = int(head[1]), int(head[3])
            cell = _cell(head[4:8])
            if not 0 <= count <= n_atoms:
                return
            lines = list(islice(handle, count))
            table = np.array(b"".join(lines).split(), dtype=np.float64).reshape(count, len(DUMP_COLUMNS))
        except ValueError:
            return
        whole = len(lines) == count and (not lines or lines[-1].endswith(b"\n"))
        if not whole or (count == n_atoms and not np.array_equal(table[:, 0], np.arange(1, count + 1))):
            return
        yield step, count, cell, table[:, 1:]


def _cell(lines: list[bytes]) -> NDArray[np.float64]:
    """Return the cell vectors from the bounding box that a dump gives for a triclinic one.

    :raises ValueError: if the lines are not those of a triclinic box.
    """
    if not lines[0].startswith(_BOX):
        raise ValueError("not a triclinic box")
    table = np.array([line.split() for line in lines[1:]], dtype=np.float64)
    if table.shape != (3, 3):
        raise ValueError("not a triclinic box")
    (xlo, xhi, xy), (ylo, yhi, xz), (zlo, zhi, yz) = table
    xlo, xhi = xlo - min(0.0, xy, xz, xy + xz), xhi - max(0.0, xy, xz, xy + xz)
    ylo, yhi = ylo - min(0.0, yz), yhi - max(0.0, yz)
    return np.array([[xhi - xlo, 0, 0], [xy, yhi - ylo, 0], [xz, yz, zhi - zlo]])
