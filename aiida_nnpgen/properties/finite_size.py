"""What a periodic box does to diffusion."""

from __future__ import annotations

import numpy as np
from scipy import constants

from .checks import check_positive

__all__ = ["finite_size_correction"]

_YEH_HUMMER = 2.837297  # of a cubic box with periodic images


def finite_size_correction(temperature: float, viscosity: float, box_length: float) -> float:
    """Return in cm²/s by how much diffusion in a periodic cubic box is too slow: 2.837297 kT / (6 pi eta L).

    Yeh and Hummer, J. Phys. Chem. B 108, 15873 (2004).

    :param temperature: K.
    :param viscosity: Pa s, of the model, not of the experiment, where they differ.
    :param box_length: Å.
    :raises InputError: if one is not positive.
    """
    thermal = constants.k * check_positive(temperature, "temperature")
    drag = 6 * np.pi * check_positive(viscosity, "viscosity") * check_positive(box_length, "box_length") * 1e-10
    return float(_YEH_HUMMER * thermal / drag * 1e4)
