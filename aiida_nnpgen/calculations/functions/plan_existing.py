"""Plan the import of what the user already has."""

from __future__ import annotations

from aiida import orm
from aiida.engine import calcfunction

from ...common.seeds import derive_seed

__all__ = ["plan_existing"]


@calcfunction
def plan_existing(settings: orm.Dict, labelling: orm.Dict) -> dict[str, orm.Dict]:
    """Return the settings of each import of what the user already has, by name."""
    values, reference = settings.get_dict(), labelling.get_dict()
    shared = {"checks": reference["checks"], "validation_fraction": reference["validation_fraction"]}
    return {
        entry["name"]: orm.Dict(entry | shared | {"seed": derive_seed(values["seed"], "existing", entry["name"])})
        for entry in values.get("existing", [])
    }
