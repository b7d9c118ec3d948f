"""Parse the deviation of a committee."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aiida import orm
from aiida.engine import ExitCode

from ..calculations.deviation import DeviationCalculation
from .job import JobParser, arrays_node

__all__ = ["DeviationParser"]


class DeviationParser(JobParser):
    """Make the arrays of deviations."""

    def parse(self, retrieved_temporary_folder: str | None = None, **_: Any) -> ExitCode | None:
        """Parse the output of one job."""
        if self.read_result() is None or retrieved_temporary_folder is None:
            return self.failure()
        numbered = arrays_node(Path(retrieved_temporary_folder) / DeviationCalculation.FILENAME_ARRAYS)
        node = orm.ArrayData()
        for index, key in enumerate(sorted(self.node.inputs.trajectories)):
            for name in ("force", "energy", "stress"):
                node.set_array(f"{name}_{key}", numbered.get_array(f"{name}_{index:03d}"))
        self.out("deviation", node)
        return None
