"""Errors of predictions against labels."""

from __future__ import annotations

import numpy as np
import pytest

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.models.metrics import Residuals, largest_force_error, mae, residuals, rmse, summarise


def make(n_frames: int, n_atoms: int, energy: float, force: float, stress: float | None) -> Frames:
    """Return frames with constant labels."""
    return Frames(
        numbers=np.ones(n_atoms),
        positions=np.zeros((n_frames, n_atoms, 3)),
        cells=np.tile(np.eye(3), (n_frames, 1, 1)),
        energies=np.full(n_frames, energy),
        forces=np.full((n_frames, n_atoms, 3), force),
        stresses=None if stress is None else np.full((n_frames, 6), stress),
    )


def test_mae_ignores_sign() -> None:
    """The mean absolute value of -1 and 3 is 2."""
    assert mae(np.array([-1.0, 3.0])) == 2


def test_rmse_squares() -> None:
    """The root of the mean square of 1 and 7 is 5."""
    assert rmse(np.array([-1.0, 7.0])) == 5


@pytest.mark.parametrize("metric", [mae, rmse])
def test_metric_of_nothing_is_nan(metric: object) -> None:
    """Nothing to compare is not a perfect score."""
    assert np.isnan(metric(np.zeros(0)))


def test_residuals_are_per_atom_and_signed() -> None:
    """Energies are divided by the number of atoms; prediction minus label."""
    result = residuals(make(2, 4, 3.0, 0.5, 0.1), make(2, 4, 5.0, 0.25, 0.4))
    np.testing.assert_allclose(result.energy, [-0.5, -0.5])
    np.testing.assert_allclose(result.forces, 0.25)
    np.testing.assert_allclose(result.stress, -0.3)


def test_residuals_skip_missing_stress() -> None:
    """A row of NaN in the labels means no stress, not an error."""
    reference = make(3, 1, 0.0, 0.0, 0.0)
    reference.stresses[1] = np.nan
    assert residuals(make(3, 1, 0.0, 0.0, 1.0), reference).stress.shape == (2, 6)


def test_residuals_keep_predicted_nan() -> None:
    """A prediction that is not finite counts as such."""
    assert np.isnan(residuals(make(1, 1, 0.0, 0.0, np.nan), make(1, 1, 0.0, 0.0, 0.0)).stress).all()


def test_residuals_refuse_unlabelled() -> None:
    """Frames without labels have no error."""
    frames = make(1, 1, 0.0, 0.0, None)
    with pytest.raises(InputError, match="labels lack"):
        residuals(frames, frames.without_labels())


def test_residuals_refuse_other_frames() -> None:
    """Predictions and labels must belong together."""
    with pytest.raises(InputError, match="different frames"):
        residuals(make(2, 1, 0.0, 0.0, None), make(3, 1, 0.0, 0.0, None))


def test_largest_force_error_is_norm_of_worst_atom() -> None:
    """Of vectors of length 5 and 1, the frame has 5."""
    forces = np.array([[[3.0, 4.0, 0.0], [0.0, 0.0, 1.0]]])
    np.testing.assert_allclose(largest_force_error(forces), [5.0])


def test_summarise_weights_by_components() -> None:
    """Eight atoms of error 1 and two of error 2 have a force MAE of 1.2, whichever set they are in."""
    zero = [make(1, 8, 0.0, 0.0, None), make(1, 2, 0.0, 0.0, None)]
    wrong = [make(1, 8, 0.0, 1.0, None), make(1, 2, 0.0, 2.0, None)]
    summary = summarise([residuals(a, b) for a, b in zip(wrong, zero, strict=True)])
    assert summary["forces"]["mae"] == pytest.approx(1.2)
    assert summary["stress"] is None


@pytest.mark.parametrize("name", ["energies", "forces", "stresses"])
def test_residuals_count_frames_without_a_number(name: str) -> None:
    """One value that is not finite spoils its frame, but not where there is no label to compare."""
    predicted, reference = make(4, 2, 0.0, 0.0, 0.0), make(4, 2, 0.0, 0.0, 0.0)
    getattr(predicted, name)[1:3] = np.inf
    reference.stresses[1] = np.nan
    assert residuals(predicted, reference).n_not_finite == (1 if name == "stresses" else 2)


def errors_of(numbers: list[int], energies: list[float], forces: list[float]) -> Residuals:
    """Return residuals of frames of some atoms, with the same force on all components of an atom."""
    return Residuals(
        numbers=np.array(numbers),
        energy=np.array(energies),
        forces=np.tile(np.array(forces)[None, :, None], (len(energies), 1, 3)),
        stress=np.zeros((0, 6)),
    )


def test_summarise_tells_the_elements_apart() -> None:
    """Errors of the forces are those of the atoms of each element, over all compositions."""
    summary = summarise([errors_of([1, 8], [0.0], [1.0, 3.0]), errors_of([1, 1], [0.0], [2.0, 2.0])])
    assert summary["forces_by_element"]["O"] == {"mae": 3.0, "rmse": 3.0}
    assert summary["forces_by_element"]["H"]["mae"] == pytest.approx(5 / 3)
    assert summary["forces_by_element"]["H"]["rmse"] == pytest.approx(np.sqrt(3))


def test_summarise_takes_offsets_of_elements_away() -> None:
    """What offsets of -0.3 eV per hydrogen and 0.6 eV per oxygen make of the energy is gone; the rest is not."""
    water, hydroxide = [1, 1, 8], [1, 8]
    noise = np.array([0.01, -0.01])
    offsets = [(-0.6 + 0.6) / 3 + noise, (-0.3 + 0.6) / 2 + noise]
    parts = [errors_of(water, offsets[0], [0.0] * 3), errors_of(hydroxide, offsets[1], [0.0] * 2)]
    summary = summarise(parts)
    assert summary["energy"]["rmse"] > 0.1
    assert summary["energy_after_offsets"]["rmse"] == pytest.approx(0.01)
    lone = summarise(parts[1:])["energy_after_offsets"]
    assert lone is not None
    assert lone["rmse"] == pytest.approx(0.01)
