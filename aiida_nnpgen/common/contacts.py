"""Whether the atoms of a run are still at distances that can be: bonds of its start hold, and none sit in another."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.data import covalent_radii
from ase.neighborlist import neighbor_list
from numpy.typing import NDArray

from .exceptions import InputError
from .frames import Frames
from .molecules import BOND_FACTOR, bonds

__all__ = ["Contacts", "check_contact_limits"]


def check_contact_limits(torn_bond: float | None, overlap: float | None) -> None:
    """Refuse limits that no structure could keep.

    :raises InputError: naming the value.
    """
    for name, value in (("torn_bond", torn_bond), ("overlap", overlap)):
        if value is not None and not (np.isfinite(value) and value > 0):
            raise InputError(f"`{name}` must be a positive number or null, not `{value}`")
    if overlap is not None and overlap >= 1:
        raise InputError(f"`overlap` must be below 1, not `{overlap}`: bonded atoms would overlap")
    if torn_bond is not None and torn_bond <= BOND_FACTOR:
        raise InputError(f"`torn_bond` must exceed {BOND_FACTOR}, up to which atoms are bonded, not `{torn_bond}`")


class Contacts:
    """Judge the distances of a run, whose atoms move without jumps, by the bonds of its start.

    :param start: where the run started.
    :param torn_bond: multiple of the sum of covalent radii beyond which a bond of the start is torn; None: not judged.
    :param overlap: fraction of that sum below which two atoms overlap; None: not judged.
    """

    def __init__(self, start: Atoms, torn_bond: float | None, overlap: float | None) -> None:
        self.atoms = Atoms(start.numbers, start.positions, cell=start.cell, pbc=True)
        self.torn_bond, self.overlap = torn_bond, overlap
        self.radii = covalent_radii[start.numbers]
        if torn_bond is not None:
            pairs, self.shifts = next(iter(bonds(Frames.from_atoms([self.atoms]))))
            self.first, self.second = pairs.T

    def judge(self, positions: NDArray[np.float64], cell: NDArray[np.float64]) -> str | None:
        """Return which bond is torn, or which atoms overlap; None if all is well."""
        torn = None if self.torn_bond is None else self._find_torn(positions, cell, self.torn_bond)
        return torn or (None if self.overlap is None else self._find_overlap(positions, cell, self.overlap))

    def _find_torn(self, positions: NDArray[np.float64], cell: NDArray[np.float64], factor: float) -> str | None:
        vectors = positions[self.second] + self.shifts @ cell - positions[self.first]
        lengths = np.linalg.norm(vectors, axis=1)
        excess = lengths / (factor * (self.radii[self.first] + self.radii[self.second]))
        if not len(excess) or excess.max() <= 1:
            return None
        worst = int(excess.argmax())
        names = self._names(int(self.first[worst]), int(self.second[worst]))
        return f"the bond between {names} is {lengths[worst]:.2f} Å long (`torn_bond`)"

    def _find_overlap(self, positions: NDArray[np.float64], cell: NDArray[np.float64], fraction: float) -> str | None:
        self.atoms.set_cell(cell)
        self.atoms.set_positions(positions)
        first, second, distances = neighbor_list("ijd", self.atoms, fraction * self.radii)
        if not len(distances):
            return None
        closest = int(distances.argmin())
        names = self._names(int(first[closest]), int(second[closest]))
        return f"{names} are {distances[closest]:.2f} Å apart (`overlap`)"

    def _names(self, first: int, second: int) -> str:
        symbols = self.atoms.symbols
        return f"atoms {first} ({symbols[first]}) and {second} ({symbols[second]})"
