"""The deviation job, with springs whose disagreement is known."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.jobs.deviation import main
from aiida_nnpgen.jobs.files import write_frames


@pytest.fixture
def measure(tmp_path: Path, spring_backend: str) -> Callable[..., dict[str, np.ndarray]]:
    """Return a function that runs the job for springs of given stiffness."""

    def run(stiffnesses: Sequence[float], parts: Sequence[Frames], percentile: float = 100.0) -> dict[str, np.ndarray]:
        names = [f"model_{index}" for index in range(len(stiffnesses))]
        for name, stiffness in zip(names, stiffnesses, strict=True):
            (tmp_path / name).mkdir()
            (tmp_path / name / "spring.json").write_text(json.dumps({"stiffness": stiffness}))
        config = {"backend": spring_backend, "models": names, "percentile": percentile}
        (tmp_path / "config.json").write_text(json.dumps(config))
        write_frames(tmp_path, "frames", [part.without_labels() for part in parts])
        main(tmp_path)
        with np.load(tmp_path / "deviation.npz") as archive:
            return dict(archive)

    return run


def test_main_measures_every_set(measure: Callable, spring_frames: Callable[..., Frames]) -> None:
    """Springs of stiffness 1 and 3 deviate by the distance of the farthest atom, energies by half its square."""
    parts = [spring_frames(4), spring_frames(2, n_atoms=5)]
    arrays = measure([1.0, 3.0], parts)
    for index, part in enumerate(parts):
        lengths = np.linalg.norm(part.positions, axis=2)
        np.testing.assert_allclose(arrays[f"force_{index}"], lengths.max(axis=1))
        np.testing.assert_allclose(arrays[f"energy_{index}"], 0.5 * (lengths**2).sum(axis=1) / part.n_atoms)
        assert np.isnan(arrays[f"stress_{index}"]).all()


def test_main_takes_a_percentile(measure: Callable, spring_frames: Callable[..., Frames]) -> None:
    """The median over the atoms does not see one atom far out."""
    frames = spring_frames(3, n_atoms=5)
    arrays = measure([1.0, 3.0], [frames], percentile=50.0)
    np.testing.assert_allclose(arrays["force_0"], np.median(np.linalg.norm(frames.positions, axis=2), axis=1))


def test_main_refuses_a_lone_model(measure: Callable, spring_frames: Callable[..., Frames]) -> None:
    """One model cannot disagree."""
    with pytest.raises(InputError, match="two models"):
        measure([1.0], [spring_frames(2)])
