"""Mass density."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..common.exceptions import InputError
from ..common.units import DALTON_PER_A3
from .checks import check_finite

__all__ = ["density"]


def density(masses: ArrayLike, volumes: ArrayLike) -> NDArray[np.float64]:
    """Return the density of each frame in g/cm³, (n_frames,).

    Its mean with an uncertainty is :func:`~aiida_nnpgen.properties.block_average` of it.

    :param masses: u, of every atom in the box, (n_atoms,), or their sum.
    :param volumes: Å³, (n_frames,).
    :raises InputError: if there are no frames or atoms, or a value is not finite and positive.
    """
    weights, sizes = check_finite(masses, "masses", "atom"), check_finite(volumes, "volumes")
    for name, array in (("masses", weights), ("volumes", sizes)):
        if array.ndim != 1:
            raise InputError(f"`{name}` has shape {array.shape}, expected one row of values")
        if array.min() <= 0:
            row = int(np.argmax(array <= 0))
            raise InputError(f"`{name}` has the value `{array[row]}` at {row}: it must be positive")
    return np.asarray(weights.sum() * DALTON_PER_A3 / sizes)
