"""Plan the training of a committee."""

from __future__ import annotations

from aiida import orm
from aiida.engine import calcfunction

from ...common.seeds import derive_seed

__all__ = ["plan_members"]


@calcfunction
def plan_members(settings: orm.Dict) -> dict[str, orm.Dict]:
    """Return the settings of each member of a committee, which differ in their seeds."""
    values = settings.get_dict()
    shared = {key: values[key] for key in ("architecture", "elements", "parameters")}
    return {
        f"model_{member}": orm.Dict(shared | {"seed": derive_seed(values["seed"], member)})
        for member in range(values["committee"])
    }
