"""Parse an evaluation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aiida import orm
from aiida.engine import ExitCode

from ..calculations.evaluate import EvaluateCalculation
from .job import JobParser, arrays_node

__all__ = ["EvaluateParser"]


class EvaluateParser(JobParser):
    """Make the errors and the per-frame arrays."""

    def parse(self, retrieved_temporary_folder: str | None = None, **_: Any) -> ExitCode | None:
        """Parse the output of one evaluation."""
        result = self.read_result()
        if result is None or retrieved_temporary_folder is None:
            return self.failure()
        self.out("errors", orm.Dict(result))
        self.out("arrays", arrays_node(Path(retrieved_temporary_folder) / EvaluateCalculation.FILENAME_ARRAYS))
        return None
