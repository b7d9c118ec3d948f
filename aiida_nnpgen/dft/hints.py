"""What looks wrong about a level of theory for a structure, before anything is computed."""

from __future__ import annotations

import numpy as np
from ase.data import chemical_symbols
from numpy.typing import NDArray

from .code import GAMMA_SPACING, DftCode
from .label import LabelFailure, LabelProblem
from .method import Method

__all__ = ["FIXED", "explain", "hints"]

FIXED = "fixed"
"""Occupations of levels that are full or empty."""

# Elements whose crystals are no metals; compounds of the others among themselves mostly are.
_NON_METALS = "H He B C N O F Ne Si P S Cl Ar Ge As Se Br Kr Te I Xe At Rn"


def hints(method: Method, occupations: str, numbers: NDArray[np.int64], cell: NDArray[np.float64]) -> list[str]:
    """Return a sentence for each thing that looks wrong.

    :param method: of a code with k-points of its own.
    :param occupations: as the code's :meth:`~.code.DftCode.occupations` says them.
    :param numbers: atomic numbers, (n_atoms,).
    :param cell: lattice vectors as rows in Å, (3, 3).
    """
    found = []
    metals = {chemical_symbols[number] for number in numbers}
    if occupations == FIXED and not metals & set(_NON_METALS.split()):
        found.append(f"{', '.join(sorted(metals))} with fixed occupations: `kind: metal`?")
    if method.mesh(cell) == (1, 1, 1) and Method(kpoints_spacing=GAMMA_SPACING).mesh(cell) != (1, 1, 1):
        found.append("one k-point in a small cell: leave `kpoints` out?")
    if occupations == FIXED and not method.is_polarised and (int(numbers.sum()) - method.charge) % 2:
        found.append("an odd number of electrons without spin: `multiplicity: 2`?")
    return found


def explain(problem: LabelProblem, code: DftCode, method: Method) -> LabelProblem:
    """Return why a label failed with what to try, where the level of theory is the likely cause.

    Fixed occupations do not converge where there is no gap, and attempts with another solver do not help.
    """
    if problem.reason is not LabelFailure.NOT_CONVERGED or code.occupations(method) != FIXED:
        return problem
    return LabelProblem(
        problem.reason, f"{problem.detail}; occupations are fixed: if there may be no gap take `kind: metal`"
    )
