"""Turn a cell into the orientation that LAMMPS demands, and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...common.exceptions import InputError

__all__ = ["RestrictedCell"]


@dataclass(frozen=True, eq=False, kw_only=True)
class RestrictedCell:
    """A cell in LAMMPS' orientation: a along x, b in the xy plane, all diagonal elements positive.

    :ivar cell: rows are the cell vectors in Å, lower triangular, (3, 3).
    :ivar rotation: proper rotation R with ``cell = handedness * original @ R.T``, (3, 3).
    :ivar handedness: -1 where the original vectors were left-handed; they are then inverted, which leaves the lattice
        and the positions as they are, whereas a mirror image would change the enantiomer.
    """

    cell: NDArray[np.float64]
    rotation: NDArray[np.float64]
    handedness: int

    @classmethod
    def from_cell(cls, cell: ArrayLike) -> RestrictedCell:
        """Return the restricted form of a cell whose rows are the cell vectors in Å.

        :raises InputError: if the cell is not finite or has no volume.
        """
        vectors = np.asarray(cell, dtype=np.float64)
        usable = vectors.shape == (3, 3) and bool(np.isfinite(vectors).all())
        volume = float(np.linalg.det(vectors)) if usable else 0.0
        lengths = np.linalg.norm(vectors, axis=-1)
        if not abs(volume) > 1e-6 * float(np.prod(lengths)):
            raise InputError(f"`{vectors.tolist()}` is no cell: give three independent vectors in Å")
        handedness = 1 if volume > 0 else -1
        vectors = handedness * vectors
        if not np.triu(vectors, 1).any() and (np.diag(vectors) > 0).all():
            return cls(cell=vectors, rotation=np.eye(3), handedness=handedness)
        factor, upper = np.linalg.qr(vectors.T)
        signs = np.sign(np.diag(upper))
        return cls(cell=np.tril(upper.T * signs), rotation=(factor * signs).T, handedness=handedness)

    def rotate(self, vectors: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return vectors, (..., 3), of the original orientation in LAMMPS' orientation."""
        return vectors @ self.rotation.T

    def rotate_back(self, vectors: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return vectors, (..., 3), of LAMMPS' orientation in the original orientation."""
        return vectors @ self.rotation

    def restore_cells(self, cells: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return cells, (..., 3, 3), of LAMMPS' orientation in orientation and handedness of the original."""
        return self.handedness * self.rotate_back(cells)
