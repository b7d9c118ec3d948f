"""Energy, forces and stress from any ASE calculator, under the conventions of this package."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from ase import Atoms
from ase.calculators.calculator import BaseCalculator, PropertyNotImplementedError
from numpy.typing import NDArray

__all__ = ["Evaluation", "evaluate"]


class Evaluation(NamedTuple):
    """What a calculator says about one structure.

    :ivar energy: eV, the one that the forces derive from.
    :ivar forces: eV/Å, (n_atoms, 3), without any constraint applied.
    :ivar stress: eV/Å³, tension positive, order xx yy zz yz xz xy, (6,), without the ionic kinetic part; NaN where the
        calculator gives none.
    """

    energy: float
    forces: NDArray[np.float64]
    stress: NDArray[np.float64]


def evaluate(atoms: Atoms, calculator: BaseCalculator) -> Evaluation:
    """Return energy, forces and stress of a structure.

    Forces are the gradient of the free energy where electrons are smeared over levels. ASE calls that ``free_energy``,
    and ``energy`` is then often the extrapolation to no smearing: the first is taken where there is one.

    :param atoms: the structure; its constraints and its own calculator play no part.
    :param calculator: keeps its state, so that a series of similar structures goes faster.
    :raises Exception: whatever the calculator raises.
    """
    # Stress comes first: calculators that run once per request give the other two with it.
    try:
        stress = np.asarray(calculator.get_property("stress", atoms), dtype=np.float64)
    except PropertyNotImplementedError:
        stress = np.full(6, np.nan)
    forces = np.asarray(calculator.get_property("forces", atoms), dtype=np.float64)
    try:
        energy = float(calculator.get_potential_energy(atoms, force_consistent=True))
    except PropertyNotImplementedError:
        energy = float(calculator.get_property("energy", atoms))
    return Evaluation(energy, forces, stress)
