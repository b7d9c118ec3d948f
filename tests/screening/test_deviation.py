"""Tests of the deviations of a committee."""

from __future__ import annotations

import numpy as np
import pytest

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.screening.deviation import energy_deviation, max_force_deviation, stress_deviation

RNG = np.random.default_rng(2)


def test_max_force_deviation_of_two_models_is_half_their_difference():
    """For two models the root mean square about the mean is half the length of the difference."""
    forces = np.zeros((2, 1, 3, 3))
    forces[0, 0, 1] = [3.0, 0.0, 4.0]
    assert max_force_deviation(forces) == pytest.approx([2.5])


def test_max_force_deviation_follows_the_definition_written_as_loops():
    """The vectorised formula equals the definition, atom by atom."""
    forces = RNG.normal(size=(4, 3, 5, 3))
    expected = []
    for frame in range(3):
        atoms = []
        for atom in range(5):
            mean = sum(forces[k, frame, atom] for k in range(4)) / 4
            atoms.append(np.sqrt(sum(np.linalg.norm(forces[k, frame, atom] - mean) ** 2 for k in range(4)) / 4))
        expected.append(max(atoms))
    assert max_force_deviation(forces) == pytest.approx(expected)


def test_max_force_deviation_with_a_percentile_passes_over_a_spike():
    """One atom out of a hundred decides the maximum, and not the 95th percentile."""
    forces = np.zeros((2, 1, 100, 3))
    forces[0, 0, :, 0] = 0.2
    forces[0, 0, 17, 0] = 9.0
    assert max_force_deviation(forces) == pytest.approx([4.5])
    assert max_force_deviation(forces, percentile=95) == pytest.approx([0.1])


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("percentile", [50.0, 100.0])
def test_max_force_deviation_of_a_force_that_is_not_finite_is_nan(value, percentile):
    """A bad force spoils its own frame only, also where a percentile would hide it."""
    forces = RNG.normal(size=(3, 2, 5, 3))
    forces[1, 1, 2, 0] = value
    deviation = max_force_deviation(forces, percentile=percentile)
    assert np.isnan(deviation[1])
    assert np.isfinite(deviation[0])


@pytest.mark.parametrize("shape", [(4, 3, 5), (1, 3, 5, 3), (4, 3, 5, 2), (4, 3, 0, 3)])
def test_max_force_deviation_refuses_wrong_shapes(shape):
    """Missing axes, a lone model, no atoms and planar forces are refused."""
    with pytest.raises(InputError):
        max_force_deviation(np.zeros(shape))


@pytest.mark.parametrize("percentile", [0, -1, 101, np.nan])
def test_max_force_deviation_refuses_a_percentile_that_is_none(percentile):
    """Percentiles lie above 0 and not above 100."""
    with pytest.raises(InputError, match="percentile"):
        max_force_deviation(np.zeros((2, 1, 1, 3)), percentile=percentile)


def test_energy_deviation_is_per_atom():
    """Two models 1 eV apart on ten atoms deviate by 0.05 eV per atom."""
    assert energy_deviation([[-3.0, 2.0], [-2.0, 2.0]], 10) == pytest.approx([0.05, 0.0])


def test_energy_deviation_takes_the_number_of_atoms_of_each_frame():
    """Frames of different size are divided by their own number of atoms."""
    assert energy_deviation([[0.0, 0.0], [2.0, 2.0]], [1, 4]) == pytest.approx([1.0, 0.25])


def test_stress_deviation_is_that_of_the_worst_component():
    """The largest of six standard deviations counts."""
    stresses = np.zeros((2, 1, 6))
    stresses[0, 0] = [0, 0.2, 0, 0, -0.6, 0]
    assert stress_deviation(stresses) == pytest.approx([0.3])


def test_stress_deviation_without_a_stress_is_nan():
    """A row of NaN means that there is no stress."""
    stresses = np.zeros((2, 2, 6))
    stresses[0, 1] = np.nan
    assert np.isnan(stress_deviation(stresses)).tolist() == [False, True]
