"""The equation of state that fits energies of several volumes."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from ase.eos import birchmurnaghan
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import curve_fit

from ..common.exceptions import InputError
from ..common.units import GPA
from .blocks import Estimate, student_factor
from .checks import PropertyWarning, check_finite

__all__ = ["EquationOfState", "birch_murnaghan"]

MIN_VOLUMES = 5
"""Four parameters are fitted; one point more lets the fit be judged."""
MAX_RESIDUAL = 0.02
"""Residual over the range of energies above which points are called scattered."""


@dataclass(frozen=True, kw_only=True)
class EquationOfState:
    """The equation of Birch and Murnaghan of third order that fits energies of several volumes.

    Uncertainties are those of the fit alone: how far the points scatter about it.

    :ivar volume: Å³, where the energy is lowest.
    :ivar energy: eV, at that volume.
    :ivar bulk_modulus: GPa.
    :ivar derivative: of the bulk modulus by pressure.
    :ivar residual: eV, root mean square.
    :ivar volumes: Å³, what was fitted, (n_volumes,).
    :ivar energies: eV, (n_volumes,).
    """

    volume: Estimate
    energy: Estimate
    bulk_modulus: Estimate
    derivative: Estimate
    residual: float
    volumes: NDArray[np.float64]
    energies: NDArray[np.float64]

    def energies_at(self, volumes: ArrayLike) -> NDArray[np.float64]:
        """Return the energies of the curve in eV.

        :param volumes: Å³, of any shape.
        """
        sizes = np.asarray(volumes, dtype=np.float64)
        parameters = (self.bulk_modulus.value * GPA, self.derivative.value, self.volume.value)
        return np.asarray(birchmurnaghan(sizes, self.energy.value, *parameters))


def birch_murnaghan(volumes: ArrayLike, energies: ArrayLike) -> EquationOfState:
    """Return the equation of state that fits, with its minimum within the volumes.

    Birch, Phys. Rev. 71, 809 (1947). Warns where the points scatter about the curve.

    :param volumes: Å³, (n_volumes,), in any order.
    :param energies: eV, (n_volumes,).
    :raises InputError: if there are fewer than five volumes, the lowest energy is that of the smallest or the largest
        one, or nothing fits.
    """
    sizes, values = check_finite(volumes, "volumes", "point"), check_finite(energies, "energies", "point")
    if sizes.ndim != 1 or sizes.shape != values.shape:
        raise InputError(f"`volumes` and `energies` need one value per point, not {sizes.shape} and {values.shape}")
    order = np.argsort(sizes)
    sizes, values = sizes[order], values[order]
    _check_scan(sizes, values)
    lowest = values.min()  # a fit of large numbers would lose digits
    parabola = np.polynomial.Polynomial.fit(sizes, values - lowest, 2).convert().coef
    middle = float(np.clip(-parabola[1] / (2 * parabola[2]), sizes[0], sizes[-1]))
    try:
        guess = (0.0, abs(2 * parabola[2] * middle), 4.0, middle)
        with np.errstate(invalid="ignore"):  # on its way the fit may try volumes below zero
            found, covariance = curve_fit(birchmurnaghan, sizes, values - lowest, guess, maxfev=10_000)
    except RuntimeError as exception:
        raise InputError(f"no equation of state fits the energies: {exception}") from exception
    energy, modulus, derivative, volume = found
    if not (sizes[0] < volume < sizes[-1] and modulus > 0):
        raise InputError(
            f"the fit has its minimum at `{volume:.6g}` Å³ with a bulk modulus of `{modulus / GPA:.4g}` GPa, and not "
            f"within the volumes {sizes[0]:.6g} to {sizes[-1]:.6g} Å³: scan around the minimum"
        )
    residual = float(np.sqrt(np.mean((values - lowest - birchmurnaghan(sizes, *found)) ** 2)))
    _warn_of_scatter(residual, float(np.ptp(values)))
    errors = np.sqrt(np.diag(covariance)) * student_factor(len(sizes) - len(found))
    return EquationOfState(
        volume=Estimate(float(volume), float(errors[3])),
        energy=Estimate(float(energy + lowest), float(errors[0])),
        bulk_modulus=Estimate(float(modulus / GPA), float(errors[1] / GPA)),
        derivative=Estimate(float(derivative), float(errors[2])),
        residual=residual,
        volumes=sizes,
        energies=values,
    )


def _check_scan(volumes: NDArray[np.float64], energies: NDArray[np.float64]) -> None:
    """Refuse what cannot hold a minimum; volumes are in ascending order."""
    if volumes[0] <= 0:
        raise InputError(f"`volumes` has the value `{volumes[0]}`: it must be positive")
    n_volumes = len(np.unique(volumes))
    if n_volumes < MIN_VOLUMES:
        raise InputError(f"{n_volumes} different volumes are too few: an equation of state needs {MIN_VOLUMES}")
    lowest = int(np.argmin(energies))
    if volumes[lowest] in (volumes[0], volumes[-1]):
        side = "smaller" if volumes[lowest] == volumes[0] else "larger"
        raise InputError(
            f"the lowest energy is that at the end of the scan, `{volumes[lowest]:.6g}` Å³: go on to {side} volumes"
        )


def _warn_of_scatter(residual: float, depth: float) -> None:
    if residual > MAX_RESIDUAL * depth:
        warnings.warn(
            f"the energies scatter about the equation of state by {residual:.2g} eV, where they range over {depth:.2g} "
            "eV: look at the curve for a jump, or scan a wider range",
            PropertyWarning,
            stacklevel=3,
        )
