"""Plan one iteration: what each phase is told, and with which seed.

Plans are nodes: what a phase was told can be read from its inputs, and every input has a creator.
"""

from __future__ import annotations

from aiida import orm
from aiida.engine import calcfunction

from ...common.seeds import derive_seed
from ...config.root import LoopSettings

__all__ = ["plan_iteration"]


@calcfunction
def plan_iteration(config: orm.Dict, iteration: orm.Int) -> dict[str, orm.Dict]:
    """Return the settings of each phase of one iteration; beyond the schedule, of the final training alone.

    ``window`` is there only if the sampler may drop the coordinates of frames outside it.
    """
    values, index = config.get_dict(), iteration.value
    seed = derive_seed(values["seed"], "iteration", index)
    plans = {"training": values["training"] | {"seed": derive_seed(seed, "training")}}
    schedule = LoopSettings.model_validate(values).iterations()
    if index < len(schedule):
        entry = schedule[index].model_dump(mode="json")
        fraction = values["initial_dataset"]["validation_fraction"]
        plans["sampling"] = entry["sampling"] | {"seed": derive_seed(seed, "sampling")}
        plans["screening"] = entry["screening"] | {"seed": derive_seed(seed, "screening")}
        if window := schedule[index].screening.window.for_sampler():
            plans["window"] = window
        plans["labelling"] = values["reference"] | {
            "seed": derive_seed(seed, "split"),
            "iteration": index,
            "validation_fraction": fraction,
        }
    return {name: orm.Dict(plan) for name, plan in plans.items()}
