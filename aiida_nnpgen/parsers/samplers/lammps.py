"""Parse molecular dynamics in LAMMPS."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from aiida import orm
from aiida.engine import ExitCode

from ...calculations.samplers.lammps import LammpsCalculation
from ...common.dynamics import Conditions, MdRun
from ...common.exceptions import OutputError
from ...common.types import RunEnd, TrustLevel
from ...data.trajectory import frames_to_trajectory
from ...samplers import lammps
from ...screening import trust_levels
from ..base import BaseParser

__all__ = ["LammpsParser"]


class LammpsParser(BaseParser):
    """Keep the good part of a run, and say how it ended."""

    def parse(self, retrieved_temporary_folder: str | None = None, **_: Any) -> ExitCode | None:
        """Parse the output of one run."""
        folder = Path(retrieved_temporary_folder or "")
        inputs = self.node.inputs
        conditions = Conditions(**inputs.conditions["conditions"])
        models = inputs.models
        model = models[sorted(models)[0]]
        interaction = model.implementation.lammps_interaction(sorted(models), model.elements, conditions.stride)
        try:
            run = lammps.read_run(
                folder,
                conditions,
                inputs.structure.get_ase(),
                interaction.deviation_file,
                interaction.force_column,
                screen=LammpsCalculation.FILENAME_SCREEN,
            )
        except OutputError as exception:
            return self.exit("ERROR_NO_FRAMES", message=str(exception))
        self._attach(run)
        if run.end is RunEnd.INTERRUPTED:
            return self.exit("ERROR_INTERRUPTED", message=run.message)
        if run.end.is_failure:
            return self.exit("ERROR_UNSTABLE", message=run.message)
        return None

    def _attach(self, run: MdRun) -> None:
        deviation = orm.ArrayData()
        deviation.set_array("step", run.steps)
        if run.deviation is not None:
            deviation.set_array("deviation", run.deviation)
        for name, column in run.thermo.items():
            deviation.set_array(name, column)
        self.out("deviation", deviation)
        self.out("report", orm.Dict(run.report().to_dict()))
        kept = np.arange(len(run.frames))
        if "window" in self.node.inputs and run.deviation is not None:
            window = self.node.inputs.window
            kept = np.flatnonzero(trust_levels(run.deviation, window["lo"], window["hi"]) == TrustLevel.CANDIDATE)
        if len(kept):
            measured = {} if run.deviation is None else {"deviation": run.deviation[kept]}
            node = frames_to_trajectory(run.frames[kept], run.steps[kept], **measured)
            node.base.attributes.set("start", self.node.inputs.conditions.get("structure", ""))
            self.out("trajectory", node)
