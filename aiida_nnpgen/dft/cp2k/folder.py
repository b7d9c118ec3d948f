"""Runs of CP2K: the log, and the trajectory files beside it."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...common.exceptions import OutputError
from ...common.units import BOHR, HARTREE
from ..label import LabelFailure
from ..reading import DropReason, FileContent, ReadFrame
from ..text import element, table
from .import_log import Cp2kLog, Cp2kResult, parse_cp2k_log

__all__ = ["read_cp2k"]

_COMMENT = re.compile(r"\s*i =\s*(\d+),(?: time =\s*\S+,)? E =\s*(\S+)\s*")
_ENERGY_TOLERANCE = 2e-9  # Ha: ten decimals
_SINGLE = ("ENERGY", "ENERGY_FORCE")

Snapshot = tuple[list[int], float, NDArray[np.float64]]


def read_cp2k(path: Path) -> FileContent:
    """Read a single point from the log, or the steps of a run from its files of positions and forces.

    CP2K ends well where a field has not converged; only the log tells. Each step is found in it by its energy, to see
    that, and for the stress: the stress file holds the kinetic part of the ions, too.

    :param path: the log; the other files lie beside it under the names that CP2K gives them.
    :raises OutputError: if the log is cut, or the files of positions or forces are missing.
    """
    log = parse_cp2k_log(path.read_bytes().decode("ascii", errors="replace"))
    content = FileContent()
    if not log.results:
        raise OutputError("the log has no energy of Quickstep: the run was cut, or of another method")
    if log.run_type in _SINGLE:
        _add(content, 0, log.results[0], log, log.positions, log.cell, log.results[0].forces)
        if log.results[0].forces is None and content.frames:
            content.notes.append("the log has no forces: print them with FORCE_EVAL/PRINT/FORCES")
        return content
    files = {kind: path.parent / f"{log.project}-{kind}-1.xyz" for kind in ("pos", "frc")}
    files["cell"] = path.parent / f"{log.project}-1.cell"
    for kind in ("pos", "frc"):
        if not files[kind].is_file():
            what = "positions" if kind == "pos" else "forces"
            raise OutputError(f"`{files[kind].name}` with the {what} is missing: give the whole folder of the run")
    content.companions = [file for file in files.values() if file.is_file()]
    _read_steps(content, log, files)
    if content.frames and all(frame.stress is None for frame in content.frames):
        content.notes.append("the log has no stress; what a stress file holds has the kinetic part of the ions in it")
    return content


def _read_steps(content: FileContent, log: Cp2kLog, files: dict[str, Path]) -> None:
    positions, forces = _snapshots(files["pos"], content), _snapshots(files["frc"], content)
    cells = _cells(files["cell"]) if files["cell"].is_file() else None
    if cells is None and log.moves_cell:
        raise OutputError(f"the cell moves and `{files['cell'].name}` is missing")
    for index, (step, (numbers, energy, place)) in enumerate(sorted(positions.items())):
        force = forces.get(step)
        cell = log.cell if cells is None else cells.get(step)
        found = [item for item in log.results if abs(item.energy - energy) < _ENERGY_TOLERANCE]
        if numbers != log.numbers.tolist() or (force is not None and force[0] != numbers):
            content.drop(index, DropReason.UNREADABLE, f"the atoms of step {step} are not those of the log")
        elif force is None or abs(force[1] - energy) > _ENERGY_TOLERANCE:
            content.drop(index, DropReason.UNREADABLE, f"step {step} has positions but no forces with the same energy")
        elif cell is None:
            content.drop(index, DropReason.UNREADABLE, f"step {step} has no cell")
        elif not found:
            content.drop(
                index, DropReason.UNREADABLE, f"the log has no energy of step {step}: nothing says it converged"
            )
        else:
            _add(content, index, found[-1], log, place, cell, force[2])


def _add(
    content: FileContent,
    index: int,
    result: Cp2kResult,
    log: Cp2kLog,
    positions: NDArray[np.float64],
    cell: NDArray[np.float64],
    forces: NDArray[np.float64] | None,
) -> None:
    if result.problem:
        content.drop(index, DropReason.UNREADABLE, result.problem)
    elif not result.converged:
        detail = "SCF run NOT converged" if result.converged is False else "nothing says that the field has converged"
        content.drop(index, LabelFailure.NOT_CONVERGED, detail)
    else:
        content.frames.append(
            ReadFrame(
                index=index,
                numbers=log.numbers,
                positions=positions,
                cell=cell,
                periodic=log.periodic,
                energy=result.energy * HARTREE,
                forces=None if forces is None else forces * HARTREE / BOHR,
                stress=result.stress,
            )
        )


def _snapshots(path: Path, content: FileContent) -> dict[int, Snapshot]:
    """Return elements, energy in Ha and the three columns of each complete step; a restart writes some again."""
    lines = path.read_bytes().decode("ascii", errors="replace").splitlines()
    found: dict[int, Snapshot] = {}
    place = 0
    while place + 1 < len(lines):
        count, comment = lines[place].strip(), _COMMENT.fullmatch(lines[place + 1])
        rows = [line.split() for line in lines[place + 2 : place + 2 + int(count)]] if count.isdecimal() else []
        try:
            if comment is None or not rows or len(rows) < int(count):
                raise OutputError("the step is cut or damaged")
            values = table([row[1:] for row in rows], (len(rows), 3), "numbers")
            energy = float(table([[comment.group(2)]], (1,), "energies")[0])
            found[int(comment.group(1))] = ([element(row[0]) for row in rows], energy, values)
        except (OutputError, IndexError) as exception:
            content.notes.append(f"`{path.name}` is not read from line {place + 1} on: {exception}")
            break
        place += 2 + int(count)
    return found


def _cells(path: Path) -> dict[int, NDArray[np.float64]]:
    """Return the cell of each step in Å; its volume is printed behind it."""
    found = {}
    for line in path.read_bytes().decode("ascii", errors="replace").splitlines():
        words = line.split()
        if len(words) == 12 and words[0].isdecimal():
            try:
                cell = table([words[2:11]], (3, 3), "cells")
                volume = float(table([words[11:]], (1,), "volumes")[0])
            except OutputError:
                continue
            if abs(float(np.linalg.det(cell)) - volume) < 1e-6 * max(1.0, volume):
                found[int(words[0])] = cell
    return found
