"""Plan the runs with the reference method."""

from __future__ import annotations

from aiida import orm
from aiida.engine import calcfunction

from ...common.seeds import derive_seed
from ...config.reference import InitialDatasetSettings
from .plan_runs import run_plan

__all__ = ["plan_aimd"]


@calcfunction
def plan_aimd(settings: orm.Dict, structures: orm.List) -> dict[str, orm.Dict]:
    """Return conditions and seed of each molecular dynamics run with the reference method.

    :param structures: keys of the starting structures.
    """
    values = settings.get_dict()
    seed = values["seed"]
    known = {key: value for key, value in values.items() if key in InitialDatasetSettings.model_fields}
    aimd = InitialDatasetSettings.model_validate(known).aimd
    conditions = aimd.conditions() if aimd else []
    runs = [(key, each) for key in structures.get_list() for each in conditions]
    return {
        f"aimd_{index:03d}": run_plan(key, each, derive_seed(seed, "aimd", index))
        for index, (key, each) in enumerate(runs)
    }
