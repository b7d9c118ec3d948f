"""Parse an evaluation."""

from __future__ import annotations

from typing import Any

from aiida import orm
from aiida.engine import ExitCode

from ..calculations.evaluate import EvaluateCalculation
from .job import JobParser

__all__ = ["EvaluateParser"]


class EvaluateParser(JobParser):
    """Make the errors and the per-frame arrays; a model without a number for each frame is refused."""

    def parse(self, retrieved_temporary_folder: str | None = None, **_: Any) -> ExitCode | None:
        """Parse the output of one evaluation."""
        arrays = self.read_arrays(retrieved_temporary_folder, EvaluateCalculation.FILENAME_ARRAYS)
        if arrays is None:
            return self.failure()
        result = self.read_result() or {}
        self.out("errors", orm.Dict(result))
        self.out("arrays", arrays)
        counts = zip(
            sorted(self.node.inputs.models), (errors["not_finite"] for errors in result["models"]), strict=True
        )
        bad = [f"`{model}` for {count} of {result['frames']} frames" for model, count in counts if count]
        return self.exit("ERROR_NOT_FINITE", message=", ".join(bad)) if bad else None
