"""Parse a training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aiida.engine import ExitCode

from ..calculations.train import TrainCalculation
from ..common.exceptions import InputError
from ..data import PotentialData
from .job import JobParser, arrays_node

__all__ = ["TrainParser"]


class TrainParser(JobParser):
    """Make the model and its learning curve."""

    def parse(self, retrieved_temporary_folder: str | None = None, **_: Any) -> ExitCode | None:
        """Parse the output of one training."""
        result = self.read_result()
        if result is None or retrieved_temporary_folder is None:
            return self.failure()
        folder = Path(retrieved_temporary_folder)
        self.out("learning_curve", arrays_node(folder / TrainCalculation.FILENAME_CURVE))
        if result["diverged"]:
            return self.exit("ERROR_DIVERGED", step=result["steps"])
        settings = self.node.inputs.settings
        potential = PotentialData(
            {name: folder / TrainCalculation.FOLDER_MODEL / name for name in result["files"]},
            architecture=settings["architecture"],
            version=result["version"],
            elements=settings["elements"],
            cutoff=result["cutoff"],
            seed=settings["seed"],
            dtype=result["dtype"],
        )
        try:
            potential.check()
        except InputError as exception:
            return self.exit("ERROR_JOB_FAILED", message=str(exception))
        self.out("potential", potential)
        return None
