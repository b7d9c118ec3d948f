"""Cells as DeePMD-kit can read them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["right_handed"]


def right_handed(cells: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return cells of the same lattices whose vectors form right-handed systems.

    DeePMD-kit takes a left-handed cell without a word and gives wrong forces, in training as in prediction. Where a
    cell is left-handed, its first two vectors change places: lattice, atoms and axes stay, and so do the labels.

    :param cells: rows are the cell vectors, (n_frames, 3, 3).
    """
    is_left = np.linalg.det(cells) < 0
    return np.where(is_left[:, None, None], cells[:, [1, 0, 2]], cells)
