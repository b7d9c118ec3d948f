"""Response functions from the fluctuations of volume and enthalpy at constant pressure and temperature.

Allen and Tildesley, Computer Simulation of Liquids, 2nd ed., section 2.5 (Oxford, 2017).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..common.exceptions import InputError
from ..common.units import BAR, KB
from .blocks import Estimate, jackknife
from .checks import check_finite, check_positive, check_series

__all__ = ["enthalpies", "isothermal_compressibility", "thermal_expansion"]


def enthalpies(energies: ArrayLike, pressure: float, volumes: ArrayLike) -> NDArray[np.float64]:
    """Return E + PV of each frame in eV, (n_frames,).

    :param energies: eV, *total* energy: potential and kinetic, without PV, (n_frames,).
    :param pressure: bar, the one that the barostat holds; not the one that fluctuates.
    :param volumes: Å³, (n_frames,).
    :raises InputError: if a value is not finite, or the lengths differ.
    """
    total, sizes = check_finite(energies, "energies"), check_finite(volumes, "volumes")
    if total.shape != sizes.shape:
        raise InputError(f"`energies` and `volumes` need one value per frame, not {total.shape} and {sizes.shape}")
    held = check_finite(pressure, "pressure")
    if held.shape != (1,):
        raise InputError(f"`pressure` must be one number, that of the barostat, and has shape {held.shape}")
    return np.asarray(total + held * BAR * sizes)


def thermal_expansion(
    volumes: ArrayLike,
    enthalpies: ArrayLike,
    temperature: float,
    *,
    n_blocks: int = 5,
    block_length: int | None = None,
) -> Estimate:
    """Return the volumetric coefficient of thermal expansion in 1/K, with its uncertainty.

    It is <dV dH> / (k T² <V>), where H = E + PV holds the kinetic energy; then an ideal gas has 1/T.

    :param volumes: Å³, (n_frames,).
    :param enthalpies: eV, of :func:`enthalpies`, (n_frames,).
    :param temperature: K, the one that the thermostat holds.
    :param n_blocks: how many blocks give the uncertainty.
    :param block_length: least number of frames in a block, instead of their number.
    :raises InputError: if there are fewer than two blocks, a series is constant or a value makes no sense.
    """
    kt2 = KB * check_positive(temperature, "temperature") ** 2
    series = {"volumes": check_series(volumes, "volumes", positive=True), "enthalpies": enthalpies}
    return jackknife(
        lambda v, h: float(((v - v.mean()) * (h - h.mean())).mean() / (kt2 * v.mean())),
        series,
        n_blocks=n_blocks,
        block_length=block_length,
    )


def isothermal_compressibility(
    volumes: ArrayLike, temperature: float, *, n_blocks: int = 5, block_length: int | None = None
) -> Estimate:
    """Return the isothermal compressibility in 1/bar, with its uncertainty.

    It is <dV²> / (k T <V>); an ideal gas has 1/P.

    :param volumes: Å³, (n_frames,).
    :param temperature: K, the one that the thermostat holds.
    :param n_blocks: how many blocks give the uncertainty.
    :param block_length: least number of frames in a block, instead of their number.
    :raises InputError: if there are fewer than two blocks, the volume is constant or a value makes no sense.
    """
    kt = KB * check_positive(temperature, "temperature")
    return jackknife(
        lambda v: float(v.var() / (kt * v.mean()) * BAR),
        {"volumes": check_series(volumes, "volumes", positive=True)},
        n_blocks=n_blocks,
        block_length=block_length,
    )
