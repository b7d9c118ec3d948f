"""Input of screening jobs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import MISSING, asdict, fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiida import orm
from pydantic import TypeAdapter

from aiida_nnpgen.calculations.functions import assign_levels
from aiida_nnpgen.calculations.screen import ScreenCalculation, validate_settings
from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.config.load import load_config
from aiida_nnpgen.data import DatasetData, Origin, PotentialData
from aiida_nnpgen.data.trajectory import frames_to_trajectory
from aiida_nnpgen.jobs.config import build
from aiida_nnpgen.jobs.files import read_frames
from aiida_nnpgen.jobs.screen import ScreenConfig
from aiida_nnpgen.screening.calibration import CalibrationSettings
from aiida_nnpgen.screening.geometry import GeometrySettings
from aiida_nnpgen.screening.settings import (
    FeatureSettings,
    QuantitySettings,
    ReducerSettings,
    ScreeningSettings,
    SelectorSettings,
    WindowSettings,
)

WINDOW = {"lo": 0.1, "hi": 0.4, "energy": None, "stress": None}


def sampled_with(deviation: np.ndarray) -> orm.ArrayData:
    """Return the node of a run whose frames have these deviations."""
    return orm.ArrayData({"step": np.arange(len(deviation)), "deviation": deviation})


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
        "levels": assign_levels(orm.Dict(WINDOW), run_000=sampled_with(deviation))["levels"],
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
    # Atoms in the order of the candidates: the filter of torn bonds compares them one by one.
    assert dataset.numbers.tolist() == candidates.numbers.tolist() != sorted(candidates.numbers)
    config = json.loads((job.folder / "config.json").read_text())
    settings = config["settings"]
    assert settings["reducer"]["method"] == "aiida_nnpgen.screening.reducers.pca:PcaReducer"
    assert settings["quantities"][0]["name"] == "aiida_nnpgen.screening.quantities:min_distance"
    assert (config["seed"], settings["n_max"], config["elements"]) == (3, 5, ["O", "H"])
    excluded = {"candidates.npz", "dataset.npz", "model/model.pb", "model/model.json"}
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


OTHER = ScreeningSettings(
    n_max=7,
    window=WindowSettings(
        mode="auto",
        lo=0.11,
        hi=0.44,
        percentile=98.0,
        calibration=CalibrationSettings(quantile=0.9, factor=4.0, error_lo=0.1, error_hi=0.4),
        energy=(0.01, 0.02),
        stress=(0.03, 0.04),
    ),
    features=FeatureSettings(reduction="both", pca_dims=3),
    reducer=ReducerSettings(method="tsne", keywords={"perplexity": 7.0}, fit_size=11),
    quantities=(QuantitySettings(name="min_distance", keywords={"pair": ["O", "H"]}, weight=2.0),),
    selector=SelectorSettings(name="random", keywords={"seed": 4}),
    geometry=GeometrySettings(overlap=0.6, torn_bond=1.7, detached=5.0, hole=6.0, min_density=0.1, max_density=3.0),
    duplicate_tolerance=2e-3,
)
"""Settings none of which is its default."""


def unchanged(settings: Any) -> list[str]:
    """Return the names of fields that have their default, at any depth."""
    found = []
    for field in fields(settings):
        value = getattr(settings, field.name)
        default = field.default if field.default_factory is MISSING else field.default_factory()
        found += [field.name] if value == default else []
        for part in value if isinstance(value, tuple) else (value,):
            found += unchanged(part) if is_dataclass(part) else []
    return found


def plain(settings: ScreeningSettings) -> Any:
    """Return settings as JSON holds them, where a tuple is a list."""
    return json.loads(json.dumps(asdict(settings)))


def test_every_setting_reaches_the_job(
    prepare: Callable[..., Any],
    python_code: orm.InstalledCode,
    generate_labelled: Callable[..., Frames],
    generate_potential: Callable[..., PotentialData],
) -> None:
    """What the job builds from its configuration is what the user's file says: a new key needs no other edit."""
    assert unchanged(OTHER) == []
    job = prepare(
        ScreenCalculation,
        code=python_code,
        trajectories={"run_000": frames_to_trajectory(generate_labelled(2), np.arange(2))},
        datasets={"a": DatasetData([generate_labelled(1, seed=1)], [0], [Origin(iteration=0, reason="x")])},
        model=generate_potential(),
        levels=assign_levels(orm.Dict(WINDOW), run_000=sampled_with(np.array([0.2, 0.5])))["levels"],
        settings=orm.Dict(TypeAdapter(ScreeningSettings).dump_python(OTHER, mode="json") | {"seed": 3}),
    )
    config = build(ScreenConfig, json.loads((job.folder / "config.json").read_text()), "config.json")
    assert plain(config.settings) == plain(OTHER.for_job())
    assert config.seed == 3


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "`seed` is missing"),
        ({"seed": 1, "n_maxx": 3}, "unknown key `n_maxx`"),
        ({"seed": 1, "window": {"lo": 3.0, "hi": 1.0}}, "upside down"),
        ({"seed": 1, "window": {"lo": "low"}}, "not supported"),
    ],
)
def test_screen_refuses_wrong_settings_before_launch(aiida_profile: object, changes: dict[str, Any], text: str) -> None:
    """The validator of the port names the key."""
    assert text in str(validate_settings(orm.Dict({"n_max": 5} | changes), None))
    assert validate_settings(orm.Dict({"n_max": 5, "seed": 1}), None) is None
