"""Which unit positions are in, by the distances of neighbours."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase import Atoms
from ase.data import covalent_radii
from ase.neighborlist import neighbor_list

from ...common.bounds import reach_within
from ...dft.reading import Reading
from .declared import LENGTHS
from .verdict import Verdict

__all__ = ["judge_distances"]

_NOBLE = (2, 10, 18, 36, 54, 86)
_SAMPLES = 5  # frames that are looked at
_SIZE = 2.5  # Å, edge of the cube that an atom has in a common crystal
_REACH = 1.6  # edges of the cube that one atom has: nearest neighbours of any packing are within 1.12 of them
# Of nearest neighbours, over the sum of covalent radii. An expanded lattice reaches 1.6 and more, bonds in bohr begin
# at 1.6 (tungsten) and are at 1.9 for most: what lies between tells nothing.
_BONDED = (0.62, 1.45)
_BONDED_IN_BOHR = (1.65, 2.5)


def judge_distances(frames: Sequence[Reading]) -> tuple[float | None, Verdict]:
    """Return the factor that brings positions to Å, None if distances are of no known unit; and why.

    Distances that are long in some frames only are those of an expanded lattice or of a broken bond.
    """
    chosen = [frames[row] for row in np.unique(np.linspace(0, len(frames) - 1, _SAMPLES).astype(int))]
    ratios = [ratio for frame in chosen if (ratio := _neighbour_ratio(frame)) is not None]
    if not ratios:
        return 1.0, Verdict()
    middle, lowest = float(np.median(ratios)), min(ratios)
    if middle < _BONDED[0]:
        return _judge_short(middle)
    if middle <= _BONDED[1]:
        return 1.0, Verdict()
    seen = _describe(lowest)
    if _BONDED_IN_BOHR[0] <= lowest <= _BONDED_IN_BOHR[1]:
        return LENGTHS["bohr"], Verdict(f"{seen}: positions seem to be in bohr, not Å", {"length": "bohr"})
    return 1.0, Verdict(notes=(f"{seen}: the unit of length cannot be judged",))


def _judge_short(ratio: float) -> tuple[float | None, Verdict]:
    seen = _describe(ratio)
    if _BONDED[0] <= ratio * LENGTHS["nm"] <= _BONDED[1]:
        return LENGTHS["nm"], Verdict(f"{seen}: positions seem to be in nm, not Å", {"length": "nm"})
    if _BONDED[0] <= ratio / LENGTHS["bohr"] <= _BONDED[1]:
        return None, Verdict(f"{seen}: positions in Å seem to have been converted from bohr once too often")
    return None, Verdict(f"{seen}, which no unit of length explains")


def _describe(ratio: float) -> str:
    return f"nearest neighbours are {ratio:.2f} times the sum of their covalent radii apart"


def _neighbour_ratio(frame: Reading) -> float | None:
    """Return the median over atoms of the distance to the nearest neighbour over the sum of covalent radii."""
    n_atoms = len(frame.numbers)
    size = (abs(float(np.linalg.det(frame.cell))) / n_atoms) ** (1 / 3)
    # Scaled to a usual density, since the search takes long where cells are tiny by a wrong unit.
    scale = _SIZE / size
    atoms = Atoms(frame.numbers, positions=frame.positions * scale, cell=frame.cell * scale, pbc=True)
    reach = reach_within(atoms.positions, atoms.cell.array, _REACH * _SIZE)
    first, second, distances = neighbor_list("ijd", atoms, reach)
    ratios = distances / scale / (covalent_radii[frame.numbers[first]] + covalent_radii[frame.numbers[second]])
    nearest = np.full(n_atoms, np.inf)
    np.minimum.at(nearest, first, ratios)
    judged = nearest[~np.isin(frame.numbers, _NOBLE)]
    median = float(np.median(judged)) if len(judged) else np.inf
    return median if np.isfinite(median) else None
