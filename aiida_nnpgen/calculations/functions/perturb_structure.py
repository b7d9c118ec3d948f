"""Displace the atoms of a starting structure at random."""

from __future__ import annotations

from typing import Any

from aiida import orm
from aiida.engine import calcfunction

from ...builders.perturb import perturb
from ...common.seeds import derive_seed
from ...data.labels import frame_key

__all__ = ["perturb_structure"]


@calcfunction
def perturb_structure(settings: orm.Dict, key: orm.Str, structure: orm.StructureData) -> dict[str, Any]:
    """Return displaced copies of a structure, with keys ``frame_0000`` and so on, and a record of why they are there.

    :param settings: those of the initial dataset, with its seed.
    :param key: name of the starting structure; the seed depends on it.
    """
    values = settings.get_dict()
    options = values["perturb"]
    frames = perturb(
        structure.get_ase(),
        options["count"],
        amplitude=options["amplitude"],
        strain=options["strain"],
        seed=derive_seed(values["seed"], "perturb", key.value),
    )
    made = {frame_key(index): orm.StructureData(ase=atoms) for index, atoms in enumerate(frames.to_atoms())}
    record = {name: {"start": key.value, "reason": f"random displacement of `{key.value}`"} for name in made}
    return {"structures": made, "record": orm.Dict(record)}
