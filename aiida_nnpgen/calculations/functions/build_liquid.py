"""Pack a liquid."""

from __future__ import annotations

from aiida import orm
from aiida.engine import calcfunction

from ...builders.liquid import liquid

__all__ = ["build_liquid"]


@calcfunction
def build_liquid(settings: orm.Dict, seed: orm.Int) -> orm.StructureData:
    """Return a liquid in a cubic periodic box.

    :param settings: ``components`` (SMILES and number of molecules of each) and ``density`` (g/cm³).
    """
    values = settings.get_dict()
    return orm.StructureData(ase=liquid(list(values["components"].items()), values["density"], seed=seed.value))
