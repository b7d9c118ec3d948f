"""Equations of state against a published one of the same potential."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.eos import birchmurnaghan

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.common.units import GPA
from aiida_nnpgen.properties import PropertyWarning, birch_murnaghan, volume_scan

RATIOS = np.linspace(0.94, 1.06, 7)


def exact(volumes, energy=-3.0, modulus=100.0, derivative=5.0, volume=16.0):
    """Return energies on a curve of Birch and Murnaghan."""
    return birchmurnaghan(np.asarray(volumes), energy, modulus * GPA, derivative, volume)


def test_birch_murnaghan_finds_the_parameters_of_its_own_curve() -> None:
    """Far from zero too, and in any order."""
    volumes = 16.0 * RATIOS[::-1]
    for offset in (0.0, -1e5):
        found = birch_murnaghan(volumes, exact(volumes) + offset)
        assert found.volume.value == pytest.approx(16.0, rel=1e-5)
        assert found.energy.value == pytest.approx(-3.0 + offset, abs=1e-6)
        assert found.bulk_modulus.value == pytest.approx(100.0, rel=1e-3)
        assert found.derivative.value == pytest.approx(5.0, rel=1e-2)
        assert found.residual < 1e-8
        assert found.energies_at(volumes) == pytest.approx(exact(volumes) + offset, abs=1e-7)


def test_silver_of_effective_medium_theory() -> None:
    """ASE publishes 16.781 Å³ and 100.1 GPa for EMT silver, from five cells 5 % about 4 Å and another equation.

    https://ase-lib.org/examples_generated/eos/plot_ag_eos.html
    """
    frames = volume_scan(Frames.from_atoms([bulk("Ag", "fcc", a=4.0)]), np.linspace(0.95, 1.05, 5) ** 3)
    images = frames.to_atoms()
    for atoms in images:
        atoms.calc = EMT()
    found = birch_murnaghan(frames.volumes, [atoms.get_potential_energy() for atoms in images])
    assert found.volume.value == pytest.approx(16.781, rel=1e-3)
    assert found.bulk_modulus.value == pytest.approx(100.14, rel=0.01)
    assert found.energy.value == pytest.approx(0.0, abs=1e-3)


def test_uncertainties_of_a_fit_cover(coverage) -> None:
    """With noise on each of nine energies, about 68 % of error bars hold volume and bulk modulus."""
    volumes = 16.0 * np.linspace(0.9, 1.1, 9)
    for name, truth in (("volume", 16.0), ("bulk_modulus", 100.0)):
        share = coverage(
            lambda rng, name=name: getattr(
                birch_murnaghan(volumes, exact(volumes) + rng.normal(scale=1e-4, size=9)), name
            ),
            truth,
        )
        assert 0.6 <= share <= 0.76


def test_scattered_energies_are_warned_of(rng) -> None:
    """A jump in the curve, as where a structure changed on the way, is not silent; a smooth curve is."""
    volumes = 16.0 * RATIOS
    energies = exact(volumes)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        birch_murnaghan(volumes, energies)
    energies[2] += 0.01
    with pytest.warns(PropertyWarning, match="scatter about the equation of state"):
        birch_murnaghan(volumes, energies)


VOLUMES = 16.0 * RATIOS


@pytest.mark.filterwarnings("ignore::aiida_nnpgen.properties.PropertyWarning")
@pytest.mark.parametrize(
    ("volumes", "energies", "message"),
    [
        (VOLUMES[:4], exact(VOLUMES[:4], volume=15.5), "4 different volumes are too few"),
        ([16.0] * 6, np.zeros(6), "1 different volumes"),
        (VOLUMES, exact(VOLUMES, volume=20.0), "`16.96` Å³: go on to larger volumes"),
        (VOLUMES, exact(VOLUMES, volume=12.0), "`15.04` Å³: go on to smaller volumes"),
        (VOLUMES, np.zeros(7), "at the end of the scan"),
        (VOLUMES, np.where(VOLUMES > 16.5, np.nan, 0.0), "`energies` of point 5 is `nan`"),
        (-VOLUMES, exact(VOLUMES), "`volumes` has the value `-16.96`"),
        (VOLUMES, exact(VOLUMES)[:6], "one value per point"),
        ([], [], "`volumes` has shape"),
        (VOLUMES, [1.0, 0.0, 1.0, 0.5, 0.4, 0.3, 0.2], r"not within the volumes"),
    ],
)
def test_birch_murnaghan_refuses(volumes, energies, message: str) -> None:
    """A scan without a minimum has no equation of state."""
    with pytest.raises(InputError, match=message):
        birch_murnaghan(volumes, energies)
