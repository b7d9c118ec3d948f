"""Plans of the phase that makes a first dataset."""

from __future__ import annotations

from aiida import orm

from aiida_nnpgen.calculations.functions import plan_initial_dataset


def test_plan_initial_dataset_separates_test_set(config: orm.Dict) -> None:
    """First dataset and test set draw from different seeds."""
    plans = [plan_initial_dataset(config, orm.Str(purpose)) for purpose in ("initial_dataset", "test_set")]
    seeds = {plan[part]["seed"] for plan in plans for part in ("settings", "labelling")}
    assert len(seeds) == 4
    assert all(plan["labelling"]["iteration"] == -1 for plan in plans)
    assert plans[0]["labelling"]["validation_fraction"] == 0.2
