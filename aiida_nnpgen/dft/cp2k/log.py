"""The standard output of a CP2K run of several steps: one evaluation of energy, forces and stress after the other.

Found by running CP2K 2023.1: an SCF that did not converge goes on with exit status 0, and the same words stand there
when the time limit cut it. ``STRESS|`` is a pressure without the kinetic part of the ions, in dynamics too; the file
``-1.stress`` has the kinetic part in dynamics and is all zero in REFTRAJ. With smearing, ``ENERGY|`` is the free
energy, which the forces derive from.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...common.exceptions import OutputError, UnphysicalError
from ...common.units import BAR, GPA, KBAR

__all__ = ["Cp2kLog", "Evaluation", "Step", "evaluate", "parse_log", "read_text"]

_MARK = re.compile(r"^ (?:MD_INI\| MD initialization|MD\| Step number +(\d+))$", re.MULTILINE)
_ENERGY = re.compile(
    r"^ ENERGY\| Total FORCE_EVAL \( QS \) energy \[(?:a\.u\.|hartree)\]:? +(-?\d+\.\d+)$", re.MULTILINE
)
_POTENTIAL = re.compile(r"^ MD(?:_INI)?\| Potential energy \[hartree\] +(-?\d\.\d+E[-+]\d\d)\b", re.MULTILINE)
_CONVERGED = re.compile(r"^  \*\*\* SCF run converged in +\d+ steps \*\*\*$", re.MULTILINE)
_FORCES = re.compile(r"^ ATOMIC FORCES in \[a\.u\.\]\n\n # Atom .*\n((?:.*\n)*?) SUM OF ATOMIC FORCES ", re.MULTILINE)
_FORCE = re.compile(r" +(\d+) +\d+ +([A-Z][a-z]?) +(-?\d+\.\d+) +(-?\d+\.\d+) +(-?\d+\.\d+)")
_NUMBER = r" +(-?\d\.\d+E[-+]\d\d)"
_STRESS = re.compile(
    r"^ STRESS\| Analytical stress tensor \[(\w+)\]\n STRESS\| +x +y +z\n"
    + "".join(rf" STRESS\| +{axis}{3 * _NUMBER}\n" for axis in "xyz")
    + rf" STRESS\| 1/3 Trace{_NUMBER}\n STRESS\| Determinant{_NUMBER}\n\n.*\n.*\n STRESS\| Eigenvalues{3 * _NUMBER}$",
    re.MULTILINE,
)
_UNITS = {"GPa": GPA, "bar": BAR, "kbar": KBAR}
_TIME_OVER = "exceeded requested execution time"
_UNCONVERGED = "SCF run NOT converged"
_ABORT = re.compile(r"^ \* \[ABORT\](.*(?:\n \*.*)+)", re.MULTILINE)
_ENSEMBLE = re.compile(r"^ MD_PAR\| Ensemble type +(\w+)$", re.MULTILINE)
_PLACES = re.compile(r"\n\n REQUESTED STRUCTURE DATA\n\n.*\n\n((?:  r\(.*\n)+)")
_PLACE = re.compile(r"  r\((\d+)\) += +(-?\d+\.\d{6}) +(-?\d+\.\d{6}) +(-?\d+\.\d{6})")
_ATOMS = re.compile(r"^ +- Atoms: +(\d+)$", re.MULTILINE)


@dataclass(frozen=True)
class Step:
    """What the standard output says about one complete step.

    :ivar text: of the evaluation.
    :ivar potential: the energy that is repeated after it in Ha, if it is there.
    :ivar places: second copy of the positions in Å, six decimals, wrapped into the cell, (n_atoms, 3), or None.
    """

    text: str
    potential: float | None
    places: NDArray[np.float64] | None


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What one step gave.

    :ivar energy: Ha.
    :ivar symbols: of the atoms of ``forces``.
    :ivar forces: Ha/bohr, eight decimals, (n_atoms, 3), or None.
    :ivar stress: eV/Å³, tension positive, (3, 3), or None.
    """

    energy: float
    symbols: tuple[str, ...]
    forces: NDArray[np.float64] | None
    stress: NDArray[np.float64] | None


@dataclass(frozen=True, kw_only=True)
class Cp2kLog:
    """Contents of one standard output.

    :ivar ensemble: as CP2K calls it; REFTRAJ is a batch. Empty where the run ended before its first step.
    :ivar n_atoms: number of atoms, if it is there.
    :ivar steps: by number.
    :ivar tail: text after the last complete step.
    :ivar last: number of the last complete step; one less than the first if there is none.
    :ivar abort: what CP2K said when it stopped; None: it did not.
    :ivar finished: the closing line is there.
    """

    ensemble: str
    n_atoms: int | None
    steps: dict[int, Step]
    tail: str
    last: int
    abort: str | None
    finished: bool

    @property
    def out_of_time(self) -> bool:
        """Return whether the run ended at its own time limit."""
        return _TIME_OVER in self.tail

    def unconverged(self) -> set[int]:
        """Return the steps whose SCF did not converge; the one in which the time was over is not among them."""
        steps = {step for step, each in self.steps.items() if _UNCONVERGED in each.text and _TIME_OVER not in each.text}
        return steps | ({self.last + 1} if _UNCONVERGED in self.tail and not self.out_of_time else set())


def read_text(path: Path) -> str:
    """Return the text of a file.

    :raises OutputError: if it is missing or empty.
    """
    if not path.is_file():
        raise OutputError(f"CP2K left no file `{path.name}`")
    text = path.read_bytes().decode("ascii", errors="replace")
    if not text.strip():
        raise OutputError(f"the file `{path.name}` of CP2K is empty")
    return text


def parse_log(text: str) -> Cp2kLog:
    """Divide a standard output into steps.

    A step counts only right behind the one before it, so that no damaged line can give a step the numbers of another.

    :raises OutputError: if it does not come from CP2K.
    """
    if not re.search(r"^ CP2K\| version string: ", text, re.MULTILINE) and "[ABORT]" not in text:
        raise OutputError("the standard output is not from CP2K")
    ensemble, atoms = _ENSEMBLE.search(text), _ATOMS.search(text)
    name = ensemble.group(1) if ensemble else ""
    first = 1 if name == "REFTRAJ" else 0
    marks = list(_MARK.finditer(text))
    steps: dict[int, Step] = {}
    previous, start = first - 1, ensemble.end() if ensemble else 0
    for mark in marks:
        step = first if mark.group(1) is None else int(mark.group(1))
        details = re.compile(r"(?:\n MD.*)+").match(text, mark.end())
        if step == previous + 1 and (mark.group(1) is None) == (step == first):
            potential = _POTENTIAL.findall(details.group()) if details else []
            energy = float(potential[0]) if len(potential) == 1 else None
            steps[step] = Step(text[start : mark.start()], energy, _places(text, details.end() if details else 0))
        previous, start = step, details.end() if details else mark.end()
    return Cp2kLog(
        ensemble=name,
        n_atoms=int(atoms.group(1)) if atoms else None,
        steps=steps,
        tail=text[start:],
        last=max([first - 1, *steps]),
        abort=_abort(text),
        finished=bool(re.search(r"^  \*\*\*\* .* PROGRAM ENDED AT ", text[start:], re.MULTILINE)),
    )


def evaluate(step: Step, n_atoms: int) -> Evaluation:
    """Return what one converged step gave.

    :raises UnphysicalError: if its SCF did not converge.
    :raises OutputError: if something is missing, there twice, or contradicts its copy.
    """
    text, potential = step.text, step.potential
    if _UNCONVERGED in text:
        raise UnphysicalError("the SCF did not converge")
    converged, energies = _CONVERGED.findall(text), _ENERGY.findall(text)
    given_up = text.rfind("Leaving inner SCF loop")
    if not converged or not _CONVERGED.search(text, max(given_up, 0)) or "FAILED to converge" in text:
        raise OutputError("nothing says that the SCF converged")
    if len(energies) != 1 or potential is None:
        raise OutputError(f"there are {len(energies)} energies of one step: the standard output is damaged")
    energy = float(energies[0])
    if not abs(energy - potential) <= 1e-10 * abs(energy):
        raise OutputError(f"the energy is `{energy}` and `{potential}` Ha: the standard output is damaged")
    symbols, forces = _forces(text, n_atoms)
    return Evaluation(energy=energy, symbols=symbols, forces=forces, stress=_stress(text))


def _places(text: str, start: int) -> NDArray[np.float64] | None:
    table = _PLACES.match(text, start)
    rows = [_PLACE.fullmatch(line) for line in table.group(1).splitlines()] if table else []
    if not rows or [row and row.group(1) for row in rows] != [str(number) for number in range(1, len(rows) + 1)]:
        return None
    return np.array([row.groups()[1:] for row in rows if row], dtype=np.float64)


def _forces(text: str, n_atoms: int) -> tuple[tuple[str, ...], NDArray[np.float64] | None]:
    tables = _FORCES.findall(text)
    if len(tables) != 1:
        if "ATOMIC FORCES" in text:
            raise OutputError("the table of forces is damaged")
        return (), None
    rows = [_FORCE.fullmatch(line) for line in tables[0].splitlines()]
    if [row and row.group(1) for row in rows] != [str(number + 1) for number in range(n_atoms)]:
        raise OutputError(f"the table of forces does not have the `{n_atoms}` atoms of the structure")
    words = [row.groups()[1:] for row in rows if row]
    return tuple(row[0] for row in words), np.array([row[1:] for row in words], dtype=np.float64)


def _stress(text: str) -> NDArray[np.float64] | None:
    """Return the stress after comparing it with its trace, determinant and eigenvalues."""
    found = _STRESS.findall(text)
    if len(found) != 1 or found[0][0] not in _UNITS:
        if "STRESS|" in text:
            raise OutputError("the stress tensor is damaged")
        return None
    unit, *words = found[0]
    values = np.array(words, dtype=np.float64)
    tensor, trace, determinant, eigenvalues = values[:9].reshape(3, 3), values[9], values[10], np.sort(values[11:])
    size = max(float(np.abs(tensor).max()), 1e-12)
    differences = [
        np.abs(tensor - tensor.T).max() / size,
        abs(np.trace(tensor) / 3 - trace) / size,
        abs(np.linalg.det(tensor) - determinant) / size**3,
        np.abs(np.linalg.eigvalsh(tensor) - eigenvalues).max() / size,
    ]
    if not max(differences) < 1e-7:
        raise OutputError("the stress tensor contradicts its trace, determinant or eigenvalues: damaged")
    return -tensor * _UNITS[unit]


def _abort(text: str) -> str | None:
    """Return the message in the box that CP2K draws when it stops, without the drawing."""
    if "[ABORT]" not in text:
        return None
    box = _ABORT.search(text)
    lines = re.sub(r"[A-Za-z_]+(?:/\w+)*\.F:\d+", "", box.group(1)).splitlines() if box else []
    words = " ".join(re.sub(r"^ \*|\*$|\\___/|O/\||/\| \||/ \\|^ \* +\|", " ", line).strip(" *|") for line in lines)
    return " ".join(words.split()) or "CP2K stopped without a word"
