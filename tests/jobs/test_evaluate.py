"""The evaluation job, with springs whose errors are known."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.jobs.evaluate import main
from aiida_nnpgen.jobs.files import write_frames


@pytest.fixture
def evaluate(
    tmp_path: Path, spring_backend: str
) -> Callable[[Sequence[float], Sequence[Frames]], tuple[dict[str, object], dict[str, np.ndarray]]]:
    """Return a function that runs the job for springs of given stiffness."""

    def run(stiffnesses: Sequence[float], parts: Sequence[Frames]) -> tuple[dict[str, object], dict[str, np.ndarray]]:
        names = [f"model_{index}" for index in range(len(stiffnesses))]
        for name, stiffness in zip(names, stiffnesses, strict=True):
            (tmp_path / name).mkdir()
            (tmp_path / name / "spring.json").write_text(json.dumps({"stiffness": stiffness}))
        (tmp_path / "config.json").write_text(json.dumps({"backend": spring_backend, "models": names}))
        write_frames(tmp_path, "frames", parts)
        main(tmp_path)
        with np.load(tmp_path / "evaluation.npz") as archive:
            columns = dict(archive)
        return json.loads((tmp_path / "result.json").read_text()), columns

    return run


def test_main_gives_errors_of_each_model(evaluate: Callable, spring_frames: Callable[..., Frames]) -> None:
    """A stiffness that is wrong by d makes every force component wrong by d times its value."""
    frames = spring_frames(6)
    result, _ = evaluate([1.0, 1.5], [frames])
    assert result["models"][0]["forces"]["rmse"] == 0
    assert result["models"][1]["forces"]["rmse"] == pytest.approx(0.5 * np.sqrt(np.mean(frames.forces**2)))
    assert result["models"][1]["energy"]["mae"] == pytest.approx(0.5 * np.mean(frames.energies) / 2)


def test_main_gives_errors_of_committee(evaluate: Callable, spring_frames: Callable[..., Frames]) -> None:
    """Errors of opposite sign cancel in the mean of the models."""
    result, _ = evaluate([0.5, 1.5], [spring_frames(6)])
    assert result["committee"]["forces"]["rmse"] == pytest.approx(0, abs=1e-12)
    assert result["committee"]["energy"]["mae"] == pytest.approx(0, abs=1e-12)


def test_main_pools_compositions(evaluate: Callable, spring_frames: Callable[..., Frames]) -> None:
    """Force errors average over the components of all compositions."""
    parts = [spring_frames(3), spring_frames(2, n_atoms=5)]
    result, columns = evaluate([1.5], parts)
    pooled = np.concatenate([part.forces.ravel() for part in parts])
    assert result["models"][0]["forces"]["rmse"] == pytest.approx(0.5 * np.sqrt(np.mean(pooled**2)))
    assert result["frames"] == 5
    np.testing.assert_array_equal(columns["part"], [0, 0, 0, 1, 1])
    np.testing.assert_array_equal(columns["frame"], [0, 1, 2, 0, 1])


def test_main_gives_deviation(evaluate: Callable, spring_frames: Callable[..., Frames]) -> None:
    """Two springs that differ by 1 eV/Å² deviate by half the largest distance from the origin."""
    frames = spring_frames(4)
    _, columns = evaluate([0.5, 1.5], [frames])
    expected = 0.5 * np.linalg.norm(frames.positions, axis=2).max(axis=1)
    np.testing.assert_allclose(columns["deviation"], expected)


def test_main_tells_driving_from_committee(evaluate: Callable, spring_frames: Callable[..., Frames]) -> None:
    """Errors per frame are there for the first model and for the mean."""
    frames = spring_frames(4)
    _, columns = evaluate([0.5, 1.5], [frames])
    largest = np.linalg.norm(frames.positions, axis=2).max(axis=1)
    np.testing.assert_allclose(columns["force_error_driving"], 0.5 * largest)
    np.testing.assert_allclose(columns["force_error_committee"], 0, atol=1e-12)
    np.testing.assert_allclose(columns["energy_error_driving"], -0.5 * frames.energies / 2)


def test_main_knows_no_deviation_of_one_model(evaluate: Callable, spring_frames: Callable[..., Frames]) -> None:
    """A lone model has no deviation, which is not a deviation of zero."""
    _, columns = evaluate([1.0], [spring_frames(3)])
    assert np.isnan(columns["deviation"]).all()


def test_main_gives_null_without_stress(evaluate: Callable, spring_frames: Callable[..., Frames]) -> None:
    """Where there is no stress there is no error of it."""
    result, _ = evaluate([1.0], [spring_frames(3)])
    assert result["models"][0]["stress"] is None


def test_main_counts_predictions_not_finite(evaluate: Callable, spring_frames: Callable[..., Frames]) -> None:
    """A model that predicts NaN has null errors and the number of its failures."""
    result, _ = evaluate([1.0, float("nan")], [spring_frames(3)])
    unknown = {"mae": None, "rmse": None}
    assert result["models"][1] == {
        "energy": unknown,
        "energy_after_offsets": unknown,
        "forces": unknown,
        "forces_by_element": {"H": unknown},
        "stress": None,
        "not_finite": 3,
    }
    assert result["models"][0]["not_finite"] == 0


def test_main_refuses_no_frames(evaluate: Callable) -> None:
    """There must be something to compare."""
    with pytest.raises(InputError, match="labelled frame"):
        evaluate([1.0], [])
