"""What the standard output of pw.x says: a second source of every number in a label."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...common.exceptions import OutputError
from ...common.units import BOHR, GPA, HARTREE

__all__ = ["PwLog", "read_error", "read_log"]

_NUMBER = r"[-+]?\d+\.\d+"
_ERROR = re.compile(r"^ *%{20,} *\n(.*?)^ *%{20,} *$", re.MULTILINE | re.DOTALL)
_FORCES = "Forces acting on atoms (cartesian axes, Ry/au):"
_ENERGY = re.compile(rf"^!!? +total energy += +({_NUMBER}) Ry *$", re.MULTILINE)
_FORCE = re.compile(rf"^ +atom +(\d+) type +\d+ +force = *({_NUMBER}) *({_NUMBER}) *({_NUMBER}) *$", re.MULTILINE)
_STRESS = re.compile(rf"total +stress +\(Ry/bohr\*\*3\).*\n((?:(?: *{_NUMBER}){{6}} *\n){{3}})")
_POSITIONS = re.compile(rf"^ATOMIC_POSITIONS \(angstrom\) *\n((?:\w+(?: +{_NUMBER}){{3}} *\n)+)", re.MULTILINE)
_CONVERGED = "convergence has been achieved in"


@dataclass(frozen=True, kw_only=True)
class PwLog:
    """Every configuration of one run that has forces, as printed.

    :ivar energies: eV, eight decimals in Ry, (n,).
    :ivar forces: eV/Å, eight decimals in Ry/bohr, (n, n_atoms, 3).
    :ivar stresses: GPa, pressure positive, eight decimals in Ry/bohr³, (n, 3, 3).
    :ivar positions: Å, to which a dynamics went from each configuration, (up to n, n_atoms, 3).
    """

    energies: NDArray[np.float64]
    forces: NDArray[np.float64]
    stresses: NDArray[np.float64]
    positions: NDArray[np.float64]


def read_error(text: str) -> str | None:
    """Return the message between the lines of percent signs with which pw.x stops, in one line; None if there is none.

    :param text: the file CRASH, or the standard output.
    """
    match = _ERROR.search(text)
    words = match.group(1).split() if match else []
    return " ".join(words)[:300] or None


def read_log(text: str, n_atoms: int) -> PwLog:
    """Return what a standard output says.

    :raises OutputError: if a configuration with forces has no energy or stress, or is not converged.
    """
    before, *parts = text.split(_FORCES)
    energies, forces, stresses, positions = [], [], [], []
    for number, after in enumerate(parts, 1):
        found = _ENERGY.findall(before)
        atoms = _FORCE.findall(after)[:n_atoms]
        stress = _STRESS.search(after)
        if not found or _CONVERGED not in before:
            raise OutputError(f"configuration `{number}` has forces, but no converged energy: the file is damaged")
        if [int(atom) for atom, *_ in atoms] != list(range(1, n_atoms + 1)) or stress is None:
            raise OutputError(f"configuration `{number}` has no stress, or not `{n_atoms}` forces: the file is cut")
        energies.append(float(found[-1]))
        forces.append([[float(value) for value in values] for _, *values in atoms])
        stresses.append([[float(value) for value in line.split()[:3]] for line in stress.group(1).splitlines()])
        moved = _POSITIONS.search(after)
        if moved is not None:
            positions.append([[float(value) for value in line.split()[1:]] for line in moved.group(1).splitlines()])
        before = after
    if any(len(rows) != n_atoms for rows in positions):
        raise OutputError(f"printed positions are not those of `{n_atoms}` atoms: the file is damaged")
    rydberg = HARTREE / 2
    return PwLog(
        energies=rydberg * np.array(energies),
        forces=rydberg / BOHR * np.array(forces).reshape(len(forces), n_atoms, 3),
        stresses=rydberg / BOHR**3 / GPA * np.array(stresses).reshape(len(stresses), 3, 3),
        positions=np.array(positions).reshape(len(positions), n_atoms, 3),
    )
