"""The screening phase with an architecture whose sampler measures no deviation."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiida import orm
from aiida.common.links import LinkType
from aiida.engine import run_get_node

from aiida_nnpgen.common import plugins
from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.data import DatasetData, Origin, PotentialData
from aiida_nnpgen.data.trajectory import frames_to_trajectory
from aiida_nnpgen.workchains.screening import ScreeningWorkChain

STANDINS = Path(__file__).parents[1] / "standins"
STIFFNESS = (1.0, 1.2)  # eV/Å²: the committee differs by 0.1 eV/Å² times the distance of an atom from the origin
WINDOW = {"lo": 0.15, "hi": 0.3}


@pytest.fixture
def committee(
    aiida_profile: object, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., dict[str, PotentialData]]:
    """Return a factory of committees of springs."""
    point = EntryPoint(name="springs", value="spring_model:BACKEND", group="nnpgen.models")
    monkeypatch.syspath_prepend(str(STANDINS))
    monkeypatch.setattr(
        plugins, "entry_points", lambda group: [*entry_points(group=group), *([point] if group == point.group else [])]
    )

    def generate(*stiffness: float) -> dict[str, PotentialData]:
        models = {}
        for index, value in enumerate(stiffness):
            path = tmp_path / f"spring_{index}.json"
            path.write_text(json.dumps({"stiffness": value}))
            models[f"model_{index}"] = PotentialData(
                {"spring.json": path},
                architecture="springs",
                version="1",
                elements=["O", "H"],
                cutoff=4.0,
                seed=index,
                dtype="float64",
            )
        return models

    return generate


def sampled(n_frames: int, **measured: Any) -> orm.ArrayData:
    """Return the stored deviation node of a run of a sampler named ``dumb``."""
    node = orm.ArrayData()
    node.set_array("step", 10 * np.arange(n_frames))
    for name, values in measured.items():
        node.set_array(name, np.array(values))
    process = orm.CalcJobNode(process_type="aiida.calculations:nnpgen.samplers.dumb").store()
    node.base.links.add_incoming(process, LinkType.CREATE, "deviation")
    return node.store()


@pytest.fixture
def inputs(python_code: orm.InstalledCode, generate_labelled: Callable[..., Frames]) -> dict[str, Any]:
    """Return what a phase gets: two runs, the first of which has a deviation."""
    runs = {"run_000": generate_labelled(3, seed=1), "run_001": generate_labelled(30, seed=2)}
    return {
        "code": python_code,
        "settings": orm.Dict({"n_max": 4, "window": WINDOW, "geometry": None, "seed": 1}),
        "trajectories": {key: frames_to_trajectory(part, 10 * np.arange(len(part))) for key, part in runs.items()},
        "deviations": {"run_000": sampled(3, deviation=[0.01, 0.2, 0.02]), "run_001": sampled(30)},
        "datasets": {"a": DatasetData([generate_labelled(2)], [0, 0], [Origin(iteration=-1, reason="x")] * 2)},
    }


def test_screening_measures_what_the_sampler_does_not(
    inputs: dict[str, Any], committee: Callable[..., dict[str, PotentialData]], generate_labelled: Callable[..., Frames]
) -> None:
    """The run without a deviation gets the committee's, the other keeps its own; both are screened together."""
    _, node = run_get_node(ScreeningWorkChain, **inputs, models=committee(*STIFFNESS))
    assert node.is_finished_ok, node.exit_message
    job = next(child for child in node.called if child.process_label == "DeviationCalculation")
    assert list(job.inputs.trajectories) == ["run_001"]
    positions = generate_labelled(30, seed=2).positions
    expected = 0.1 * np.linalg.norm(positions, axis=2).max(axis=1)
    inside = (expected >= WINDOW["lo"]) & (expected < WINDOW["hi"])
    assert 4 <= inside.sum() < 30
    counts = node.outputs.counts["runs"]
    assert counts["run_000"] == {"known": 2, "candidate": 1, "failed": 0}
    assert counts["run_001"]["candidate"] == inside.sum()
    record = node.outputs.record.get_dict()
    assert len(record) == 4
    for key, entry in record.items():
        if entry["trajectory"] == "run_001":
            assert inside[entry["row"]]
            assert entry["step"] == 10 * entry["row"]
            assert entry["deviation"] == pytest.approx(expected[entry["row"]])
            found = node.outputs.structures[key].get_ase().positions
            np.testing.assert_allclose(found, positions[entry["row"]], atol=1e-12)


def test_screening_without_any_deviation_is_an_error(
    inputs: dict[str, Any], committee: Callable[..., dict[str, PotentialData]]
) -> None:
    """Deviations that are NaN throughout do not end in an empty selection that looks like success."""
    _, node = run_get_node(ScreeningWorkChain, **inputs, models=committee(1.0, float("nan")))
    assert node.exit_status == ScreeningWorkChain.exit_codes.ERROR_NO_DEVIATION.status == 320
    assert "`dumb`" in node.exit_message
    assert "`run_001`" in node.exit_message
    assert "run_000" not in node.exit_message


def test_screening_without_frames_to_measure_is_an_error(
    inputs: dict[str, Any], committee: Callable[..., dict[str, PotentialData]]
) -> None:
    """A sampler that gives neither deviation nor frames is named, without a job."""
    del inputs["trajectories"]
    _, node = run_get_node(ScreeningWorkChain, **inputs, models=committee(*STIFFNESS))
    assert node.exit_status == 320
    assert node.called == []


def test_screening_that_cannot_calibrate_its_window_says_why(
    inputs: dict[str, Any], committee: Callable[..., dict[str, PotentialData]]
) -> None:
    """Validation frames on which the committee gives no number end the phase with a code, not with an exception."""
    inputs["settings"] = orm.Dict({"n_max": 4, "window": {"mode": "auto"}, "geometry": None, "seed": 1})
    evaluation = orm.ArrayData()
    for name in ("deviation", "force_error_driving"):
        evaluation.set_array(name, np.full(20, np.nan))
    _, node = run_get_node(ScreeningWorkChain, **inputs, evaluation=evaluation, models=committee(*STIFFNESS))
    assert node.exit_status == ScreeningWorkChain.exit_codes.ERROR_SCREENING_FAILED.status
    assert "cannot be calibrated: no validation frame of 20" in node.exit_message


def test_screening_again_computes_nothing(
    inputs: dict[str, Any], committee: Callable[..., dict[str, PotentialData]]
) -> None:
    """The same candidates, dataset and model are measured and screened from the cache."""
    models = committee(1.0, 1.3)
    jobs = []
    for _ in range(2):
        _, node = run_get_node(ScreeningWorkChain, **inputs, models=models)
        assert node.is_finished_ok, node.exit_message
        jobs.append([child for child in node.called if isinstance(child, orm.CalcJobNode)])
    first, second = jobs
    assert len(first) == len(second) == 2
    assert [job.base.caching.is_created_from_cache for job in second] == [True, True]
