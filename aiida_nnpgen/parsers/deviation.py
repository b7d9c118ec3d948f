"""Parse the deviation of a committee."""

from __future__ import annotations

from typing import Any

from aiida.engine import ExitCode

from ..calculations.deviation import DeviationCalculation
from ..common.exceptions import OutputError
from ..common.files import read_arrays
from ..jobs.deviation import QUANTITIES, RESULT_SHAPE, columns
from .job import JobParser, arrays_node

__all__ = ["DeviationParser"]


class DeviationParser(JobParser):
    """Make the arrays of deviations."""

    RESULT_SHAPE = RESULT_SHAPE

    def parse(self, retrieved_temporary_folder: str | None = None, **_: Any) -> ExitCode | None:
        """Parse the output of one job."""
        folder, trajectories = self.folder(retrieved_temporary_folder), self.node.inputs.trajectories
        keys = sorted(trajectories)
        try:
            self.result()
            sizes = [len(trajectories[key].get_stepids()) for key in keys]
            numbered = read_arrays(folder / DeviationCalculation.FILENAME_ARRAYS, columns(sizes))
        except OutputError as exception:
            return self.failure(exception)
        named = {f"{name}_{key}": numbered[f"{name}_{index}"] for index, key in enumerate(keys) for name in QUANTITIES}
        self.out("deviation", arrays_node(named))
        return None
