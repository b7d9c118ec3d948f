"""Input of screening jobs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiida import orm

from aiida_nnpgen.calculations.screen import ScreenCalculation
from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.config.load import load_config
from aiida_nnpgen.data import DatasetData, Origin, PotentialData
from aiida_nnpgen.data.trajectory import frames_to_trajectory
from aiida_nnpgen.jobs.files import read_frames


@pytest.fixture
def frames(generate_labelled: Callable[..., Frames]) -> tuple[Frames, Frames]:
    """Return four frames that were sampled, and two that are known."""
    return generate_labelled(4), generate_labelled(2, seed=1)


@pytest.fixture
def inputs(
    python_code: orm.InstalledCode,
    fixtures: Path,
    frames: tuple[Frames, Frames],
    generate_potential: Callable[..., PotentialData],
) -> dict[str, Any]:
    """Return the inputs of a screening in which two of the sampled frames lie in the window."""
    sampled, known = frames
    deviation = np.array([0.05, 0.2, 0.5, 0.3])
    entry = load_config(fixtures / "loop" / "water.yaml").iterations()[1].model_dump(mode="json")
    return {
        "code": python_code,
        "trajectories": {"run_000": frames_to_trajectory(sampled, np.arange(4), deviation=deviation)},
        "datasets": {"a": DatasetData([known], [0, 1], [Origin(iteration=0, reason="x")] * 2)},
        "model": generate_potential(),
        "levels": orm.ArrayData({"run_000_steps": np.arange(4), "run_000_levels": np.array([0, 1, 2, 1])}),
        "settings": orm.Dict(entry["screening"] | {"seed": 3}),
    }


def test_screen_writes_candidates_and_dataset(
    prepare: Callable[..., Any], inputs: dict[str, Any], frames: tuple[Frames, Frames]
) -> None:
    """The job gets the frames inside the window, all of the dataset, and import paths for registered names."""
    job = prepare(ScreenCalculation, **inputs)
    [candidates], [dataset] = (read_frames(job.folder, kind) for kind in ("candidates", "dataset"))
    np.testing.assert_array_equal(candidates.positions, frames[0].positions[[1, 3]])
    assert len(dataset) == 2
    config = json.loads((job.folder / "config.json").read_text())
    assert config["reducer"]["method"] == "aiida_nnpgen.screening.reducers.pca:PcaReducer"
    assert config["quantities"][0]["name"] == "aiida_nnpgen.screening.quantities:min_distance"
    assert (config["seed"], config["n_max"], config["elements"]) == (3, 5, ["O", "H"])
    excluded = {"candidates_000.npz", "dataset_000.npz", "model/model.pb"}
    assert set(job.info.provenance_exclude_list) == excluded


def test_screen_refuses_a_model_without_features(
    prepare: Callable[..., Any],
    inputs: dict[str, Any],
    generate_potential: Callable[..., PotentialData],
    backend_without: Callable[[str], str],
) -> None:
    """There is nothing to screen by, which is said before launch."""
    model = generate_potential(architecture=backend_without("descriptors"))
    with pytest.raises(ValueError, match="`no_descriptors` gives no per-atom features"):
        prepare(ScreenCalculation, **(inputs | {"model": model}))
