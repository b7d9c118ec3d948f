"""Plan the runs of a sampling phase."""

from __future__ import annotations

from dataclasses import asdict

from aiida import orm
from aiida.engine import calcfunction

from ...common.dynamics import Conditions
from ...common.seeds import derive_seed
from ...config.sampling import SamplingSettings

__all__ = ["plan_runs", "run_plan"]


@calcfunction
def plan_runs(settings: orm.Dict, structures: orm.List) -> dict[str, orm.Dict]:
    """Return conditions and seed of each run of a sampling phase.

    :param structures: keys of the starting structures.
    """
    values = settings.get_dict()
    seed = values.pop("seed")
    sampling = SamplingSettings.model_validate(values)
    return {
        f"run_{index:03d}": run_plan(key, conditions, derive_seed(seed, index))
        for index, (key, conditions) in enumerate(sampling.expand(structures.get_list()))
    }


def run_plan(structure: str, conditions: Conditions, seed: int) -> orm.Dict:
    """Return what one run of molecular dynamics is told.

    :param structure: key of its starting structure.
    """
    plain = {name: getattr(value, "value", value) for name, value in asdict(conditions).items()}
    return orm.Dict({"structure": structure, "conditions": plain, "seed": seed})
