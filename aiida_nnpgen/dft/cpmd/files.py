"""The files that CPMD appends to in a dynamics: (F)TRAJECTORY, ENERGIES, STRESS. Values in atomic units and kbar.

A restart appends, and a step that was already there is written again: the later one counts, in every file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...common.exceptions import OutputError
from ..text import read_text
from .log import NUMBER

__all__ = ["Records", "read_energies", "read_stresses", "read_trajectory"]

_NUMBER = re.compile(NUMBER)
_NEW_DATA = "<<<<<<  NEW DATA  >>>>>>"
_COLUMNS = {8: (2, 3), 6: (1, 2)}
"""Columns of temperature and energy in ENERGIES by their number: six where orbitals come from a diagonalisation."""


@dataclass(frozen=True)
class Records:
    """What one file holds.

    :ivar values: array of each step, in the order of the steps.
    :ivar breaks: steps after which a restart began.
    :ivar cut: the file ends within a record.
    """

    values: dict[int, NDArray[np.float64]]
    breaks: frozenset[int]
    cut: bool


def read_trajectory(path: Path, n_atoms: int, n_columns: int) -> Records:
    """Read TRAJECTORY (6 columns: positions, velocities) or FTRAJECTORY (9: forces, too), each (n_atoms, n_columns).

    :raises OutputError: if the file is missing, empty or damaged.
    """
    lines, cut = _lines(path)
    values: dict[int, NDArray[np.float64]] = {}
    breaks: set[int] = set()
    block: list[list[str]] = []
    for number, line in enumerate(lines, 1):
        if _NEW_DATA in line:
            # A frame that was being written when the run was killed is not in the trajectory.
            block = []
            breaks.update(list(values)[-1:])
            continue
        words = line.split()
        if len(words) != n_columns + 1 or (block and words[0] != block[0][0]) or not _are_numbers(words):
            raise _damaged(path, number)
        block.append(words)
        if len(block) == n_atoms:
            _add(values, int(words[0]), [row[1:] for row in block])
            block = []
    return Records(_sorted(values), frozenset(breaks), cut or bool(block))


def read_energies(path: Path) -> Records:
    """Read temperature (K) and potential energy (Ha) of each step from ENERGIES.

    :raises OutputError: if the file is missing, empty or damaged.
    """
    lines, cut = _lines(path)
    values: dict[int, NDArray[np.float64]] = {}
    for number, line in enumerate(lines, 1):
        words = line.split()
        if len(words) not in _COLUMNS or not _are_numbers(words):
            raise _damaged(path, number)
        _add(values, int(words[0]), [words[column] for column in _COLUMNS[len(words)]])
    return Records(_sorted(values), frozenset(), cut)


def read_stresses(path: Path) -> Records:
    """Read STRESS, each (3, 3) in kbar, pressure positive, with the kinetic part of the ions.

    :raises OutputError: if the file is missing, empty or damaged.
    """
    lines, cut = _lines(path)
    values: dict[int, NDArray[np.float64]] = {}
    for start in range(0, len(lines), 4):
        header = re.fullmatch(r"\s*TOTAL STRESS TENSOR \(kB\): Step:\s+(\d+)\s*", lines[start])
        rows = [line.split() for line in lines[start + 1 : start + 4]]
        if header is None:
            raise _damaged(path, start + 1)
        if len(rows) < 3:
            cut = True
            break
        if any(len(row) != 3 or not all(map(_NUMBER.fullmatch, row)) for row in rows):
            raise _damaged(path, start + 2)
        _add(values, int(header.group(1)), rows)
        tensor = values[int(header.group(1))]
        if not np.allclose(tensor, tensor.T, rtol=0, atol=1e-6):
            raise OutputError(f"the stress of step `{header.group(1)}` in `{path.name}` is not symmetric: damaged file")
    return Records(_sorted(values), frozenset(), cut)


def _lines(path: Path) -> tuple[list[str], bool]:
    """Return the complete lines, and whether an incomplete one follows."""
    *lines, rest = read_text(path).split("\n")
    return lines, bool(rest)


def _are_numbers(words: list[str]) -> bool:
    return re.fullmatch(r"\d+", words[0]) is not None and all(map(_NUMBER.fullmatch, words[1:]))


def _add(values: dict[int, NDArray[np.float64]], step: int, words: list[list[str]] | list[str]) -> None:
    array = np.array(words, dtype=np.float64)
    values.pop(step, None)
    values[step] = array


def _sorted(values: dict[int, NDArray[np.float64]]) -> dict[int, NDArray[np.float64]]:
    return {step: values[step] for step in sorted(values)}


def _damaged(path: Path, number: int) -> OutputError:
    return OutputError(f"line {number} of `{path.name}` is not what CPMD writes there: the file is damaged")
