"""``OUTCAR`` of VASP.

ASE reads it, too, but takes electronically unconverged steps for labels.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from ase.data import atomic_numbers
from numpy.typing import NDArray

from ...common.exceptions import OutputError
from ...common.units import KBAR
from ..label import LabelFailure
from ..reading import DropReason, FileContent, Reading
from ..text import check_widths, decimals, read_text, table
from .convergence import EDIFF, NELM, why_unconverged
from .potcar import element_of

__all__ = ["read_outcar"]

_NAMES = {
    r"^ *POTCAR: *(\S.*)$": element_of,
    r"^ *TITEL *= *(\S.*)$": element_of,
    r"^ *VRHFIN *= *(\w*)": str.capitalize,
}
"""Lines that name the element of a potential, and how; archives cut some of them out."""
_COUNTS = re.compile(r"^\s*ions per type =((?:\s+\d+)+)\s*$", re.MULTILINE)
_IONS = re.compile(r"number of ions     NIONS =\s*(\d+)")
_NELM = re.compile(r"^\s*NELM\s*=\s*(\d+)", re.MULTILINE)
_EDIFF = re.compile(r"^\s*EDIFF\s*=\s*(\d*\.\d+E[-+]\d+)", re.MULTILINE)
_ITERATION = re.compile(r"-+\s+Iteration\s+(\d+)\(\s*(\d+)\)\s+-+")
_ENERGY = re.compile(r"\s+free energy\s+TOTEN\s+=\s*([-+]?\d+\.\d+) eV")
_PRESSURE = re.compile(r" *external pressure = *(-?\d+\.\d+) kB +Pullay stress = *(-?\d+\.\d+) kB")
_TOTEN = re.compile(r"  free  energy   TOTEN  =\s*(\S+) eV")


@dataclass
class _Step:
    """What an ionic step has printed so far."""

    energies: list[float] = field(default_factory=list)
    converged: bool | None = None
    stress: NDArray[np.float64] | None = None
    motion: NDArray[np.float64] | None = None
    problems: list[str] = field(default_factory=list)


def read_outcar(path: Path) -> FileContent:
    """Read every ionic step that is complete.

    The energy is TOTEN, the free energy which the forces derive from. The stress is the line `in kB`, which has no
    kinetic part of the ions even in a dynamics.

    :raises OutputError: if the file does not say which atoms there are.
    """
    text = read_text(path)
    numbers = _numbers(text, path.name)
    nelm, ediff = _NELM.search(text), _EDIFF.search(text)
    limits = float(nelm.group(1)) if nelm else NELM, float(ediff.group(1)) if ediff else EDIFF
    content = FileContent()
    _Reader(content, text.splitlines(), numbers, limits).run()
    return content


def _numbers(text: str, name: str) -> NDArray[np.int64]:
    """Return the atomic numbers, in the order of the file.

    :raises OutputError: if an element is not named, or not by all lines in the same way.
    """
    match = _COUNTS.search(text)
    counts = [int(word) for word in match.group(1).split()] if match else []
    if not counts or sum(counts) > len(text):
        raise OutputError(f"`{name}` does not say how many atoms there are: the file is cut or damaged")
    ions = _IONS.search(text)
    if ions and int(ions.group(1)) != sum(counts):
        raise OutputError(
            f"`{name}` names {sum(counts)} of its {ions.group(1)} atoms by kind: use `vasprun.xml` instead"
        )
    found = set()
    for pattern, read in _NAMES.items():
        kinds = [atomic_numbers.get(read(word) or "", 0) for word in re.findall(pattern, text, re.MULTILINE)]
        first, times = kinds[: len(counts)], len(kinds) // len(counts)
        # Under POTCAR all potentials are named, and then once more each with its head: Cl Cl may be one of them, twice.
        is_certain = times > 1 or read is not element_of or len(set(first)) == len(first)
        if times and all(kinds) and kinds == first * times and is_certain:
            found.add(tuple(first))
    if len(found) != 1:
        raise OutputError(
            f"`{name}` does not name the elements of its `{len(counts)}` kinds of atoms, or in two ways: "
            "use `vasprun.xml` of the same run, or put lines such as `VRHFIN =O: s2p4` back, one for each"
        )
    return np.repeat(np.array(found.pop(), dtype=np.int64), counts)


class _Reader:
    """Goes through the lines once."""

    def __init__(
        self, content: FileContent, lines: list[str], numbers: NDArray[np.int64], limits: tuple[float, float]
    ) -> None:
        self.content, self.lines, self.numbers, self.limits = content, lines, numbers, limits
        self.cell: NDArray[np.float64] | None = None
        self.step, self.index, self.ionic = _Step(), 0, ""
        self.is_final = False

    def run(self) -> None:
        for place, line in enumerate(self.lines):
            try:
                self._look(place, line)
            except OutputError as exception:
                self.step.problems.append(str(exception))
        if self.step.energies:
            self.content.drop(self.index, DropReason.UNREADABLE, "the file ends within the step")

    def _look(self, place: int, line: str) -> None:
        if "Iteration" in line and (match := _ITERATION.search(line)):
            if match.group(1) != self.ionic:
                self._begin(match.group(1))
            self.step.energies.append(np.nan)
            self.is_final = False
        elif "free energy" in line and self.step.energies and (match := _ENERGY.match(line)):
            self.step.energies[-1] = float(match.group(1))
        elif "aborting loop" in line:
            self.step.converged = "EDIFF is reached" in line
        elif line.startswith("  in kB"):
            xx, yy, zz, xy, yz, zx = table([line.split()[2:]], (6,), "stresses")
            self.step.stress = -np.array([xx, yy, zz, yz, zx, xy]) * KBAR
        elif (match := _PRESSURE.match(line)) and self.step.stress is not None:
            own, external, work = -self.step.stress[:3].sum() / 3 / KBAR, *map(float, match.groups())
            if min(abs(external - own), abs(external + work - own)) > 0.02:
                raise OutputError("the stress does not have the pressure that is printed: damaged")
        elif line.strip().startswith("direct lattice vectors"):
            self.cell = None
            self.cell = _read_cell(self.lines[place + 1 : place + 4])
        elif line.startswith(" POSITION") and "TOTAL-FORCE" in line:
            self.step.motion = _read_motion(self.lines[place + 2 : place + 2 + len(self.numbers)], len(self.numbers))
        elif "FREE ENERGIE OF THE ION-ELECTRON SYSTEM" in line:
            self.is_final = True
        elif self.is_final and (match := _TOTEN.match(line)):
            self._finish(float(table([[match.group(1)]], (1,), "energies")[0]))

    def _begin(self, ionic: str) -> None:
        if self.step.energies:
            self.content.drop(self.index, DropReason.UNREADABLE, "the step is incomplete")
            self.index += 1
        self.step, self.ionic = _Step(), ionic

    def _finish(self, energy: float) -> None:
        """Add the step, or the reason why it is no label."""
        step, index = self.step, self.index
        self.step, self.is_final, self.index, self.ionic = _Step(), False, index + 1, ""
        unconverged = why_unconverged(step.energies, *self.limits)
        if not step.converged:
            unconverged = f"EDIFF not reached in {len(step.energies)} iterations"
        if not step.energies:
            self.content.drop(index, DropReason.NO_ELECTRONIC_STEPS, "the step has no electronic iterations")
        elif step.problems or step.motion is None or self.cell is None:
            reason = "; ".join(step.problems) or "the step has no forces, positions or cell"
            self.content.drop(index, DropReason.UNREADABLE, reason)
        elif unconverged:
            self.content.drop(index, LabelFailure.NOT_CONVERGED, unconverged)
        else:
            self.content.frames.append(
                Reading(
                    index=index,
                    numbers=self.numbers,
                    positions=step.motion[:, :3],
                    cell=self.cell,
                    energy=energy,
                    forces=step.motion[:, 3:],
                    stress=step.stress,
                )
            )


def _read_cell(lines: list[str]) -> NDArray[np.float64]:
    """Return the lattice vectors after comparing them with the reciprocal ones, which stand behind them.

    :raises OutputError: if they are cut or damaged.
    """
    rows = [[row[3:16], row[16:29], row[29:42]] for row in lines]
    cell = table([[word.strip() for word in row] for row in rows], (3, 3), "lattice vectors")
    if not all(row[42:].strip() for row in lines):
        return cell
    reciprocal = table([row[42:].split() for row in lines], (3, 3), "reciprocal lattice vectors")
    # Where somebody put the same number everywhere, it is no copy of anything.
    is_copy = abs(np.linalg.det(reciprocal)) > 1e-12
    if is_copy and np.abs(cell @ reciprocal.T - np.eye(3)).max() > 5e-9 * (
        np.abs(cell).sum() + np.abs(reciprocal).sum()
    ):
        raise OutputError("the cell does not belong to the reciprocal one: damaged")
    return cell


def _read_motion(lines: list[str], n_atoms: int) -> NDArray[np.float64]:
    """Return positions and forces, (n_atoms, 6).

    :raises OutputError: if they are cut or damaged.
    """
    rows = [row.split() for row in lines]
    check_widths(lines, "positions and forces")
    # Some corrections add columns, such as the forces without them, of which nothing is needed here.
    formats = decimals([row[:3] for row in rows]), decimals([row[3:6] for row in rows])
    if len({len(row) for row in rows}) > 1 or any(len(found) > 1 for found in formats):
        raise OutputError("positions and forces are cut or damaged")
    return table([row[:6] for row in rows], (n_atoms, 6), "positions and forces")
