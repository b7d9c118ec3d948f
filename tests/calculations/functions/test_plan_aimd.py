"""Plans of runs with the reference method."""

from __future__ import annotations

from aiida import orm

from aiida_nnpgen.calculations.functions import plan_aimd, plan_initial_dataset


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
