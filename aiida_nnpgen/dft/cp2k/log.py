"""The standard output of CP2K: what a run began with, and one evaluation of energy, forces and stress after the other.

Seen in outputs of CP2K 6.1 to 2025: blanks, brackets and tables differ. Found by running 2023.1: an SCF that did not
converge goes on with exit status 0, and the same words stand there when the time limit cut it. ``STRESS|`` is a
pressure without the kinetic part of the ions, in dynamics too; the file ``-1.stress`` has the kinetic part in dynamics
and is all zero in REFTRAJ. With smearing, ``ENERGY|`` is the free energy, which the forces derive from.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...common.exceptions import OutputError
from ...common.units import BAR, UNITS
from ...common.voigt import checked_voigt
from ..text import element, table

__all__ = ["Cp2kLog", "Evaluation", "parse_log"]

_MARK = re.compile(
    r"^ (?:CP2K\| version string: .*|MD_INI\| MD initialization|MD\| Step number +(?P<step>\d+))$", re.MULTILINE
)
_DETAILS = re.compile(r"(?:\n MD.*)*")
_ENERGY = re.compile(
    r"^ ENERGY\| Total FORCE_EVAL \( QS \) energy [\[(](?:a\.u\.|hartree)[\])]:? +(\S+) *$", re.MULTILINE
)
_POTENTIAL = re.compile(r"^ MD(?:_INI)?\| Potential energy \[hartree\] +(-?\d\.\d+E[-+]\d\d)\b", re.MULTILINE)
_CONVERGED = re.compile(r"^ +\*\*\* SCF run converged in +\d+ steps \*\*\*$", re.MULTILINE)
_FORCES = re.compile(
    r"^ ATOMIC FORCES in \[a\.u\.\]\n\n # Atom .*\n((?: +\d.*\n)*) SUM OF ATOMIC FORCES +(\S.*)$"
    r"|^ FORCES\| Atomic forces \[hartree/bohr\]\n FORCES\| +Atom .*\n((?: FORCES\| +\d.*\n)*) FORCES\| Sum +(\S.*)$",
    re.MULTILINE,
)
_STRESS = re.compile(
    r"^ STRESS\| (?:Analytical|Numerical) stress tensor \[(\w+)\]\n STRESS\| +x +y +z\n"
    r"((?: STRESS\| +[xyz] .*\n){3}) STRESS\| 1/3 Trace +(\S+)\n"
    r" STRESS\| Determinant +(\S+)\n\n.*\n.*\n STRESS\| Eigenvalues +(.*)$",
    re.MULTILINE,
)
_OLD_STRESS = re.compile(  # up to 7.1
    r"^ STRESS TENSOR \[(\w+)\]\n\n +X +Y +Z\n((?:  [XYZ] .*\n){3})\n  1/3 Trace\(stress tensor\): +(\S+)"
    r"(?:\n\n  Det\(stress tensor\) *: +(\S+)\n+ EIGENVECTORS AND EIGENVALUES OF THE STRESS TENSOR\n\n +(.*))?$",
    re.MULTILINE,
)
_TIME_OVER = "exceeded requested execution time"
_UNCONVERGED = "SCF run NOT converged"
_ABORT = re.compile(r"^ \* \[ABORT\](.*(?:\n \*.*)+)", re.MULTILINE)
_ENSEMBLE = re.compile(r"^ MD(?:_PAR)?\| Ensemble [Tt]ype +(\w+)$", re.MULTILINE)
_PLACES = re.compile(r"\n\n REQUESTED STRUCTURE DATA\n\n.*\n\n((?:  r\(.*\n)+)")
_PLACE = re.compile(r"  r\((\d+)\) += +(-?\d+\.\d{6}) +(-?\d+\.\d{6}) +(-?\d+\.\d{6})")
_N_ATOMS = re.compile(r"^ +- Atoms: +(\d+)$", re.MULTILINE)
_ROUNDING = 1e-8  # Ha/bohr: eight decimals


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """One calculation of energy, forces and stress, as it was printed.

    :ivar energy: Ha; NaN if it is damaged.
    :ivar converged: whether the SCF did; None if nothing says so.
    :ivar numbers: atomic numbers of the rows of ``forces``, where they are printed.
    :ivar forces: Ha/bohr, eight decimals, (n_atoms, 3), or None.
    :ivar stress: eV/Å³, tension positive, without the kinetic part of the ions, order xx yy zz yz xz xy, or None.
    :ivar problem: what is damaged.
    :ivar potential: second copy of the energy in Ha, which dynamics has.
    :ivar places: second copy of the positions in Å, six decimals, wrapped into the cell, (n_atoms, 3), or None.
    """

    energy: float
    converged: bool | None
    numbers: tuple[int, ...] = ()
    forces: NDArray[np.float64] | None = None
    stress: NDArray[np.float64] | None = None
    problem: str = ""
    potential: float | None = None
    places: NDArray[np.float64] | None = None


@dataclass(frozen=True, kw_only=True)
class Cp2kLog:
    """Contents of one standard output.

    :ivar head: text before the first energy.
    :ivar ensemble: as CP2K calls it; REFTRAJ is a batch. Empty where there is none.
    :ivar n_atoms: number of atoms, if it is there.
    :ivar evaluations: all of them, in their order.
    :ivar steps: those of each complete step of dynamics, by its number: one, unless the output is damaged.
    :ivar unconverged: steps whose SCF did not converge; the one in which the time was over is not among them.
    :ivar last: number of the last complete step; one less than the first if there is none.
    :ivar abort: what CP2K said when it stopped; None: it did not.
    :ivar out_of_time: the run ended at its own time limit.
    :ivar finished: the closing line is there.
    """

    head: str
    ensemble: str
    n_atoms: int | None
    evaluations: list[Evaluation]
    steps: dict[int, list[Evaluation]]
    unconverged: frozenset[int]
    last: int
    abort: str | None
    out_of_time: bool
    finished: bool


def parse_log(text: str) -> Cp2kLog:
    """Divide a standard output into evaluations and steps.

    A step counts only right behind the one before it, so that no damaged line can give a step the numbers of another.

    :raises OutputError: if there is none, or it does not come from CP2K.
    """
    if not re.search(r"^ CP2K\| version string: ", text, re.MULTILINE) and "[ABORT]" not in text:
        raise OutputError("the standard output is missing, empty, or not from CP2K")
    ensemble, atoms, energy = _ENSEMBLE.search(text), _N_ATOMS.search(text), _ENERGY.search(text)
    name = ensemble.group(1) if ensemble else ""
    first = 1 if name == "REFTRAJ" else 0
    evaluations: list[Evaluation] = []
    steps: dict[int, list[Evaluation]] = {}
    unconverged: set[int] = set()
    previous, start = first - 1, 0
    for mark in _MARK.finditer(text):
        part, details = text[start : mark.start()], _DETAILS.match(text, mark.end())
        assert details is not None
        found, start = _evaluations(part), details.end()
        if mark.group().startswith(" MD"):
            step = first if mark["step"] is None else int(mark["step"])
            found = _with_copies(found, details.group(), _places(text, start))
            if step == previous + 1 and (mark["step"] is None) == (step == first):
                steps[step] = found
                unconverged |= {step} if _is_unconverged(part) else set()
            previous = step
        evaluations += found
    tail, last = text[start:], max([first - 1, *steps])
    return Cp2kLog(
        head=text[: energy.start()] if energy else text,
        ensemble=name,
        n_atoms=int(atoms.group(1)) if atoms else None,
        evaluations=evaluations + _evaluations(tail),
        steps=steps,
        unconverged=frozenset(unconverged | ({last + 1} if _is_unconverged(tail) else set())),
        last=last,
        abort=_abort(text),
        out_of_time=_TIME_OVER in tail,
        finished=bool(re.search(r"^  \*\*\*\* .* PROGRAM ENDED AT ", tail, re.MULTILINE)),
    )


def _is_unconverged(text: str) -> bool:
    return _UNCONVERGED in text and _TIME_OVER not in text


def _evaluations(text: str) -> list[Evaluation]:
    """Return the evaluations of a part: before each energy stands its SCF, behind it forces and stress."""
    found = list(_ENERGY.finditer(text))
    starts = [0, *(match.end() for match in found)]
    ends = [*(match.start() for match in found[1:]), len(text)]
    return [
        _evaluation(match.group(1), text[start : match.start()], text[match.end() : end])
        for match, start, end in zip(found, starts, ends, strict=False)
    ]


def _evaluation(energy: str, before: str, behind: str) -> Evaluation:
    result = Evaluation(energy=np.nan, converged=_converged(before))
    try:
        result = replace(result, energy=float(table([[energy]], (1,), "energies")[0]), stress=_stress(behind))
        numbers, forces = _forces(behind)
        return replace(result, numbers=numbers, forces=forces)
    except OutputError as exception:
        return replace(result, problem=str(exception))


def _converged(text: str) -> bool | None:
    if _UNCONVERGED in text or "FAILED to converge" in text:
        return False
    return True if _CONVERGED.search(text, max(text.rfind("Leaving inner SCF loop"), 0)) else None


def _with_copies(found: list[Evaluation], details: str, places: NDArray[np.float64] | None) -> list[Evaluation]:
    """Give the evaluation of a step what is repeated behind it."""
    potential = _POTENTIAL.findall(details)
    if len(found) != 1:
        return found
    return [replace(found[0], potential=float(potential[0]) if len(potential) == 1 else None, places=places)]


def _places(text: str, start: int) -> NDArray[np.float64] | None:
    match = _PLACES.match(text, start)
    rows = [_PLACE.fullmatch(line) for line in match.group(1).splitlines()] if match else []
    if not rows or [row and row.group(1) for row in rows] != [str(number) for number in range(1, len(rows) + 1)]:
        return None
    return np.array([row.groups()[1:] for row in rows if row], dtype=np.float64)


def _forces(text: str) -> tuple[tuple[int, ...], NDArray[np.float64] | None]:
    """Return elements and forces after comparing the forces with their sum."""
    found = _FORCES.findall(text)
    if not found and "ATOMIC FORCES" not in text and "FORCES|" not in text:
        return (), None
    if len(found) != 1:
        raise OutputError("the table of forces is damaged, or not in hartree/bohr")
    old_rows, old_sum, new_rows, new_sum = found[0]
    words = [row.replace("FORCES|", " ").split() for row in (old_rows or new_rows).splitlines()]
    if not words or [row[0] for row in words] != [str(number) for number in range(1, len(words) + 1)]:
        raise OutputError("the table of forces is damaged")
    forces = table([row[3:] if old_rows else row[1:4] for row in words], (len(words), 3), "forces")
    total = table([(old_sum or new_sum).split()[:3]], (3,), "sums of forces")
    if not np.abs(forces.sum(axis=0) - total).max() < _ROUNDING * (len(words) + 1) * max(1.0, np.abs(forces).max()):
        raise OutputError("the forces do not add up to the sum that is printed: damaged")
    return tuple(element("".join(row[2:3])) for row in words) if old_rows else (), forces


def _stress(text: str) -> NDArray[np.float64] | None:
    """Return the stress after comparing it with its trace, determinant and eigenvalues."""
    found = _STRESS.findall(text) + _OLD_STRESS.findall(text)
    if not found and "STRESS|" not in text and "STRESS TENSOR [" not in text:
        return None
    if len(found) != 1 or found[0][0] not in UNITS["pressure"]:
        raise OutputError("the stress tensor is damaged")
    unit, rows, *words = found[0]
    tensor = table([row.replace("STRESS|", " ").split()[1:] for row in rows.splitlines()], (3, 3), "stresses")
    size = max(float(np.abs(tensor).max()), 1e-12)
    copies = {
        "trace": (words[0], np.trace(tensor) / 3, size),
        "determinant": (words[1], np.linalg.det(tensor), size**3),
        "eigenvalues": (words[2], np.linalg.eigvalsh(tensor), size),
    }
    differences = [np.abs(tensor - tensor.T).max() / size]
    for name, (copy, value, scale) in copies.items():
        if copy:
            printed = np.sort(table([copy.split()], np.shape(np.atleast_1d(value)), f"the {name} of the stress"))
            differences.append(np.abs(printed - value).max() / scale)
    # Eight decimals up to 7.1, eleven digits later.
    if not max(differences) < 1e-7 + 4e-8 / size:
        raise OutputError("the stress tensor contradicts its trace, determinant or eigenvalues: damaged")
    return -checked_voigt(tensor) * UNITS["pressure"][unit] * BAR


def _abort(text: str) -> str | None:
    """Return the message in the box that CP2K draws when it stops, without the drawing."""
    if "[ABORT]" not in text:
        return None
    box = _ABORT.search(text)
    lines = re.sub(r"[A-Za-z_]+(?:/\w+)*\.F:\d+", "", box.group(1)).splitlines() if box else []
    words = " ".join(re.sub(r"^ \*|\*$|\\___/|O/\||/\| \||/ \\|^ \* +\|", " ", line).strip(" *|") for line in lines)
    return " ".join(words.split()) or "CP2K stopped without a word"
