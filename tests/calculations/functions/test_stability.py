"""Plans of probes and of appended iterations, and what is made of the probes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from aiida import orm

from aiida_nnpgen.calculations.functions import (
    assign_levels,
    measure_survival,
    plan_appended,
    plan_iteration,
    plan_probes,
    record_selection,
    take_last_frames,
)
from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.config.root import LoopSettings
from aiida_nnpgen.data.candidates import read_candidates
from aiida_nnpgen.data.trajectory import frames_to_trajectory

pytestmark = pytest.mark.usefixtures("aiida_profile")


def generate_settings(**changes: Any) -> orm.Dict:
    """Return the settings of a stability, with their seed."""
    return orm.Dict({"temperature": 600.0, "target": 100.0, "timestep": 0.5, "seed": 7, **changes})


def report(end: str = "completed", last_step: int = 200, failure_time: float | None = None) -> orm.Dict:
    """Return how a probe of 200 steps ended."""
    return orm.Dict({"end": end, "message": end, "last_step": last_step, "failure_time": failure_time, "n_frames": 1})


@pytest.mark.parametrize("n_starts", [1, 3, 4, 5])
def test_plan_probes_takes_turns(n_starts: int) -> None:
    """Every member drives, every structure is a start, and no combination comes again before all have come."""
    starts, members = [f"s{index}" for index in range(n_starts)], [f"m{index}" for index in range(4)]
    plans = plan_probes(generate_settings(probes=4 * n_starts), orm.List(starts), orm.List(members))
    pairs = {(plan["structure"], plan["members"][0]) for plan in plans.values()}
    assert len(plans) == len(pairs) == 4 * n_starts
    assert all(sorted(plan["members"]) == members for plan in plans.values())
    assert len({plan["seed"] for plan in plans.values()}) == len(plans)


def test_measure_survival_counts_what_held() -> None:
    """Two of four held: one failed at 0.02 ps, and one that was cut says nothing of later times."""
    survival = measure_survival(
        generate_settings(probes=4),
        probe_000=report(),
        probe_001=report(),
        probe_002=report("unphysical", 36, 20.0),
        probe_003=report("interrupted", 100),
    ).get_dict()
    assert (survival["planned"], survival["held"], survival["failed"]) == (4, 2, 1)
    assert survival["target"] == 0.1
    assert survival["probes"]["probe_002"]["time"] == 0.02
    assert survival["probes"]["probe_003"]["time"] == 0.05
    assert survival["share"][0] == pytest.approx(0.75)  # 3 of 4 at 0.02 ps, nothing later
    assert survival["median"][0] is None
    assert not survival["is_stable"]


@pytest.mark.parametrize(("share", "is_stable"), [(0.7, True), (0.8, False)])
def test_measure_survival_asks_for_a_share_of_all_probes(share: float, is_stable: bool) -> None:
    """A probe that left nothing has not held: a run in which everything died never looks stable."""
    held = {f"probe_{index:03d}": report() for index in range(3)}
    settings = generate_settings(probes=4, stabilise={"share": share})
    assert measure_survival(settings, **held)["is_stable"] is is_stable


def trajectory(n_frames: int = 4) -> orm.TrajectoryData:
    """Return the start and last good frames of a probe."""
    cells = np.repeat(5 * np.eye(3)[None], n_frames, axis=0)
    positions = np.repeat([[[1.0, 1.0, 1.0], [2.0, 2.0, 2.0]]], n_frames, axis=0)
    frames = Frames(numbers=np.array([1, 8]), positions=positions, cells=cells)
    steps = np.array([0, *range(60, 60 + 10 * (n_frames - 1), 10)])
    return frames_to_trajectory(frames, steps, deviation=np.linspace(0.1, 0.4, n_frames))


def test_take_last_frames_leaves_out_the_start() -> None:
    """It is no frame before a failure; a probe that has nothing else gives nothing."""
    assert take_last_frames(trajectory(1)) == {}
    taken = take_last_frames(trajectory())
    assert taken["deviation"].get_array("step").tolist() == [60, 70, 80]
    assert taken["deviation"].get_array("deviation").tolist() == pytest.approx([0.2, 0.3, 0.4])
    assert taken["trajectory"].get_stepids().tolist() == [60, 70, 80]


def test_frames_before_a_failure_are_candidates_below_the_window() -> None:
    """The committee agrees on them, and yet its dynamics ended; frames beyond the window stay out."""
    window, taken = orm.Dict({"lo": 0.25, "hi": 0.35}), take_last_frames(trajectory())
    known = read_candidates(assign_levels(window, probe_000=taken["deviation"])["levels"])
    assert known.step.tolist() == [70]
    levels = assign_levels(window, failing=orm.List(["probe_000"]), probe_000=taken["deviation"])["levels"]
    assert read_candidates(levels).step.tolist() == [60, 70]
    screen = orm.ArrayData()
    screen.set_array("selected", np.array([0]))
    record = record_selection(screen.store(), levels, probe_000=taken["trajectory"])
    assert record["frame_0000"]["reason"].startswith("just before a probe failed, committee deviation 0.200 eV/Å")


def test_plan_iteration_measures_stability_with_its_own_seed(config: orm.Dict) -> None:
    """Where it is configured, in every iteration and after the schedule."""
    assert "stability" not in plan_iteration(config, orm.Int(0))
    values = config.get_dict() | {"stability": generate_settings().get_dict()}
    values["stability"].pop("seed")
    plans = [plan_iteration(orm.Dict(values), orm.Int(index)) for index in (0, 2)]
    assert sorted(plans[1]) == ["stability", "training"]
    seeds = {plan["stability"]["seed"] for plan in plans}
    assert len(seeds) == 2
    assert not seeds & {plan["training"]["seed"] for plan in plans}


@pytest.mark.parametrize(
    ("cause", "name"),
    [
        ({"pair": ["H", "H"], "scope": "inter"}, "min_distance"),
        ({"pair": None, "scope": None}, "density"),
        (None, "min_distance"),  # what is configured
    ],
)
def test_plan_appended_screens_by_what_was_diagnosed(config: orm.Dict, cause: Any, name: str) -> None:
    """The diagnosis replaces the axis of the screening, and nothing else of it."""
    values = config.get_dict() | {"stability": {"temperature": 600.0, "target": 100.0, "stabilise": {}}}
    values = LoopSettings.model_validate(values).model_dump(mode="json")
    plans = plan_appended(orm.Dict(values), orm.Int(5), orm.Dict({"cause": cause}))
    [axis] = plans["screening"]["quantities"]
    assert axis["name"] == name
    assert plans["screening"]["n_max"] == values["schedule"][-1]["screening"]["n_max"]
    assert plans["labelling"]["iteration"] == 5
    if cause and cause["pair"]:
        assert axis["keywords"] == {"pair": ["H", "H"], "scope": "inter"}
