"""Plan the phase that makes a first dataset."""

from __future__ import annotations

from aiida import orm
from aiida.engine import calcfunction

from ...common.seeds import derive_seed

__all__ = ["plan_initial_dataset"]


@calcfunction
def plan_initial_dataset(config: orm.Dict, purpose: orm.Str) -> dict[str, orm.Dict]:
    """Return the settings of the phase that makes a first dataset.

    :param purpose: :class:`~aiida_nnpgen.common.types.Purpose`, a key of the configuration.
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
