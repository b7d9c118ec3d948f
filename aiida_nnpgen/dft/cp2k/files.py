"""The files of CP2K with one record per step: trajectories, cells, energies. A damaged record is left out."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Snapshot", "read_table", "read_xyz"]

_NUMBER = r"-?\d+\.\d+(?:E[-+]\d\d)?"
_HEADER = re.compile(rf" i = +(\d+), time = +{_NUMBER}, E = +({_NUMBER})")
_ATOM = re.compile(rf" *([A-Z][a-z]?) +({_NUMBER}) +({_NUMBER}) +({_NUMBER})")


@dataclass(frozen=True)
class Snapshot:
    """One record of a trajectory.

    :ivar energy: Ha.
    :ivar symbols: in the order of the atoms.
    :ivar values: (n_atoms, 3).
    """

    energy: float
    symbols: tuple[str, ...]
    values: NDArray[np.float64]


def read_xyz(text: str, n_atoms: int) -> dict[int, Snapshot]:
    """Return the whole records of a trajectory by step; a step that is there twice is not among them."""
    *lines, _ = text.split("\n")
    found: dict[int, Snapshot] = {}
    twice: set[int] = set()
    for index, line in enumerate(lines):
        header = _HEADER.fullmatch(line)
        if header is None:
            continue
        step, rows = int(header.group(1)), [_ATOM.fullmatch(row) for row in lines[index + 1 : index + 1 + n_atoms]]
        twice |= {step} & set(found)
        if lines[index - 1].strip() != str(n_atoms) or len(rows) != n_atoms or not all(rows):
            continue
        words = [row.groups() for row in rows if row]
        values = np.array([row[1:] for row in words], dtype=np.float64)
        found[step] = Snapshot(float(header.group(2)), tuple(row[0] for row in words), values)
    return {step: record for step, record in found.items() if step not in twice}


def read_table(text: str, n_columns: int) -> dict[int, NDArray[np.float64]]:
    """Return the rows of a table behind their step; a step that is there twice is not among them."""
    *lines, _ = text.split("\n")
    pattern = re.compile(rf" *(\d+)((?: +{_NUMBER}){{{n_columns}}}) *")
    found: dict[int, NDArray[np.float64]] = {}
    twice: set[int] = set()
    for row in filter(None, map(pattern.fullmatch, lines)):
        step = int(row.group(1))
        twice |= {step} & set(found)
        found[step] = np.array(row.group(2).split(), dtype=np.float64)
    return {step: values for step, values in found.items() if step not in twice}
