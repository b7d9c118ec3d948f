"""``OUTCAR`` of VASP.

ASE reads it, too, but takes electronically unconverged steps for labels.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...common.exceptions import OutputError
from ...common.units import KBAR
from ..label import LabelFailure
from ..reading import DropReason, FileContent, ReadFrame
from ..text import element, read_text, table

__all__ = ["read_outcar"]

_KIND = re.compile(r"^\s*VRHFIN\s*=\s*([A-Za-z]{1,2})\s*:", re.MULTILINE)
_POTENTIAL = re.compile(r"^\s*POTCAR:\s+\S+\s+([A-Z][a-z]?)\b", re.MULTILINE)
_COUNTS = re.compile(r"^\s*ions per type =((?:\s+\d+)+)\s*$", re.MULTILINE)
_ITERATION = re.compile(r"-+\s+Iteration\s+(\d+)\(\s*(\d+)\)\s+-+")
_TOTEN = re.compile(r"  free  energy   TOTEN  =\s*(\S+) eV")


@dataclass
class _Step:
    """What an ionic step has printed so far."""

    iterations: int = 0
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
    counts = _COUNTS.search(text)
    numbers = [int(word) for word in counts.group(1).split()] if counts else []
    # Every potential is named twice in this way, first all of them, and once more with its valence.
    kinds = [element(name) for name in _KIND.findall(text) or _POTENTIAL.findall(text)[: len(numbers)]]
    if not numbers or len(kinds) != len(numbers) or sum(numbers) > len(text):
        raise OutputError(f"`{path.name}` does not say which atoms there are: the file is cut or damaged")
    content = FileContent()
    _Reader(content, text.splitlines(), np.repeat(np.array(kinds, dtype=np.int64), numbers)).run()
    return content


class _Reader:
    """Goes through the lines once."""

    def __init__(self, content: FileContent, lines: list[str], numbers: NDArray[np.int64]) -> None:
        self.content, self.lines, self.numbers = content, lines, numbers
        self.cell: NDArray[np.float64] | None = None
        self.step, self.index, self.ionic = _Step(), 0, ""
        self.is_final = False

    def run(self) -> None:
        for place, line in enumerate(self.lines):
            try:
                self._look(place, line)
            except OutputError as exception:
                self.step.problems.append(str(exception))
        if self.step.iterations:
            self.content.drop(self.index, DropReason.UNREADABLE, "the file ends within the step")

    def _look(self, place: int, line: str) -> None:
        if "Iteration" in line and (match := _ITERATION.search(line)):
            if match.group(1) != self.ionic:
                self._begin(match.group(1))
            self.step.iterations += 1
            self.is_final = False
        elif "aborting loop" in line:
            self.step.converged = "EDIFF is reached" in line
        elif line.startswith("  in kB"):
            xx, yy, zz, xy, yz, zx = table([line.split()[2:]], (6,), "stresses")
            self.step.stress = -np.array([xx, yy, zz, yz, zx, xy]) * KBAR
        elif line.strip().startswith("direct lattice vectors"):
            rows = [[row[3:16], row[16:29], row[29:42]] for row in self.lines[place + 1 : place + 4]]
            self.cell = None
            self.cell = table([[word.strip() for word in row] for row in rows], (3, 3), "lattice vectors")
        elif line.startswith(" POSITION") and "TOTAL-FORCE" in line:
            rows = [row.split() for row in self.lines[place + 2 : place + 2 + len(self.numbers)]]
            self.step.motion = table(rows, (len(self.numbers), 6), "positions and forces")
        elif "FREE ENERGIE OF THE ION-ELECTRON SYSTEM" in line:
            self.is_final = True
        elif self.is_final and (match := _TOTEN.match(line)):
            self._finish(float(table([[match.group(1)]], (1,), "energies")[0]))

    def _begin(self, ionic: str) -> None:
        if self.step.iterations:
            self.content.drop(self.index, DropReason.UNREADABLE, "the step is incomplete")
            self.index += 1
        self.step, self.ionic = _Step(), ionic

    def _finish(self, energy: float) -> None:
        """Add the step, or the reason why it is no label."""
        step, index = self.step, self.index
        self.step, self.is_final, self.index, self.ionic = _Step(), False, index + 1, ""
        if not step.iterations:
            self.content.drop(index, DropReason.NO_ELECTRONIC_STEPS, "the step has no electronic iterations")
        elif step.problems or step.motion is None or self.cell is None:
            detail = "; ".join(step.problems) or "the step has no forces, positions or cell"
            self.content.drop(index, DropReason.UNREADABLE, detail)
        elif not step.converged:
            self.content.drop(index, LabelFailure.NOT_CONVERGED, f"EDIFF not reached in {step.iterations} iterations")
        else:
            self.content.frames.append(
                ReadFrame(
                    index=index,
                    numbers=self.numbers,
                    positions=step.motion[:, :3],
                    cell=self.cell,
                    energy=energy,
                    forces=step.motion[:, 3:],
                    stress=step.stress,
                )
            )
