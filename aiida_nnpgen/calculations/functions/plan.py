"""Turn the configuration into the inputs of phases and jobs, seeds included.

Plans are nodes: what a phase was told, and with which seed, can be read from its inputs, and every input has a creator.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from aiida import orm
from aiida.engine import calcfunction

from ...common.dynamics import Conditions
from ...common.seeds import derive_seed
from ...config.reference import InitialDatasetSettings
from ...config.root import LoopSettings
from ...config.sampling import SamplingSettings
from ...screening.settings import WindowSettings

__all__ = ["plan_aimd", "plan_existing", "plan_initial_dataset", "plan_iteration", "plan_members", "plan_runs"]


@calcfunction
def plan_initial_dataset(config: orm.Dict, purpose: orm.Str) -> dict[str, orm.Dict]:
    """Return the settings of the phase that makes a first dataset.

    :param purpose: ``initial_dataset`` or ``test_set``, a key of the configuration.
    """
    values = config.get_dict()
    seed = derive_seed(values["seed"], purpose.value)
    wanted = values[purpose.value]
    reference = values["reference"] | {
        "validation_fraction": wanted["validation_fraction"],
        "skip": wanted["aimd"]["skip"] if wanted["aimd"] else 0,
    }
    return {
        "settings": orm.Dict(wanted | {"seed": seed, "elements": values["training"]["elements"]}),
        "labelling": orm.Dict(reference | {"seed": derive_seed(seed, "split"), "iteration": -1}),
    }


@calcfunction
def plan_iteration(config: orm.Dict, iteration: orm.Int) -> dict[str, orm.Dict]:
    """Return the settings of each phase of one iteration; beyond the schedule, of the final training alone."""
    values, index = config.get_dict(), iteration.value
    seed = derive_seed(values["seed"], "iteration", index)
    plans = {"training": values["training"] | {"seed": derive_seed(seed, "training")}}
    schedule = LoopSettings.model_validate(values).iterations()
    if index < len(schedule):
        entry = schedule[index].model_dump(mode="json")
        fraction = values["initial_dataset"]["validation_fraction"]
        plans["sampling"] = entry["sampling"] | {"seed": derive_seed(seed, "sampling")}
        plans["screening"] = entry["screening"] | {"seed": derive_seed(seed, "screening")}
        if window := sampling_window(schedule[index].screening.window):
            plans["window"] = window
        plans["labelling"] = values["reference"] | {
            "seed": derive_seed(seed, "split"),
            "iteration": index,
            "validation_fraction": fraction,
        }
    return {name: orm.Dict(plan) for name, plan in plans.items()}


def sampling_window(window: WindowSettings) -> dict[str, float] | None:
    """Return the bounds by which the sampler may drop coordinates; None if they depend on more than it knows."""
    is_simple = window.percentile == 100 and window.energy is None and window.stress is None
    return {"lo": window.lo, "hi": window.hi} if is_simple and window.mode == "fixed" else None


@calcfunction
def plan_members(settings: orm.Dict) -> dict[str, orm.Dict]:
    """Return the settings of each member of a committee, which differ in their seeds."""
    values = settings.get_dict()
    shared = {key: values[key] for key in ("architecture", "elements", "parameters")}
    return {
        f"model_{member}": orm.Dict(shared | {"seed": derive_seed(values["seed"], member)})
        for member in range(values["committee"])
    }


@calcfunction
def plan_runs(settings: orm.Dict, structures: orm.List) -> dict[str, orm.Dict]:
    """Return conditions and seed of each run of a sampling phase.

    :param structures: keys of the starting structures.
    """
    values = settings.get_dict()
    seed = values.pop("seed")
    sampling = SamplingSettings.model_validate(values)
    return {
        f"run_{index:03d}": _run(key, conditions, derive_seed(seed, index))
        for index, (key, conditions) in enumerate(sampling.expand(structures.get_list()))
    }


@calcfunction
def plan_aimd(settings: orm.Dict, structures: orm.List) -> dict[str, orm.Dict]:
    """Return conditions and seed of each molecular dynamics run with the reference method."""
    values = settings.get_dict()
    seed = values["seed"]
    known = {key: value for key, value in values.items() if key in InitialDatasetSettings.model_fields}
    aimd = InitialDatasetSettings.model_validate(known).aimd
    conditions = aimd.conditions() if aimd else []
    runs = [(key, each) for key in structures.get_list() for each in conditions]
    return {
        f"aimd_{index:03d}": _run(key, each, derive_seed(seed, "aimd", index)) for index, (key, each) in enumerate(runs)
    }


@calcfunction
def plan_existing(settings: orm.Dict, labelling: orm.Dict) -> dict[str, orm.Dict]:
    """Return the settings of each import of what the user already has, by name."""
    values, reference = settings.get_dict(), labelling.get_dict()
    shared = {"checks": reference["checks"], "validation_fraction": reference["validation_fraction"]}
    return {
        entry["name"]: orm.Dict(entry | shared | {"seed": derive_seed(values["seed"], "existing", entry["name"])})
        for entry in values.get("existing", [])
    }


def _run(structure: str, conditions: Conditions, seed: int) -> orm.Dict:
    values: dict[str, Any] = asdict(conditions)
    plain = {name: getattr(value, "value", value) for name, value in values.items()}
    return orm.Dict({"structure": structure, "conditions": plain, "seed": seed})
