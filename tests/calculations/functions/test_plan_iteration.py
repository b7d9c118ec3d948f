"""Plans of iterations: who is told what, and with which seed."""

from __future__ import annotations

from typing import Any

from aiida import orm

from aiida_nnpgen.calculations.functions import plan_final, plan_iteration


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


def test_plan_final_is_from_scratch_with_settings_of_its_own(config: orm.Dict) -> None:
    """Elements are those of the loop, the seed is that of no iteration."""
    values = config.get_dict()
    values["final"] = values["training"] | {"elements": None, "committee": 3, "warm_start": True}
    settings = plan_final(orm.Dict(values))["training"].get_dict()
    assert (settings["committee"], settings["warm_start"], settings["elements"]) == (3, False, ["H", "O"])
    seeds = {plan_iteration(config, orm.Int(index))["training"]["seed"] for index in range(3)}
    assert settings["seed"] not in seeds
    assert "stability" not in plan_final(orm.Dict(values))
