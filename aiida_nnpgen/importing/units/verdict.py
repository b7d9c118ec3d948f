"""Which units the numbers of a file are in, by their size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from ase import Atoms
from ase.data import covalent_radii
from ase.neighborlist import neighbor_list

from ...dft.reading import ReadFrame
from .bond_stiffness import bond_stiffness
from .declared import ENERGIES, LENGTHS, STRESSES, force_factor
from .energy_slope import Slopes, compare_work
from .xtb import compare_with_xtb

__all__ = ["UnitVerdict", "judge_units"]

_NOBLE = (2, 10, 18, 36, 54, 86)
_BONDED = (0.62, 1.45)  # of nearest neighbours, over the sum of covalent radii
_PER_ATOM = "eV per atom"
# Energy and force as they come together, the likeliest first.
_PAIRS = [
    ("eV", "eV/Å"),
    ("Ha", "Ha/bohr"),
    ("eV", "Ha/bohr"),
    ("Ha", "eV/Å"),
    ("Ry", "Ry/bohr"),
    ("eV", "Ry/bohr"),
    ("Ry", "eV/Å"),
    ("kcal/mol", "kcal/mol/Å"),
    ("kJ/mol", "kJ/mol/Å"),
    ("kJ/mol", "kJ/mol/nm"),
    ("eV", "kcal/mol/Å"),
    ("kcal/mol", "eV/Å"),
    (_PER_ATOM, "eV/Å"),
    ("meV", "meV/Å"),
    ("eV", "meV/Å"),
    ("eV", "eV/bohr"),
    ("Ha", "Ha/Å"),
    ("kJ/mol", "eV/Å"),
]
_WORK_TOLERANCE = math.log(1.25)
_STIFFNESS_TOLERANCE = math.log(5.0)
_XTB_TOLERANCE = math.log(2.5)
_MAX_STRESS_ENERGY = 30.0  # eV per atom, of the stress times the volume
_LIKELY_STRESS_ENERGY = (0.01, 10.0)


@dataclass
class UnitVerdict:
    """What the numbers say.

    :ivar problem: one sentence, empty if nothing speaks against the units.
    :ivar units: what to set, keys of :class:`~.units.FileUnits`; empty if no known unit fits.
    :ivar notes: what could not be judged.
    """

    problem: str = ""
    units: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def judge_units(frames: Sequence[ReadFrame], with_xtb: bool = True) -> UnitVerdict:
    """Compare sizes with what is cheaply known: distances, work, bond stiffness, a semi-empirical method, stress.

    Nothing speaks against units that cannot be judged, such as forces near a minimum.

    :param frames: of one file, taken to be in eV, Å, eV/Å, eV/Å³; periodic, finite.
    :param with_xtb: compare with the semi-empirical method, too, if it is installed.
    """
    verdict = UnitVerdict()
    if not frames:
        return verdict
    length = _judge_length(frames, verdict)
    labelled = [frame for frame in frames if frame.is_labelled and frame.forces is not None and frame.forces.any()]
    if length is None or not labelled:
        return verdict
    slopes = compare_work(labelled, length)
    _judge_forces(labelled, length, slopes, verdict, with_xtb)
    if not verdict.problem:
        _judge_stress(labelled, slopes, verdict)
    return verdict


def _judge_length(frames: Sequence[ReadFrame], verdict: UnitVerdict) -> float | None:
    """Return the factor that brings positions to Å; None if distances are of no known unit."""
    chosen = [frames[place] for place in np.unique(np.linspace(0, len(frames) - 1, 5).astype(int))]
    ratios = [ratio for frame in chosen if (ratio := _neighbour_ratio(frame)) is not None]
    if not ratios:
        return 1.0
    ratio = float(np.median(ratios))
    if _BONDED[0] <= ratio <= _BONDED[1]:
        return 1.0
    seen = f"nearest neighbours are {ratio:.2f} times the sum of their covalent radii apart"
    for unit in ("bohr", "nm"):
        if _BONDED[0] <= ratio * LENGTHS[unit] <= _BONDED[1] and (ratio < 1 or ratio < 2.5):
            verdict.problem = f"{seen}: positions seem to be in {unit}, not Å"
            verdict.units["length"] = unit
            return LENGTHS[unit]
    if ratio < 1:
        verdict.problem = f"{seen}, which no unit of length explains"
        if _BONDED[0] <= ratio / LENGTHS["bohr"] <= _BONDED[1]:
            verdict.problem = f"{seen}: positions in Å seem to have been converted from bohr once too often"
        return None
    verdict.notes.append(f"{seen}: the unit of length cannot be judged")
    return 1.0


def _neighbour_ratio(frame: ReadFrame) -> float | None:
    """Return the median over atoms of the distance to the nearest neighbour over the sum of covalent radii."""
    n_atoms = len(frame.numbers)
    atoms = Atoms(frame.numbers, positions=frame.positions, cell=frame.cell, pbc=True)
    reach = 1.6 * (atoms.get_volume() / n_atoms) ** (1 / 3)
    first, second, distances = neighbor_list("ijd", atoms, reach)
    ratios = distances / (covalent_radii[frame.numbers[first]] + covalent_radii[frame.numbers[second]])
    nearest = np.full(n_atoms, np.inf)
    np.minimum.at(nearest, first, ratios)
    judged = nearest[~np.isin(frame.numbers, _NOBLE)]
    median = float(np.median(judged)) if len(judged) else np.inf
    return median if np.isfinite(median) else None


def _judge_forces(
    frames: Sequence[ReadFrame], length: float, slopes: Slopes, verdict: UnitVerdict, with_xtb: bool
) -> None:
    stiffness = bond_stiffness(frames, length)
    size, tolerance = stiffness, _STIFFNESS_TOLERANCE
    if with_xtb and (stiffness is None or abs(math.log(abs(stiffness))) > tolerance or verdict.problem):
        xtb = compare_with_xtb(frames, length)
        if xtb is not None:
            size, tolerance = xtb, _XTB_TOLERANCE
    signs = [math.copysign(1, value) for value in (slopes.force, size) if value is not None]
    seen = _describe(slopes, size)
    if size is None and slopes.force is None:
        verdict.notes.append("the units of energy and forces cannot be judged by these frames")
        if slopes.pairs > 2 and abs(slopes.correlation) < 0.5:
            verdict.notes.append(f"energies of {slopes.pairs} pairs of close frames do not follow the forces")
    elif signs and max(signs) < 0:
        verdict.problem = f"{seen}: forces have the opposite sign, they seem to be gradients"
        verdict.units["force"] = "-eV/Å"
    else:
        n_atoms = len(frames[0].numbers)
        fitting = [pair for pair in _PAIRS if _fits(pair, slopes.force, size, tolerance, n_atoms)]
        if not fitting:
            verdict.problem = f"{seen}, which no known units of energy and force explain"
            verdict.units = {}
        elif fitting[0] != _PAIRS[0] or verdict.problem:
            _name_units(_likeliest(fitting, size, tolerance), seen, verdict)


def _likeliest(fitting: list[tuple[str, str]], size: float | None, tolerance: float) -> tuple[str, str]:
    """Return the first pair of units, or the one that fits best where the size of forces is known well."""
    if size is None or tolerance > _XTB_TOLERANCE or fitting[0] == _PAIRS[0]:
        return fitting[0]
    return min(fitting, key=lambda pair: round(abs(math.log(size * force_factor(pair[1]))), 2))


def _name_units(pair: tuple[str, str], seen: str, verdict: UnitVerdict) -> None:
    energy, force = pair
    if energy == _PER_ATOM:
        verdict.problem = f"{seen}: energies seem to be per atom; multiply them by the number of atoms"
        verdict.units = {}
        return
    if pair != _PAIRS[0]:
        told = f"{seen}: energies seem to be in {energy} and forces in {force}"
        verdict.problem = f"{verdict.problem}; {told}" if verdict.problem else told
    verdict.units |= {"energy": energy, "force": force}


def _fits(pair: tuple[str, str], slope: float | None, size: float | None, tolerance: float, n_atoms: int) -> bool:
    energy = float(n_atoms) if pair[0] == _PER_ATOM else ENERGIES[pair[0]]
    force = force_factor(pair[1])
    if slope is not None and not (slope > 0 and abs(math.log(slope * energy / force)) < _WORK_TOLERANCE):
        return False
    return size is None or (size > 0 and abs(math.log(size * force)) < tolerance)


def _describe(slopes: Slopes, size: float | None) -> str:
    parts = []
    if slopes.force is not None:
        parts.append(f"energies change by {slopes.force:.3g} times the work of the forces")
    if size is not None:
        parts.append(f"forces are {size:.3g} times what is expected")
    return " and ".join(parts)


def _judge_stress(frames: Sequence[ReadFrame], slopes: Slopes, verdict: UnitVerdict) -> None:
    """Judge by the work of the stress where cells change, otherwise by its size alone."""
    units = [unit for unit in STRESSES if unit in ("eV/Å³", "GPa", "kbar", "bar", "Ha/bohr³")]
    if slopes.stress is not None:
        size = abs(slopes.stress)
        fitting = [unit for unit in units if abs(math.log(size / STRESSES[unit])) < math.log(1.5)]
        if fitting[:1] == ["eV/Å³"] and slopes.stress > 0:
            return
        sign = "-" if slopes.stress < 0 else ""
        seen = f"energies change by {slopes.stress:.3g} times the work of the stress"
        if not fitting:
            verdict.problem = f"{seen}, which no known unit of stress explains"
        else:
            named = "has the opposite sign" if sign and fitting[0] == "eV/Å³" else f"seems to be in {sign}{fitting[0]}"
            verdict.problem, verdict.units = f"{seen}: the stress {named}", {"stress": f"{sign}{fitting[0]}"}
        return
    sizes = [
        float(np.abs(frame.stress).max() * abs(np.linalg.det(frame.cell)) / len(frame.numbers))
        for frame in frames
        if frame.stress is not None and np.isfinite(frame.stress).all()
    ]
    size = float(np.median(sizes)) if sizes else 0.0
    if size > _MAX_STRESS_ENERGY:
        lowest, highest = _LIKELY_STRESS_ENERGY
        likely = [unit for unit in ("GPa", "kbar", "bar") if lowest < size * STRESSES[unit] < highest]
        verdict.problem = f"the stress times the volume is {size:.3g} eV per atom, far too large for eV/Å³"
        if likely:
            verdict.problem += f": it seems to be in {' or '.join(likely)}"
            verdict.units = {"stress": likely[0]}
