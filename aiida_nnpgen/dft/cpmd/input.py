"""Inputs of CPMD 4.3 and the order of their atoms.

CPMD wants the atoms grouped by species and writes everything in that order. The writer leaves the way back in the
``&INFO`` section, which CPMD does not interpret, so that the folder of a run alone tells the order of the structure.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers
from numpy.typing import NDArray

from ...common.dynamics import Conditions
from ...common.exceptions import InputError, OutputError
from ...common.units import AU_TIME, BOHR
from ..method import Dispersion

__all__ = ["CpmdInput", "CpmdSettings", "Pseudopotential", "nose_frequency", "write_md", "write_single_point"]

ORDER_MARK = "AIIDA-NNPGEN ORDER"
_PER_LINE = 10
_LINE_LIMIT = 80  # CPMD reads no further
_NAME_LIMIT = 39  # nor here, for the name of a pseudopotential
_LARGEST_INTEGER = 2**31 - 1
_WNTAU = 7.26e-7
"""Nose frequency in the atomic unit of time per cm^-1, as CPMD has it: not an angular frequency, and four digits."""


@dataclass(frozen=True, kw_only=True)
class Pseudopotential:
    """A pseudopotential file in the working directory and how it is used.

    :ivar filename: name of the file, at most 39 characters without spaces.
    :ivar lmax: highest angular momentum, one of S P D F.
    :ivar options: words behind the file name, such as ``KLEINMAN-BYLANDER``.
    """

    filename: str
    lmax: str = "P"
    options: str = ""

    def __post_init__(self) -> None:
        if not self.filename or len(self.filename) > _NAME_LIMIT or re.search(r"\s|/", self.filename):
            raise InputError(f"`{self.filename}` is no file name that CPMD takes: no spaces, at most 39 characters")
        if self.lmax not in ("S", "P", "D", "F"):
            raise InputError(f"`lmax` must be one of S P D F, not `{self.lmax}`")


@dataclass(frozen=True, kw_only=True)
class CpmdSettings:
    """How CPMD computes energy, forces and stress.

    :ivar pseudopotentials: one per element.
    :ivar functional: as CPMD names it.
    :ivar cutoff: plane wave cutoff in Ry.
    :ivar dispersion: none, d2 or d3.
    :ivar convergence: largest component of the electronic gradient, a.u.
    :ivar max_iterations: steps of one wavefunction optimisation.
    :ivar gradient_cutoff: density below which gradient corrections are left out, a.u.
    :ivar store: time steps between two restart files of a dynamics.
    :ivar stress: compute the stress tensor.
    :ivar charge: total charge in e.
    :ivar multiplicity: 2S+1; None: closed shell. A value switches to spin-polarised (LSD).
    :ivar extra: further lines by section name without ``&``, such as ``{"CPMD": ("ODIIS", "5")}``.
    """

    pseudopotentials: Mapping[str, Pseudopotential]
    functional: str = "BLYP"
    cutoff: float = 100.0
    dispersion: Dispersion = Dispersion.D2
    convergence: float = 1e-6
    max_iterations: int = 100
    gradient_cutoff: float = 1e-8
    store: int = 20
    stress: bool = True
    charge: float = 0.0
    multiplicity: int | None = None
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "dispersion", Dispersion(self.dispersion))
        except ValueError:
            raise InputError(f"`dispersion` must be none, d2 or d3, not `{self.dispersion}`") from None
        for name in ("cutoff", "convergence", "max_iterations", "gradient_cutoff", "store"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise InputError(f"`{name}` must be positive, not `{getattr(self, name)}`")
        if self.multiplicity is not None and self.multiplicity < 1:
            raise InputError(f"`multiplicity` must be at least 1, not `{self.multiplicity}`")
        for name in self.extra:
            if not re.fullmatch(r"[A-Z]+", name) or name in ("ATOMS", "INFO"):
                raise InputError(f"`{name}` cannot be extended: name a section of CPMD other than ATOMS and INFO")
        for line in (self.functional, *(line for lines in self.extra.values() for line in lines)):
            if "&" in line or "\n" in line or len(line) >= _LINE_LIMIT:
                raise InputError(f"`{line}` is no input line: at most 79 characters, no `&`, no line break")


@dataclass(frozen=True)
class CpmdInput:
    """An input file and its order.

    :ivar text: what goes into ``cpmd.inp``.
    :ivar order: index in the structure of each atom of the file, (n_atoms,).
    """

    text: str
    order: NDArray[np.int64]


def write_single_point(atoms: Atoms, settings: CpmdSettings) -> CpmdInput:
    """Return the input for energy, forces and stress of one structure.

    :param atoms: periodic structure with a cell.
    :param settings: the level of theory.
    :raises InputError: if the structure has no cell or an element no pseudopotential.
    """
    control = ["OPTIMIZE WAVEFUNCTION", *_convergence(settings), "MAXSTEP", f" {settings.max_iterations}"]
    return _compose(atoms, settings, control)


def write_md(
    atoms: Atoms,
    settings: CpmdSettings,
    conditions: Conditions,
    seed: int,
    *,
    done: int = 0,
    max_runtime: int | None = None,
) -> CpmdInput:
    """Return the input for Born-Oppenheimer dynamics with energies, forces and stresses.

    Energy and stress are written at every step, frames at the stride.

    :param atoms: periodic structure with a cell; velocities are drawn by CPMD.
    :param settings: the level of theory.
    :param conditions: of the whole dynamics, at constant volume and temperature.
    :param seed: of the velocities at the start.
    :param done: time steps of earlier runs, whose restart files are in the working directory; 0: this is the first.
    :param max_runtime: s, after which CPMD writes its restart files and stops; None: never.
    :raises InputError: if the structure has no cell or an element no pseudopotential, or nothing is left to do.
    """
    if not 0 <= done < conditions.steps:
        raise InputError(f"`done` must lie between 0 and the `{conditions.steps}` time steps, not be `{done}`")
    control = ["MOLECULAR DYNAMICS BO"]
    if done:
        control += ["RESTART WAVEFUNCTION COORDINATES VELOCITIES NOSEP ACCUMULATORS LATEST"]
    control += [*_convergence(settings), "TIMESTEP", f" {conditions.timestep / AU_TIME:.6f}"]
    control += ["MAXSTEP", f" {conditions.steps - done}", "MAXITER", f" {settings.max_iterations}"]
    if not done:
        control += ["TEMPERATURE", f" {conditions.temperature}", "PRNGSEED", f" {seed % _LARGEST_INTEGER}"]
    frequency = round(nose_frequency(conditions.thermostat_damping), 4)
    control += ["NOSE IONS", f" {conditions.temperature} {frequency}"]
    stride = conditions.stride
    control += ["TRAJECTORY FORCES"] if stride == 1 else ["TRAJECTORY FORCES SAMPLE", f" {stride}"]
    control += ["EXTRAPOLATE WFN", " 3", "STORE", f" {settings.store}"]
    if max_runtime is not None:
        control += ["MAXRUNTIME", f" {max_runtime}"]
    return _compose(atoms, settings, control)


def nose_frequency(damping: float) -> float:
    """Return the frequency behind NOSE IONS in cm^-1 for which the thermostat has the given damping time.

    CPMD gives the thermostat the mass N k T / w^2 with w = frequency x 7.26e-7 in atomic units, elsewhere it is N k T
    damping^2.

    :param damping: fs.
    """
    return AU_TIME / (_WNTAU * damping)


def read_order(text: str, n_atoms: int) -> NDArray[np.int64] | None:
    """Return the order that the writer left in an input, or None where there is none.

    :param text: the input file.
    :param n_atoms: number of atoms of the run.
    :return: index in the structure of each atom of the file, (n_atoms,).
    :raises OutputError: if the order is there but is no permutation of the atoms.
    """
    match = re.search(rf"^\s*{ORDER_MARK}\s*$(.*?)^\s*&END", text, re.MULTILINE | re.DOTALL)
    if match is None:
        return None
    words = match.group(1).split()
    if not all(re.fullmatch(r"\d+", word) for word in words):
        raise OutputError("the order of the atoms in the CPMD input holds other things than numbers")
    order = np.array([int(word) for word in words], dtype=np.int64)
    if not np.array_equal(np.sort(order), np.arange(n_atoms)):
        raise OutputError(f"the order in the CPMD input is no permutation of `{n_atoms}` atoms: the file is damaged")
    return order


def _convergence(settings: CpmdSettings) -> list[str]:
    return ["CONVERGENCE ORBITALS", f" {settings.convergence:.1E}"]


def _compose(atoms: Atoms, settings: CpmdSettings, control: list[str]) -> CpmdInput:
    """Return the whole input, given the lines of ``&CPMD`` that say what is computed."""
    cell = np.array(atoms.cell)
    if not (np.isfinite(cell).all() and abs(np.linalg.det(cell)) > BOHR**3):
        raise InputError("the structure has no cell; CPMD computes labels in a periodic cell only")
    if not len(atoms) or not np.isfinite(atoms.positions).all():
        raise InputError("the structure has no atoms, or positions that are not finite")
    species = list(dict.fromkeys(atoms.get_chemical_symbols()))
    missing = [symbol for symbol in species if symbol not in settings.pseudopotentials]
    if missing:
        raise InputError(f"no pseudopotential for `{' '.join(missing)}`: add it to `pseudopotentials`")
    order = np.concatenate([np.flatnonzero(atoms.numbers == atomic_numbers[symbol]) for symbol in species])
    if settings.stress:
        control = [*control, "STRESS TENSOR", " 1"]
    control = [*control, "PRINT ON FORCES COORDINATES"]  # in stdout, too: the reader compares
    if settings.dispersion is not Dispersion.NONE:
        control.append("VDW CORRECTION")
    if settings.multiplicity is not None:
        control.append("LSD")
    functional = [f"FUNCTIONAL {settings.functional}", "GC-CUTOFF", f" {settings.gradient_cutoff:.1E}"]
    sections = {"INFO": _order_lines(order), "CPMD": control, "DFT": functional}
    if settings.dispersion is not Dispersion.NONE:
        sections["VDW"] = _dispersion(settings)
    sections["SYSTEM"] = _system(cell, settings)
    for name, lines in settings.extra.items():
        sections[name] = [*sections.get(name, []), *lines]
    text = "\n".join(_section(name, lines) for name, lines in sections.items())
    return CpmdInput(f"{text}\n{_atoms(atoms, species, settings)}", order.astype(np.int64))


def _section(name: str, lines: list[str]) -> str:
    return "\n".join([f"&{name}", *(f" {line}" for line in lines), "&END\n"])


def _order_lines(order: NDArray[np.int64]) -> list[str]:
    rows = [order[start : start + _PER_LINE] for start in range(0, len(order), _PER_LINE)]
    return [ORDER_MARK, *(" ".join(map(str, row)) for row in rows)]


def _dispersion(settings: CpmdSettings) -> list[str]:
    """Return the lines of ``&VDW``; S6GRIMME is read by versions that look for S6GRIM, too."""
    if settings.dispersion is Dispersion.D3:
        return ["EMPIRICAL CORRECTION", "  ALL DFT-D3", "END EMPIRICAL CORRECTION"]
    body = ["  ALL DFT-D2", "  S6GRIMME", f"   {settings.functional}"]
    return ["EMPIRICAL CORRECTION", *body, "END EMPIRICAL CORRECTION"]


def _system(cell: NDArray[np.float64], settings: CpmdSettings) -> list[str]:
    """Return the lines of ``&SYSTEM``; SYMMETRY beside CELL VECTORS would be fatal."""
    rows = [" ".join(f"{value:.10f}" for value in row) for row in cell]
    lines = ["ANGSTROM", "CELL VECTORS", *(f" {row}" for row in rows), "CUTOFF", f" {settings.cutoff:g}"]
    lines += ["CHARGE", f" {float(settings.charge)}"]
    if settings.multiplicity is not None:
        lines += ["MULTIPLICITY", f" {settings.multiplicity}"]
    return lines


def _atoms(atoms: Atoms, species: list[str], settings: CpmdSettings) -> str:
    """Return the section ``&ATOMS``; a species begins with an asterisk in the first column."""
    lines = ["&ATOMS"]
    for symbol in species:
        pseudo = settings.pseudopotentials[symbol]
        positions = atoms.positions[atoms.numbers == atomic_numbers[symbol]]
        lines += [f"*{pseudo.filename} {pseudo.options}".rstrip(), f" LMAX={pseudo.lmax}", f"  {len(positions)}"]
        lines += ["  " + " ".join(f"{value:.10f}" for value in row) for row in positions]
    return "\n".join([*lines, "&END\n"])
