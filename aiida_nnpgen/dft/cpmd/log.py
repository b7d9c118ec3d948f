"""What the standard output of CPMD says: the kind of run, how it ended, its atoms, cell and final results."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase.data import atomic_numbers
from numpy.typing import NDArray

from ...common.exceptions import OutputError
from ..label import LabelFailure, RefusedLabelError
from ..text import read_text, table

__all__ = ["NUMBER", "CpmdLog", "read_log"]

NUMBER = r"[-+]?\d*\.\d+(?:E[-+]\d+)?"
_FLOAT = re.compile(NUMBER)
_ATOM = re.compile(rf"\s*\S+\s+([A-Z][A-Za-z]?)\s+({NUMBER})\s+({NUMBER})\s+({NUMBER})\s+\d+\s*")
_MASS = re.compile(rf" \*\s+([A-Z][A-Za-z]?)\s+({NUMBER})\s+{NUMBER}\s+(?:NO|YES)\b.*")
_LATTICE = re.compile(rf"LATTICE VECTOR A([123])\(BOHR\):\s+({NUMBER})\s+({NUMBER})\s+({NUMBER})\s*$", re.MULTILINE)
_ENERGY = re.compile(rf"^ \(\S+\)\s+TOTAL ENERGY =\s+({NUMBER}) A\.U\.\s*$", re.MULTILINE)
_SCF = re.compile(rf"^\s*\d+\s+{NUMBER}\s+{NUMBER}\s+({NUMBER})\s+{NUMBER}\s+{NUMBER}\s*$", re.MULTILINE)
_STEP = re.compile(rf"^\s*(\d+)\s+\d+\.\d\s+(-?\d+\.\d{{5,6}})\s+{NUMBER}\s+{NUMBER}\s+{NUMBER}\s*$", re.MULTILINE)
_RESULT = re.compile(r"\s*\S+\s+[A-Z][A-Za-z]?\s*((?:-?\d*\.\d{4}\s*){3})((?:\s*-?\d\.\d{3}E[-+]\d\d){3})\s*")
_CRITERION = re.compile(rf"CONVERGENCE CRITERIA FOR WAVEFUNCTION OPTIMIZATION:\s+({NUMBER})")
_GRADIENT = re.compile(rf"ELECTRONIC GRADIENT:\s*\n\s+MAX\. COMPONENT =\s+({NUMBER})")


@dataclass(frozen=True, kw_only=True)
class CpmdLog:
    """Contents of one standard output; everything in atomic units but the masses (u) and the stress (kbar).

    :ivar name: of the file.
    :ivar text: all of it.
    :ivar finished: the run, or the last of several one after the other, has its closing line.
    :ivar numbers: atomic numbers in the order of the files, (n_atoms,).
    :ivar masses: u, (n_atoms,).
    :ivar positions: at the start, six decimals, (n_atoms, 3).
    :ivar lattice: rows are the cell vectors, four decimals, (3, 3).
    :ivar final_positions: four decimals, (n_atoms, 3), or None.
    :ivar final_forces: four digits, (n_atoms, 3), or None.
    :ivar stress: kbar, pressure positive, with the kinetic part in a dynamics, (3, 3), or None.
    :ivar steps: energy of each step of a dynamics, at least five decimals.
    :ivar unconverged: first step after each sign that a wavefunction has not converged; 0 where no step follows.
    """

    name: str
    text: str
    finished: bool
    numbers: NDArray[np.int64]
    masses: NDArray[np.float64]
    positions: NDArray[np.float64]
    lattice: NDArray[np.float64]
    final_positions: NDArray[np.float64] | None
    final_forces: NDArray[np.float64] | None
    stress: NDArray[np.float64] | None
    steps: dict[int, float]
    unconverged: tuple[int, ...]

    @property
    def is_single_point(self) -> bool:
        """Return whether this is one wavefunction optimisation."""
        return "SINGLE POINT DENSITY OPTIMIZATION" in self.text

    @property
    def is_dynamics(self) -> bool:
        """Return whether this is Born-Oppenheimer dynamics in a fixed cell."""
        return "BORN-OPPENHEIMER MOLECULAR DYNAMICS" in self.text and "PARRINELLO-RAHMAN" not in self.text

    def energy(self) -> float:
        """Return the last total energy in Ha.

        :raises OutputError: if there is none, or if it differs from the last step of the optimisation.
        """
        iterations, found, results = self.text.rpartition("FINAL RESULTS")
        energies, steps = _ENERGY.findall(results), _SCF.findall(iterations)
        if not found or not energies:
            raise OutputError(f"`{self.name}` has no final total energy: the run was cut")
        if steps and abs(float(steps[-1]) - float(energies[-1])) > 1e-5:
            raise OutputError(f"total energy `{energies[-1]}` Ha differs from that of the last step `{steps[-1]}`")
        return float(energies[-1])

    def check_gradient(self) -> None:
        """Compare the electronic gradient with the criterion; a soft exit leaves no other sign.

        :raises RefusedLabelError: if the last wavefunction is not converged.
        """
        criterion, gradient = _CRITERION.search(self.text), _GRADIENT.search(self.text)
        if criterion and gradient and float(gradient.group(1)) > 1.001 * float(criterion.group(1)):
            raise RefusedLabelError(
                LabelFailure.NOT_CONVERGED,
                f"the electronic gradient `{gradient.group(1)}` is above the criterion `{criterion.group(1)}`: "
                "the wavefunction is not converged; allow more steps",
            )


def read_log(path: Path) -> CpmdLog:
    """Read a standard output.

    :raises OutputError: if it does not come from CPMD, or ends before atoms and cell are printed.
    """
    text = read_text(path)
    try:
        return _parse(path.name, text)
    except OutputError as exception:
        raise OutputError(f"`{path.name}` {exception}") from None


def _parse(name: str, text: str) -> CpmdLog:
    if "PROGRAM CPMD STARTED AT" not in text:
        raise OutputError("is no output of CPMD")
    symbols, positions = _atoms(text)
    lattice = {index: row for index, *row in _LATTICE.findall(text)}
    if sorted(lattice) != ["1", "2", "3"]:
        raise OutputError("has no cell: the run was cut before it began")
    masses = _masses(text)
    absent = sorted(set(symbols) - set(masses))
    if absent:
        raise OutputError(f"gives no mass of `{' '.join(absent)}`")
    final_positions, final_forces = _final_results(text, symbols)
    return CpmdLog(
        name=name,
        text=text,
        finished=text.rfind("PROGRAM CPMD ENDED AT:") > text.rfind("PROGRAM CPMD STARTED AT"),
        numbers=np.array([atomic_numbers[symbol] for symbol in symbols]),
        masses=np.array([masses[symbol] for symbol in symbols]),
        positions=positions,
        lattice=np.array([lattice[index] for index in "123"], dtype=np.float64),
        final_positions=final_positions,
        final_forces=final_forces,
        stress=_stress(text),
        steps={int(step): float(energy) for step, energy in _STEP.findall(text)},
        unconverged=_unconverged(text),
    )


def _atoms(text: str) -> tuple[list[str], NDArray[np.float64]]:
    """Return symbols and starting positions from the table of atoms."""
    match = re.search(r"^ \*+ ATOMS \*+\n.*\n((?:.*\n)*?) \*{20,}", text, re.MULTILINE)
    rows = [_ATOM.fullmatch(line) for line in match.group(1).splitlines()] if match else []
    if not rows or any(row is None or row.group(1) not in atomic_numbers for row in rows):
        raise OutputError("has no readable table of atoms: the run was cut before it began")
    found = [row.groups() for row in rows if row is not None]
    return [row[0] for row in found], np.array([row[1:] for row in found], dtype=np.float64)


def _masses(text: str) -> dict[str, float]:
    """Return the masses in u, which an input can change."""
    masses: dict[str, float] = {}
    for match in _MASS.finditer(text):
        symbol, mass = match.group(1), float(match.group(2))
        if masses.setdefault(symbol, mass) != mass:
            raise OutputError(f"has two masses of `{symbol}`: isotopes are not supported")
    return masses


def _final_results(text: str, symbols: list[str]) -> tuple[NDArray[np.float64] | None, NDArray[np.float64] | None]:
    """Return final positions and forces; the header says gradients, but they are forces."""
    tail = text.rpartition("FINAL RESULTS")[2] if "FINAL RESULTS" in text else ""
    match = re.search(r"GRADIENTS \(-FORCES\)\s*\n((?:.*\n)*?)\s*\n", tail)
    if match is None:
        return None, None
    rows = [_RESULT.fullmatch(line) for line in match.group(1).splitlines()]
    names = re.findall(r"^\s*\S+\s+([A-Z][a-z]?)", match.group(1), re.MULTILINE)
    if any(row is None for row in rows) or names != symbols:
        raise OutputError("has final results that do not fit its table of atoms: the file is damaged")
    values = [[_FLOAT.findall(part) for part in row.groups()] for row in rows if row is not None]
    positions = np.array([row[0] for row in values], dtype=np.float64)
    return positions, np.array([row[1] for row in values], dtype=np.float64)


def _stress(text: str) -> NDArray[np.float64] | None:
    """Return the last stress tensor in kbar."""
    tail = text.rpartition("TOTAL STRESS TENSOR (kBar):")
    if not tail[1]:
        return None
    rows = [line.split() for line in tail[2].splitlines()[1:4]]
    return table(rows, (3, 3), "has a stress tensor whose numbers")


def _unconverged(text: str) -> tuple[int, ...]:
    found: dict[int, None] = {}
    for match in re.finditer(r"BUT NO CONVERGENCE|DENSITY NOT CONVERGED", text):
        following = _STEP.search(text, match.end())
        found[int(following.group(1)) if following else 0] = None
    return tuple(found)
