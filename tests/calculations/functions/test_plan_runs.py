"""Plans of the runs of a sampling phase."""

from __future__ import annotations

from aiida import orm

from aiida_nnpgen.calculations.functions import plan_iteration, plan_runs


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
