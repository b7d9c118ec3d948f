"""What every model of energies must fulfil, whatever it was trained on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from ..common.frames import Frames
from ..common.voigt import from_voigt, to_voigt
from ..models.base import Potential
from .derivatives import Energy, forces_by_differences, stress_by_strain

__all__ = ["TOLERANCES", "PotentialChecks", "Prediction", "Tolerance", "assert_close", "predict", "rotation", "turn"]


@dataclass(frozen=True, kw_only=True)
class Tolerance:
    """How far numbers may differ, relative to the largest of them.

    :ivar symmetry: between descriptions of the same thing.
    :ivar derivative: between a derivative and its finite difference.
    :ivar step: of the finite differences: Å, or strain.
    """

    symmetry: float
    derivative: float
    step: float


TOLERANCES = {
    "float64": Tolerance(symmetry=1e-7, derivative=1e-5, step=1e-3),
    "float32": Tolerance(symmetry=1e-4, derivative=2e-2, step=1e-2),
}
"""By the number format of the model's parameters."""


class Prediction(NamedTuple):
    """What a model says of frames: eV, eV/Å and eV/Å³, complete and finite."""

    energies: NDArray[np.float64]
    forces: NDArray[np.float64]
    stresses: NDArray[np.float64]


def predict(potential: Potential, frames: Frames) -> Prediction:
    """Return predictions, of which none may be missing or not finite."""
    predicted = potential.predict(frames)
    for name in Prediction._fields:
        values = getattr(predicted, name)
        assert values is not None, f"`{name}` are missing"
        assert np.isfinite(values).all(), f"`{name}` are not finite"
    return Prediction(*(getattr(predicted, name) for name in Prediction._fields))


def assert_close(actual: ArrayLike, expected: ArrayLike, tolerance: float) -> None:
    """Compare arrays, relative to the largest number that is expected."""
    largest = float(np.abs(np.asarray(expected)).max())
    np.testing.assert_allclose(np.asarray(actual), np.asarray(expected), rtol=0, atol=tolerance * largest)


def rotation(seed: int = 0) -> NDArray[np.float64]:
    """Return a rotation matrix, of no particular axis."""
    matrix, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    turned: NDArray[np.float64] = matrix * np.sign(np.linalg.det(matrix))
    return turned


def turn(stresses: NDArray[np.float64], matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return stresses (n_frames, 6) in axes that an orthogonal matrix has turned."""
    return to_voigt(matrix @ from_voigt(stresses) @ matrix.T)


class PotentialChecks:
    """Tests of a loaded model; the suite gives the fixtures ``potential``, ``frames`` and ``tolerance``."""

    def test_forces_are_derivatives_of_the_energy(
        self, potential: Potential, frames: Frames, tolerance: Tolerance
    ) -> None:
        """Sign and unit: a force is minus the energy's derivative by the position."""
        numerical = forces_by_differences(_energies(potential), frames, atoms=[0, 3, 7], step=tolerance.step)
        forces = predict(potential, frames).forces[0]
        np.testing.assert_allclose(
            forces[[0, 3, 7]], numerical, rtol=0, atol=tolerance.derivative * np.abs(forces).max()
        )

    def test_stress_is_the_derivative_of_the_energy(
        self, potential: Potential, frames: Frames, tolerance: Tolerance
    ) -> None:
        """Sign, order of components and unit: tension is positive, and the energy is taken per volume."""
        stresses = predict(potential, frames).stresses
        assert_close(
            stresses[0], stress_by_strain(_energies(potential), frames, step=tolerance.step), tolerance.derivative
        )

    def test_net_force_vanishes(self, potential: Potential, frames: Frames, tolerance: Tolerance) -> None:
        """Nothing pulls at a crystal as a whole."""
        forces = predict(potential, frames).forces
        np.testing.assert_allclose(forces.sum(axis=1), 0, atol=tolerance.symmetry * np.abs(forces).sum(axis=1).max())

    def test_order_of_atoms_does_not_matter(self, potential: Potential, frames: Frames, tolerance: Tolerance) -> None:
        """Forces follow their atoms; energy and stress stay."""
        order = np.random.default_rng(0).permutation(frames.n_atoms)
        shuffled = replace(frames, numbers=frames.numbers[order], positions=frames.positions[:, order])
        _assert_same(potential, shuffled, frames, tolerance, order=order)

    def test_like_atoms_are_alike(self, potential: Potential, frames: Frames, tolerance: Tolerance) -> None:
        """Two atoms of one element change places, and nothing is noticed."""
        order = np.arange(frames.n_atoms)
        first, second = np.flatnonzero(frames.numbers == frames.numbers[0])[:2]
        order[[first, second]] = second, first
        _assert_same(potential, replace(frames, positions=frames.positions[:, order]), frames, tolerance, order=order)

    @pytest.mark.parametrize("sign", [1, -1], ids=["rotated", "mirrored"])
    def test_axes_do_not_matter(self, potential: Potential, frames: Frames, tolerance: Tolerance, sign: int) -> None:
        """Forces and stress turn with the crystal, of which the mirror image has the same energy."""
        matrix = sign * rotation()
        turned = replace(frames, positions=frames.positions @ matrix.T, cells=frames.cells @ matrix.T)
        _assert_same(potential, turned, frames, tolerance, matrix=matrix)

    def test_origin_does_not_matter(self, potential: Potential, frames: Frames, tolerance: Tolerance) -> None:
        """A crystal may be moved as a whole."""
        _assert_same(
            potential, replace(frames, positions=frames.positions + np.array([0.3, -1.7, 2.9])), frames, tolerance
        )

    def test_atoms_may_lie_outside_the_cell(self, potential: Potential, frames: Frames, tolerance: Tolerance) -> None:
        """Unwrapped positions, as dynamics gives them, mean the same crystal."""
        images = np.random.default_rng(0).integers(-3, 4, size=frames.positions.shape)
        _assert_same(potential, replace(frames, positions=frames.positions + images @ frames.cells), frames, tolerance)

    @pytest.mark.parametrize(
        "matrix",
        [[[0, 1, 0], [1, 0, 0], [0, 0, 1]], [[-1, 0, 0], [0, 1, 0], [0, 0, 1]], [[1, 0, 0], [2, 1, 0], [0, -1, 1]]],
        ids=["left_handed", "reversed", "skewed"],
    )
    def test_choice_of_the_cell_does_not_matter(
        self, potential: Potential, frames: Frames, tolerance: Tolerance, matrix: list[list[int]]
    ) -> None:
        """The same lattice has many cells, half of them left-handed."""
        _assert_same(potential, replace(frames, cells=np.array(matrix) @ frames.cells), frames, tolerance)

    def test_energy_grows_with_the_crystal(self, potential: Potential, frames: Frames, tolerance: Tolerance) -> None:
        """Two cells in a row have twice the energy of one, the same forces and the same stress."""
        doubled = Frames(
            numbers=np.tile(frames.numbers, 2),
            positions=np.concatenate([frames.positions, frames.positions + frames.cells[:, :1]], axis=1),
            cells=frames.cells * np.array([[2], [1], [1]]),
        )
        actual, expected = predict(potential, doubled), predict(potential, frames)
        assert_close(actual.energies, 2 * expected.energies, tolerance.symmetry)
        assert_close(actual.forces, np.tile(expected.forces, (1, 2, 1)), tolerance.symmetry)
        assert_close(actual.stresses, expected.stresses, tolerance.symmetry)

    def test_many_frames_at_once_are_as_one_by_one(
        self, potential: Potential, frames: Frames, tolerance: Tolerance
    ) -> None:
        """Frames do not know of each other, and come back in order."""
        alone = zip(*(predict(potential, frames[row]) for row in range(len(frames))), strict=True)
        for together, single in zip(predict(potential, frames), alone, strict=True):
            assert_close(together, np.concatenate(single), tolerance.symmetry)

    def test_predict_leaves_its_input_alone(self, potential: Potential, frames: Frames) -> None:
        """What comes back are the same frames with predictions, and the caller's arrays are as before."""
        before = replace(frames, positions=frames.positions.copy(), cells=frames.cells.copy())
        predicted = potential.predict(frames)
        for name in ("numbers", "positions", "cells"):
            np.testing.assert_array_equal(getattr(frames, name), getattr(before, name))
            np.testing.assert_array_equal(getattr(predicted, name), getattr(before, name))


def _energies(potential: Potential) -> Energy:
    return lambda frames: np.asarray(potential.predict(frames).energies)


def _assert_same(
    potential: Potential,
    changed: Frames,
    frames: Frames,
    tolerance: Tolerance,
    *,
    order: NDArray[np.int64] | None = None,
    matrix: NDArray[np.float64] | None = None,
) -> None:
    """Check that another description of the same crystals gives the same numbers.

    :param order: how the atoms were shuffled.
    :param matrix: how the axes were turned.
    """
    actual, expected = predict(potential, changed), predict(potential, frames)
    matrix = np.eye(3) if matrix is None else matrix
    forces = expected.forces if order is None else expected.forces[:, order]
    assert_close(actual.energies, expected.energies, tolerance.symmetry)
    assert_close(actual.forces, forces @ matrix.T, tolerance.symmetry)
    assert_close(actual.stresses, turn(expected.stresses, matrix), tolerance.symmetry)
