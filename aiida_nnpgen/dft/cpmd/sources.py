"""What the standard output of a run and its input say together: the atoms, their order and the cell."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...common.exceptions import OutputError
from ...common.units import BOHR
from ..text import read_text
from .checks import check_equal
from .input import ORDER_MARK, read_order
from .log import NUMBER, CpmdLog, read_log

__all__ = ["INPUT", "STDOUT", "CpmdSources", "find_input", "join_sources", "read_sources"]

INPUT = "cpmd.inp"
STDOUT = "cpmd.out"


@dataclass(frozen=True)
class CpmdSources:
    """One run.

    :ivar folder: with the other files of the run.
    :ivar log: its standard output.
    :ivar cell: Å, rows are lattice vectors, (3, 3).
    :ivar order: index in the structure of each atom of the files, (n_atoms,).
    """

    folder: Path
    log: CpmdLog
    cell: NDArray[np.float64]
    order: NDArray[np.int64]


def read_sources(folder: Path) -> CpmdSources:
    """Read a folder of ours, where the files have the names that we give them.

    :raises OutputError: if a file is missing, cut, or of another run.
    """
    log = read_log(folder / STDOUT)
    return join_sources(folder, log, folder / INPUT if (folder / INPUT).exists() else None)


def join_sources(folder: Path, log: CpmdLog, source: Path | None) -> CpmdSources:
    """Add what the input says to what the standard output says.

    :param source: the input; None: it was not kept, and the atoms have the order of the files.
    :raises OutputError: if the input is cut, of another run, or missing where it had the order.
    """
    n_atoms = len(log.numbers)
    text = read_text(source) if source else ""
    order = read_order(text, n_atoms)
    if order is None and ORDER_MARK in log.text:
        raise OutputError(f"the input of `{log.name}` is missing or has lost the order of the atoms")
    if source:
        _check_belongs(text, log, source.name)
    return CpmdSources(folder, log, _cell(text, log), np.arange(n_atoms) if order is None else order)


def find_input(path: Path, log: CpmdLog) -> Path | None:
    """Return the input of a standard output: the one that it names, or the only one that lies beside it.

    Often the wavefunction is optimised first, in the same folder and with an input of its own.

    :param path: of the standard output.
    :raises OutputError: if there are several, and none has the name.
    """
    names = re.findall(r"^ THE INPUT FILE IS:\s*(\S.*?)\s*$", log.text, re.MULTILINE)
    named = path.parent / Path(names[-1]).name if names else path
    if _is_input(named):
        return named
    inputs = [item for end in ("inp", "in") for item in sorted(path.parent.glob(f"*.{end}")) if _is_input(item)]
    if len(inputs) > 1:
        raise OutputError(
            f"{len(inputs)} inputs of CPMD lie beside `{path.name}`, none of them `{named.name}`, which it names: "
            "leave the one of this run"
        )
    return next(iter(inputs), None)


def _is_input(path: Path) -> bool:
    head = read_text(path, optional=True)[:1_000_000]
    return "&CPMD" in head.upper() and "PROGRAM CPMD STARTED AT" not in head


def _check_belongs(text: str, log: CpmdLog, name: str) -> None:
    """Check that an input is whole, has as many atoms as the output, and got the stress that it asks for.

    :raises OutputError: if it is cut, or of another run.
    """
    section = re.search(r"^\s*&ATOMS\s*$(.*?)^\s*&END", text, re.MULTILINE | re.DOTALL)
    if section is None:
        raise OutputError(f"`{name}` has no complete section &ATOMS: the file is cut")
    counts = re.findall(r"^\*.*\n.*\n\s*(\d+)\s*$", section.group(1), re.MULTILINE)
    if counts and sum(map(int, counts)) != len(log.numbers):
        raise OutputError(f"`{name}` has `{sum(map(int, counts))}` atoms and `{log.name}` `{len(log.numbers)}`")
    if log.finished and log.stress is None and re.search(r"^\s*STRESS TENSOR", text, re.MULTILINE):
        raise OutputError(f"`{name}` asks for the stress and `{log.name}` has none: the file is cut or damaged")


def _cell(text: str, log: CpmdLog) -> NDArray[np.float64]:
    """Return the cell in Å: from the input, which has more digits, if it stands there as vectors."""
    match = re.search(r"^\s*CELL\s+VECTORS\s*\n((?:.*\n){3})", text, re.MULTILINE)
    words = match.group(1).split() if match else []
    if len(words) != 9 or not all(re.fullmatch(NUMBER, word) for word in words):
        return log.lattice * BOHR
    unit = 1.0 if re.search(r"^\s*ANGSTROM\b", text, re.MULTILINE) else BOHR
    cell = np.array(words, dtype=np.float64).reshape(3, 3) * unit
    check_equal(cell / BOHR, log.lattice, 1e-4, f"cells in `{log.name}` and its input")
    return cell
