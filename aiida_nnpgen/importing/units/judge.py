"""Which units the numbers of a file are in, by their size."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ...dft.reading import Reading
from .declared import ENERGIES, STRESSES, force_factor
from .distances import judge_distances
from .energy_slope import Slopes, compare_work
from .verdict import Verdict
from .xtb import Comparison, compare_with_xtb

__all__ = ["judge"]

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
_WORK_TOLERANCE = math.log(1.25)  # what the trapezoidal rule leaves open
_XTB_TOLERANCE = math.log(2.5)  # what two methods differ by
_STRESS_TOLERANCE = math.log(1.5)  # Pulay stress at strains of some percent
_STRESS_DOUBT = math.log(5.0)  # a factor that no unit explains is a mistake from here on, such as a virial for a stress
_UNRELATED = 0.5  # correlation of energies with the work of forces below which the two are of different calculations
_STRESS_UNITS = ("eV/Å³", "GPa", "kbar", "bar", "Ha/bohr³")
# eV per atom, of the stress times the volume.
_MAX_STRESS_ENERGY = 30.0
_LIKELY_STRESS_ENERGY = (0.01, 10.0)


def judge(frames: Sequence[Reading], with_xtb: bool = True) -> Verdict:
    """Compare sizes with what is cheaply known: distances, work, a semi-empirical method, stress.

    Nothing speaks against units that cannot be judged, such as forces near a minimum.

    :param frames: of one file, taken to be in eV, Å, eV/Å, eV/Å³; periodic, finite.
    :param with_xtb: compare with the semi-empirical method, too, if it is installed.
    """
    if not frames:
        return Verdict()
    length, verdict = judge_distances(frames)
    labelled = [frame for frame in frames if frame.is_labelled and frame.forces is not None and _is_finite(frame)]
    if length is None or not labelled:
        return verdict
    slopes = compare_work(labelled, length)
    moving = [frame for frame in labelled if np.any(frame.forces)]
    size = compare_with_xtb(moving, length) if with_xtb and moving else Comparison(None)
    verdict = verdict & _judge_forces(slopes, size, len(labelled[0].numbers))
    return verdict if verdict.problem else verdict & _judge_stress(labelled, slopes)


def _is_finite(frame: Reading) -> bool:
    return (
        frame.energy is not None and math.isfinite(frame.energy) and bool(np.isfinite(np.asarray(frame.forces)).all())
    )


def _judge_forces(slopes: Slopes, xtb: Comparison, n_atoms: int) -> Verdict:
    size = xtb.size
    if size is None and slopes.force is None:
        notes = [f"the units of energy and forces cannot be judged by these frames{xtb.reason and ': '}{xtb.reason}"]
        if slopes.correlation is not None and abs(slopes.correlation) < _UNRELATED:
            notes.append(f"energies of {slopes.pairs} pairs of close frames do not follow the forces")
        return Verdict(notes=tuple(notes))
    seen = _describe(slopes, size)
    given = [value for value in (slopes.force, size) if value is not None]
    sign = -1 if max(given) < 0 else 1
    slope, size = (None if value is None else sign * value for value in (slopes.force, size))
    fitting = [pair for pair in _PAIRS if _fits(pair, slope, size, n_atoms)]
    if not fitting:
        return Verdict(f"{seen}, which no known units of energy and force explain")
    energy, force = _likeliest(fitting, size)
    if sign < 0:
        return _judge_gradients(seen, energy, force)
    if (energy, force) == _PAIRS[0]:
        return Verdict()
    if energy == _PER_ATOM:
        return Verdict(f"{seen}: energies seem to be per atom; multiply them by the number of atoms")
    problem = f"{seen}: energies seem to be in {energy} and forces in {force}"
    if size is None and len(fitting) > 1:
        problem += f"; {', '.join(f'{pair[0]} and {pair[1]}' for pair in fitting if pair != fitting[0])} fit as well"
    return Verdict(problem, {"energy": energy, "force": force})


def _judge_gradients(seen: str, energy: str, force: str) -> Verdict:
    """Judge what fits with the opposite sign of the forces alone."""
    problem = f"{seen}: forces have the opposite sign, they seem to be gradients"
    if energy == _PER_ATOM:
        return Verdict(f"{problem}, and energies per atom; correct both")
    if (energy, force) == _PAIRS[0]:
        return Verdict(problem, {"force": f"-{force}"})
    return Verdict(f"{problem} in {force}, and energies in {energy}", {"energy": energy, "force": f"-{force}"})


def _likeliest(fitting: list[tuple[str, str]], size: float | None) -> tuple[str, str]:
    """Return the first pair of units, or the one that fits best where the size of forces is known."""
    if size is None or fitting[0] == _PAIRS[0]:
        return fitting[0]
    return min(fitting, key=lambda pair: round(abs(math.log(size * force_factor(pair[1]))), 2))


def _fits(pair: tuple[str, str], slope: float | None, size: float | None, n_atoms: int) -> bool:
    energy = float(n_atoms) if pair[0] == _PER_ATOM else ENERGIES[pair[0]]
    force = force_factor(pair[1])
    if slope is not None and not (slope > 0 and abs(math.log(slope * energy / force)) < _WORK_TOLERANCE):
        return False
    return size is None or (size > 0 and abs(math.log(size * force)) < _XTB_TOLERANCE)


def _describe(slopes: Slopes, size: float | None) -> str:
    parts = []
    if slopes.force is not None:
        parts.append(f"energies change by {slopes.force:.3g} times the work of the forces")
    if size is not None:
        parts.append(f"forces are {size:.3g} times what is expected")
    return " and ".join(parts)


def _judge_stress(frames: Sequence[Reading], slopes: Slopes) -> Verdict:
    """Judge by the work of the stress where cells change, otherwise by its size alone."""
    return _judge_stress_size(frames) if slopes.stress is None else _judge_stress_work(slopes.stress)


def _judge_stress_work(slope: float) -> Verdict:
    size = abs(slope)
    fitting = [unit for unit in _STRESS_UNITS if abs(math.log(size / STRESSES[unit])) < _STRESS_TOLERANCE]
    seen = f"energies change by {slope:.3g} times the work of the stress"
    if not fitting:
        seen += ", which no known unit of stress explains"
        return Verdict(notes=(seen,)) if abs(math.log(size)) < _STRESS_DOUBT else Verdict(seen)
    unit = fitting[0]
    if slope > 0 and unit == _STRESS_UNITS[0]:
        return Verdict()
    signed = unit if slope > 0 else f"-{unit}"
    named = "has the opposite sign" if signed == f"-{_STRESS_UNITS[0]}" else f"seems to be in {signed}"
    return Verdict(f"{seen}: the stress {named}", {"stress": signed})


def _judge_stress_size(frames: Sequence[Reading]) -> Verdict:
    sizes = [
        float(np.abs(frame.stress).max() * abs(np.linalg.det(frame.cell)) / len(frame.numbers))
        for frame in frames
        if frame.stress is not None and np.isfinite(frame.stress).all()
    ]
    size = float(np.median(sizes)) if sizes else 0.0
    if size <= _MAX_STRESS_ENERGY:
        return Verdict()
    lowest, highest = _LIKELY_STRESS_ENERGY
    likely = [unit for unit in ("GPa", "kbar", "bar") if lowest < size * STRESSES[unit] < highest]
    problem = f"the stress times the volume is {size:.3g} eV per atom, far too large for eV/Å³"
    if not likely:
        return Verdict(problem)
    return Verdict(f"{problem}: it seems to be in {' or '.join(likely)}", {"stress": likely[0]})
