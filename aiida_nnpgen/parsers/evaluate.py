"""Parse an evaluation."""

from __future__ import annotations

from typing import Any

from aiida import orm
from aiida.engine import ExitCode

from ..calculations.evaluate import EvaluateCalculation
from .job import JobParser

__all__ = ["EvaluateParser"]


class EvaluateParser(JobParser):
    """Make the errors and the per-frame arrays."""

    def parse(self, retrieved_temporary_folder: str | None = None, **_: Any) -> ExitCode | None:
        """Parse the output of one evaluation."""
        arrays = self.read_arrays(retrieved_temporary_folder, EvaluateCalculation.FILENAME_ARRAYS)
        if arrays is None:
            return self.failure()
        self.out("errors", orm.Dict(self.read_result()))
        self.out("arrays", arrays)
        return None
