"""Plan the probes of a committee."""

from __future__ import annotations

from math import lcm

from aiida import orm
from aiida.engine import calcfunction

from ...common.seeds import derive_seed
from ...config.stability import StabilitySettings
from .plan_runs import run_plan

__all__ = ["plan_probes", "read_stability"]


def read_stability(settings: orm.Dict) -> StabilitySettings:
    """Return the settings of a measurement of stability without their seed."""
    return StabilitySettings.model_validate({key: value for key, value in settings.items() if key != "seed"})


@calcfunction
def plan_probes(settings: orm.Dict, structures: orm.List, members: orm.List) -> dict[str, orm.Dict]:
    """Return conditions and seed of each probe, and in ``members`` the committee, of which the first drives.

    Members and starting structures take turns, so that all their combinations come before one comes again.

    :param settings: of the stability, with their seed.
    :param structures: keys of the starting structures.
    :param members: keys of the models of the committee.
    """
    stability, names = read_stability(settings), members.get_list()
    conditions, starts = stability.conditions(), stability.starts(structures.get_list())
    plans, turn = {}, lcm(len(names), len(starts))
    for index in range(stability.probes):
        driving, start = index % len(names), (index + index // turn) % len(starts)
        plan = run_plan(starts[start], conditions, derive_seed(settings["seed"], index))
        plan["members"] = [*names[driving:], *names[:driving]]
        plans[f"probe_{index:03d}"] = plan
    return plans
