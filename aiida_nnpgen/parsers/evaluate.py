"""Parse an evaluation."""

from __future__ import annotations

from typing import Any

from aiida import orm
from aiida.engine import ExitCode

from ..calculations.evaluate import EvaluateCalculation
from ..common.exceptions import OutputError
from ..common.files import read_arrays
from ..jobs.evaluate import RESULT_SHAPE, columns
from ..jobs.files import RESULT
from .job import JobParser, arrays_node

__all__ = ["EvaluateParser"]


class EvaluateParser(JobParser):
    """Make the errors and the per-frame arrays; a model without a number for each frame is refused."""

    RESULT_SHAPE = RESULT_SHAPE

    def parse(self, retrieved_temporary_folder: str | None = None, **_: Any) -> ExitCode | None:
        """Parse the output of one evaluation."""
        folder, models = self.folder(retrieved_temporary_folder), sorted(self.node.inputs.models)
        try:
            result = self.result()
            if len(result["models"]) != len(models):
                raise OutputError(f"`{RESULT}` is damaged: it is on {len(result['models'])} of {len(models)} models")
            arrays = read_arrays(folder / EvaluateCalculation.FILENAME_ARRAYS, columns(result["frames"]))
        except OutputError as exception:
            return self.failure(exception)
        self.out("errors", orm.Dict(result))
        self.out("arrays", arrays_node(arrays))
        counts = zip(models, (errors["not_finite"] for errors in result["models"]), strict=True)
        bad = [f"`{model}` for {count} of {result['frames']} frames" for model, count in counts if count]
        return self.exit("ERROR_NOT_FINITE", message=", ".join(bad)) if bad else None
