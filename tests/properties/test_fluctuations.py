"""Compressibility and thermal expansion against the ideal gas, of which both are known at any number of particles."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import constants

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.common.units import BAR, KB
from aiida_nnpgen.properties import (
    PropertyWarning,
    enthalpies,
    isothermal_compressibility,
    thermal_expansion,
)

TEMPERATURE, PRESSURE, N_ATOMS = 300.0, 1000.0, 64


def ideal_gas(generator: np.random.Generator, n_frames: int):
    """Return volumes and enthalpies of independent frames at constant N, P and T.

    The volume has the density V^N exp(-PV/kT), and the kinetic energy is that of 3N degrees of freedom. So
    <dV²>/<V> = kT/P, and both response functions are exactly 1/P and 1/T.
    """
    volumes = generator.gamma(N_ATOMS + 1, KB * TEMPERATURE / (PRESSURE * BAR), n_frames)
    kinetic = generator.gamma(1.5 * N_ATOMS, KB * TEMPERATURE, n_frames)
    return volumes, enthalpies(kinetic, PRESSURE, volumes)


def test_ideal_gas_has_the_inverse_of_pressure_and_temperature() -> None:
    """Within three error bars, and within two percent."""
    volumes, total = ideal_gas(np.random.default_rng(3), 100_000)
    value, uncertainty = isothermal_compressibility(volumes, TEMPERATURE)
    assert abs(value - 1 / PRESSURE) < 3 * uncertainty < 0.06 / PRESSURE
    value, uncertainty = thermal_expansion(volumes, total, TEMPERATURE)
    assert abs(value - 1 / TEMPERATURE) < 3 * uncertainty < 0.06 / TEMPERATURE


def test_isothermal_compressibility_covers(coverage) -> None:
    """About 68 % of error bars hold 1/P."""
    found = coverage(lambda rng: isothermal_compressibility(ideal_gas(rng, 500)[0], TEMPERATURE), 1 / PRESSURE)
    assert 0.6 <= found <= 0.76


def test_thermal_expansion_covers(coverage) -> None:
    """About 68 % of error bars hold 1/T."""
    found = coverage(lambda rng: thermal_expansion(*ideal_gas(rng, 500), TEMPERATURE), 1 / TEMPERATURE)
    assert 0.6 <= found <= 0.76


def test_compressibility_covers_in_a_correlated_series(coverage, ar1) -> None:
    """The same of volumes that change slowly: normal ones, of variance and mean 25 and 1000."""
    truth = 25.0 / (1000.0 * KB * TEMPERATURE) * BAR
    found = coverage(lambda rng: isothermal_compressibility(1000 + 5 * ar1(rng, 2000, 0.8), TEMPERATURE), truth)
    assert 0.6 <= found <= 0.76


def test_enthalpies_are_in_ev() -> None:
    """One bar times one Å³ is 1e-25 J."""
    found = enthalpies([1.0, -2.0], 2.0, [1e3, 1e6])
    assert found == pytest.approx([1.0 + 2e-22 / constants.e, -2.0 + 2e-19 / constants.e], rel=1e-12)


@pytest.mark.filterwarnings("ignore::aiida_nnpgen.properties.PropertyWarning")
def test_units_of_compressibility() -> None:
    """A variance of 1 Å⁶ at a volume of 1000 Å³ and 300 K, in SI: 1e-60 m⁶ / (1e-27 m³ k 300 K), per bar."""
    volumes = 1000.0 + np.tile([1.0, -1.0], 50)
    found = isothermal_compressibility(volumes, 300.0).value
    assert found == pytest.approx(1e-60 / (1e-27 * constants.k * 300.0) * 1e5, rel=1e-9)


def test_fluctuations_warn_of_short_blocks(ar1) -> None:
    """A volume that hardly moves within a block, and an enthalpy that does so, are named."""
    generator = np.random.default_rng(4)
    slow, quick = 1000 + 5 * ar1(generator, 500, 0.99), 1000 + generator.normal(size=500)
    with pytest.warns(PropertyWarning, match="`volumes`"):
        isothermal_compressibility(slow, 300.0)
    with pytest.warns(PropertyWarning, match="`enthalpies`"):
        thermal_expansion(quick, slow, 300.0)


VOLUMES = np.random.default_rng(6).normal(1000.0, 5.0, 100)


@pytest.mark.parametrize(
    ("volumes", "total", "temperature", "message"),
    [
        (VOLUMES, VOLUMES, 0.0, "`temperature` must be a positive number, not `0.0`"),
        (VOLUMES, VOLUMES, np.nan, "`temperature`"),
        (np.full(10, 7.0), np.arange(10), 300.0, "`volumes` is `7.0` in all 10 frames"),
        (VOLUMES, np.full(100, -3.0), 300.0, "`enthalpies` is `-3.0` in all"),
        (-VOLUMES, VOLUMES, 300.0, "`volumes` of frame 0 is `-"),
        (VOLUMES, VOLUMES[:50], 300.0, "100 of `volumes`, 50 of `enthalpies`"),
        (VOLUMES, [np.nan] * 100, 300.0, "`enthalpies` of frame 0 is `nan`"),
        (VOLUMES[:1], VOLUMES[:1], 300.0, "one frame"),
    ],
)
def test_thermal_expansion_refuses(volumes, total, temperature: float, message: str) -> None:
    """A box that was held, a frame that is missing, a temperature that is none."""
    with pytest.raises(InputError, match=message):
        thermal_expansion(volumes, total, temperature)


def test_compressibility_refuses() -> None:
    """The same values are refused, and one block."""
    for volumes, message in ((np.full(10, 7.0), "constant"), (-VOLUMES, "positive"), ([], "shape")):
        with pytest.raises(InputError, match=message):
            isothermal_compressibility(volumes, 300.0)
    with pytest.raises(InputError, match="`n_blocks`"):
        isothermal_compressibility(VOLUMES, 300.0, n_blocks=1)


def test_enthalpies_refuse_the_pressure_of_each_frame() -> None:
    """The instantaneous pressure would count the fluctuation twice."""
    with pytest.raises(InputError, match="that of the barostat"):
        enthalpies([1.0, 2.0], [1.0, 2.0], [5.0, 6.0])  # type: ignore[arg-type]
    with pytest.raises(InputError, match="`pressure` of frame 0 is `nan`"):
        enthalpies([1.0, 2.0], float("nan"), [5.0, 6.0])
    with pytest.raises(InputError, match="one value per frame"):
        enthalpies([1.0, 2.0], 1.0, [5.0])
