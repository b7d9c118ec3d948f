"""Plan the final committee."""

from __future__ import annotations

from aiida import orm
from aiida.engine import calcfunction

from ...common.iterations import FINAL
from ...common.seeds import derive_seed

__all__ = ["plan_final"]


@calcfunction
def plan_final(config: orm.Dict) -> dict[str, orm.Dict]:
    """Return the settings of the training of the final committee, and of its stability if that is measured.

    It starts from scratch: its net may be another than that of the loop.
    """
    values = config.get_dict()
    seed = derive_seed(values["seed"], FINAL)
    training = values["final"] | {"warm_start": False, "elements": values["training"]["elements"]}
    plans = {"training": orm.Dict(training | {"seed": derive_seed(seed, "training")})}
    if values.get("stability"):
        plans["stability"] = orm.Dict(values["stability"] | {"seed": derive_seed(seed, "stability")})
    return plans
