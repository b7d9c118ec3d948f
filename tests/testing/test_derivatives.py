"""Differences of energies, against a potential whose derivatives are known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.testing.derivatives import forces_by_differences, stress_by_strain
from aiida_nnpgen.testing.pair_potential import alloy, label, mixture, rattle


@pytest.fixture(scope="module")
def frames() -> Frames:
    """Return two labelled frames in triclinic cells."""
    return label(rattle(alloy(), 2, seed=0))


def energy(frames: Frames) -> NDArray[np.float64]:
    """Return the energies alone."""
    energies = label(frames).energies
    assert energies is not None
    return energies


@pytest.mark.parametrize("row", [0, 1])
def test_forces_by_differences_are_those_of_the_potential(frames: Frames, row: int) -> None:
    """Atoms and row are the ones asked for."""
    numerical = forces_by_differences(energy, frames, row, atoms=[1, 6])
    np.testing.assert_allclose(numerical, frames.forces[row, [1, 6]], atol=1e-9)


@pytest.mark.parametrize("row", [0, 1])
def test_stress_by_strain_is_that_of_the_potential(frames: Frames, row: int) -> None:
    """Sign, order and volume are right in all six components, which differ."""
    assert len(set(np.round(frames.stresses[row], 5))) == 6
    np.testing.assert_allclose(stress_by_strain(energy, frames, row), frames.stresses[row], atol=1e-10)


def test_forces_by_differences_covers_all_atoms(frames: Frames) -> None:
    """Without a choice every atom has its row."""
    np.testing.assert_allclose(forces_by_differences(energy, frames), frames.forces[0], atol=1e-9)


def test_mixture_is_what_users_have() -> None:
    """Two compositions, and frames without stress."""
    first, second = mixture(seed=1)
    assert (first.n_atoms, second.n_atoms) == (8, 4)
    assert np.isnan(first.stresses).all(axis=1).tolist() == 2 * [True] + 10 * [False]
    assert second.stresses is None
