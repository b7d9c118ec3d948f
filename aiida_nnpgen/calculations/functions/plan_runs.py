"""Plan the runs of a sampling phase."""

from __future__ import annotations

from dataclasses import asdict

from aiida import orm
from aiida.engine import calcfunction

from ...common.dynamics import Conditions
from ...common.seeds import derive_seed
from ...config.sampling import SamplingSettings

__all__ = ["plan_runs", "planned_runs", "run_plan"]


@calcfunction
def plan_runs(settings: orm.Dict, structures: orm.List) -> dict[str, orm.Dict]:
    """Return conditions and seed of each run of a sampling phase.

    :param structures: keys of the starting structures.
    """
    return {
        run: run_plan(key, conditions, derive_seed(settings["seed"], index))
        for index, (run, (key, conditions)) in enumerate(planned_runs(settings, structures).items())
    }


def planned_runs(settings: orm.Dict, structures: orm.List) -> dict[str, tuple[str, Conditions]]:
    """Return the key of the starting structure and the conditions of each run, in order."""
    values = {name: value for name, value in settings.get_dict().items() if name != "seed"}
    expanded = SamplingSettings.model_validate(values).expand(structures.get_list())
    return {f"run_{index:03d}": run for index, run in enumerate(expanded)}


def run_plan(structure: str, conditions: Conditions, seed: int) -> orm.Dict:
    """Return what one run of molecular dynamics is told.

    :param structure: key of its starting structure.
    """
    plain = {name: getattr(value, "value", value) for name, value in asdict(conditions).items()}
    return orm.Dict({"structure": structure, "conditions": plain, "seed": seed})
