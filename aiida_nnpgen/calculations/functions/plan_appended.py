"""Plan an iteration that is appended to the schedule because dynamics does not hold."""

from __future__ import annotations

from typing import Any

from aiida import orm
from aiida.engine import calcfunction

from ...config.root import LoopSettings
from ...config.stability import axis_for
from .plan_iteration import phase_plans

__all__ = ["plan_appended"]


@calcfunction
def plan_appended(config: orm.Dict, iteration: orm.Int, diagnosis: orm.Dict | None = None) -> dict[str, orm.Dict]:
    """Return the settings of sampling, screening and labelling of an iteration beyond the schedule.

    :param diagnosis: what left the range of the data becomes the third axis of the screening; without it, or where
        nothing did, the screening is as configured.
    """
    entry = LoopSettings.model_validate(config.get_dict()).appended()
    assert entry is not None
    plan: dict[str, Any] = entry.model_dump(mode="json")
    cause = None if diagnosis is None else diagnosis["cause"]
    if cause is not None:
        axes = [{"name": axis.name, "keywords": axis.keywords} for axis in axis_for(cause["pair"], cause["scope"])]
        plan["screening"]["quantities"] = axes
    return phase_plans(config, iteration.value, plan, entry.screening.window.for_sampler())
