"""Plan one iteration: what each phase is told, and with which seed.

Plans are nodes: what a phase was told can be read from its inputs, and every input has a creator.
"""

from __future__ import annotations

from typing import Any

from aiida import orm
from aiida.engine import calcfunction

from ...common.seeds import derive_seed
from ...config.root import LoopSettings

__all__ = ["phase_plans", "plan_iteration"]


@calcfunction
def plan_iteration(config: orm.Dict, iteration: orm.Int) -> dict[str, orm.Dict]:
    """Return the settings of each phase of one iteration; beyond the schedule, of training and stability alone.

    ``stability`` is there only if it is measured.
    """
    values, index = config.get_dict(), iteration.value
    seed, plans = _seed(values, index), {}
    for phase in ("training", "stability"):
        if values.get(phase):
            plans[phase] = orm.Dict(values[phase] | {"seed": derive_seed(seed, phase)})
    schedule = LoopSettings.model_validate(values).iterations()
    if index >= len(schedule):
        return plans
    entry = schedule[index]
    return plans | phase_plans(config, index, entry.model_dump(mode="json"), entry.screening.window.for_sampler())


def phase_plans(
    config: orm.Dict, index: int, entry: dict[str, Any], window: dict[str, float] | None
) -> dict[str, orm.Dict]:
    """Return the settings of what follows the training.

    :param index: of the iteration.
    :param entry: of the schedule.
    :param window: bounds outside of which the sampler may drop coordinates; None: it may not.
    """
    values = config.get_dict()
    seed, fraction = _seed(values, index), values["initial_dataset"]["validation_fraction"]
    plans: dict[str, Any] = {
        name: entry[name] | {"seed": derive_seed(seed, name)} for name in ("sampling", "screening")
    }
    if window:
        plans["window"] = window
    plans["labelling"] = values["reference"] | {
        "seed": derive_seed(seed, "split"),
        "iteration": index,
        "validation_fraction": fraction,
    }
    return {name: orm.Dict(plan) for name, plan in plans.items()}


def _seed(values: dict[str, Any], index: int) -> int:
    return derive_seed(values["seed"], "iteration", index)
