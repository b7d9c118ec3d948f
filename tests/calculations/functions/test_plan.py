"""Plans: who is told what, and with which seed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from aiida import orm

from aiida_nnpgen.calculations.functions import (
    plan_aimd,
    plan_initial_dataset,
    plan_iteration,
    plan_members,
    plan_runs,
)
from aiida_nnpgen.config.load import load_config

pytestmark = pytest.mark.usefixtures("aiida_profile")


@pytest.fixture
def config(fixtures: Path) -> orm.Dict:
    """Return the configuration of the tiny loop, as the loop stores it."""
    values: dict[str, Any] = load_config(fixtures / "loop" / "water.yaml").loop().model_dump(mode="json")
    values["training"]["elements"] = ["H", "O"]
    return orm.Dict(values)


def changed(config: orm.Dict, **changes: Any) -> orm.Dict:
    """Return a configuration with other values."""
    return orm.Dict(config.get_dict() | changes)


def test_plan_iteration_seeds_are_all_different(config: orm.Dict) -> None:
    """No two phases of any two iterations share a seed."""
    plans = [dict(plan_iteration(config, orm.Int(index))) for index in range(2)]
    seeds = [plan["seed"] for each in plans for name, plan in each.items() if name != "window"]
    assert len(set(seeds)) == len(seeds) == 8


def test_plan_iteration_is_reproducible(config: orm.Dict) -> None:
    """Equal configurations give equal plans; another seed gives other seeds in every phase."""
    first, second = (dict(plan_iteration(config, orm.Int(1))) for _ in range(2))
    other = dict(plan_iteration(changed(config, seed=4), orm.Int(1)))
    for name, plan in first.items():
        assert plan.get_dict() == second[name].get_dict()
        assert plan["seed"] != other[name]["seed"]


def test_plan_iteration_tells_the_sampler_a_plain_window_alone(config: orm.Dict) -> None:
    """Where the window needs a calibration or a percentile, the sampler must keep every frame."""
    assert plan_iteration(config, orm.Int(0))["window"].get_dict() == {"lo": 0.01, "hi": 20.0}
    assert "window" not in plan_iteration(config, orm.Int(1))


def test_plan_iteration_follows_the_schedule(config: orm.Dict) -> None:
    """Each iteration has its own runs and screening; beyond the schedule only training is left."""
    ensembles = [
        [run["ensemble"] for run in plan_iteration(config, orm.Int(index))["sampling"]["runs"]] for index in range(2)
    ]
    assert ensembles == [["nvt", "npt"], ["nemd"]]
    assert plan_iteration(config, orm.Int(1))["labelling"]["iteration"] == 1
    assert list(plan_iteration(config, orm.Int(2))) == ["training"]


def test_plan_iteration_repeats_with_other_seeds(config: orm.Dict) -> None:
    """A repeated entry of the schedule is not the same iteration twice."""
    schedule = config["schedule"]
    repeated = changed(config, schedule=[schedule[0] | {"repeat": 2}, schedule[1]])
    plans = [plan_iteration(repeated, orm.Int(index))["sampling"].get_dict() for index in range(3)]
    assert plans[0]["runs"] == plans[1]["runs"] != plans[2]["runs"]
    assert plans[0]["seed"] != plans[1]["seed"]


def test_plan_members_differ_in_their_seed_alone(config: orm.Dict) -> None:
    """Members share everything but the seed, and do not see what is no business of a training job."""
    members = plan_members(plan_iteration(config, orm.Int(0))["training"])
    assert sorted(members) == ["model_0", "model_1"]
    values = [member.get_dict() for member in members.values()]
    assert values[0].pop("seed") != values[1].pop("seed")
    assert values[0] == values[1]
    assert set(values[0]) == {"architecture", "elements", "parameters"}


def test_plan_runs_covers_every_condition_and_structure(config: orm.Dict) -> None:
    """Runs are the product of structures and conditions, each with its own seed, the same every time."""
    settings = plan_iteration(config, orm.Int(0))["sampling"]
    first, second = (plan_runs(settings, orm.List(["a", "b"])) for _ in range(2))
    runs = [first[key].get_dict() for key in sorted(first)]
    assert sorted((run["structure"], run["conditions"]["ensemble"]) for run in runs) == [
        ("a", "npt"),
        ("a", "nvt"),
        ("b", "npt"),
        ("b", "nvt"),
    ]
    assert len({run["seed"] for run in runs}) == 4
    assert runs == [second[key].get_dict() for key in sorted(second)]
    assert all(run["conditions"]["steps"] == 200 for run in runs)


def test_plan_initial_dataset_separates_test_set(config: orm.Dict) -> None:
    """First dataset and test set draw from different seeds."""
    plans = [plan_initial_dataset(config, orm.Str(purpose)) for purpose in ("initial_dataset", "test_set")]
    seeds = {plan[part]["seed"] for plan in plans for part in ("settings", "labelling")}
    assert len(seeds) == 4
    assert all(plan["labelling"]["iteration"] == -1 for plan in plans)
    assert plans[0]["labelling"]["validation_fraction"] == 0.2


def test_plan_aimd_gives_each_run_its_seed(config: orm.Dict) -> None:
    """Every structure at every temperature, each from its own seed."""
    settings = plan_initial_dataset(config, orm.Str("initial_dataset"))["settings"].get_dict()
    settings["aimd"]["temperatures"] = [300.0, 600.0]
    runs = [run.get_dict() for run in plan_aimd(orm.Dict(settings), orm.List(["a", "b"])).values()]
    assert [(run["structure"], run["conditions"]["temperature"]) for run in runs] == [
        ("a", 300.0),
        ("a", 600.0),
        ("b", 300.0),
        ("b", 600.0),
    ]
    assert len({run["seed"] for run in runs}) == 4
