"""Parse the deviation of a committee."""

from __future__ import annotations

from typing import Any

from aiida import orm
from aiida.engine import ExitCode

from ..calculations.deviation import DeviationCalculation
from .job import JobParser

__all__ = ["DeviationParser"]


class DeviationParser(JobParser):
    """Make the arrays of deviations."""

    def parse(self, retrieved_temporary_folder: str | None = None, **_: Any) -> ExitCode | None:
        """Parse the output of one job."""
        numbered = self.read_arrays(retrieved_temporary_folder, DeviationCalculation.FILENAME_ARRAYS)
        if numbered is None:
            return self.failure()
        node = orm.ArrayData()
        for index, key in enumerate(sorted(self.node.inputs.trajectories)):
            for name in ("force", "energy", "stress"):
                node.set_array(f"{name}_{key}", numbered.get_array(f"{name}_{index}"))
        self.out("deviation", node)
        return None
