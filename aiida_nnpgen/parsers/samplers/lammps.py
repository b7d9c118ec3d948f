"""Parse molecular dynamics in LAMMPS."""

from __future__ import annotations

from pathlib import Path

from ...calculations.samplers.lammps import LammpsCalculation
from ...common.dynamics import Conditions, MdRun
from ...samplers import lammps
from .base import SamplerParser

__all__ = ["LammpsParser"]


class LammpsParser(SamplerParser):
    """Read log, dump and table of deviations."""

    TOLD_IN = (LammpsCalculation.FILENAME_SCREEN,)

    def read(self, folder: Path) -> MdRun:
        """Return what the run left.

        :raises OutputError: if LAMMPS did not start.
        """
        inputs = self.node.inputs
        conditions = Conditions(**inputs.conditions["conditions"])
        interaction = LammpsCalculation.interaction(inputs.models, conditions.stride)
        return lammps.read_run(
            folder,
            conditions,
            inputs.structure.get_ase(),
            interaction.deviation_file,
            interaction.force_column,
            screen=LammpsCalculation.FILENAME_SCREEN,
        )
