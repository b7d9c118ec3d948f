"""Parse a diagnosis."""

from __future__ import annotations

from typing import Any

from aiida import orm
from aiida.engine import ExitCode

from ..common.exceptions import OutputError
from ..jobs.diagnose import RESULT_SHAPE
from ..jobs.files import RESULT
from .job import JobParser

__all__ = ["DiagnoseParser"]


class DiagnoseParser(JobParser):
    """Make the diagnosis of the runs that the job was given."""

    RESULT_SHAPE = RESULT_SHAPE

    def parse(self, **_: Any) -> ExitCode | None:
        """Parse the output of one job."""
        keys = sorted(self.node.inputs.trajectories)
        try:
            result = self.result()
            if sorted(result["runs"]) != keys or result["n_runs"] != len(keys):
                raise OutputError(f"`{RESULT}` is damaged: it is not on the {len(keys)} runs that the job was given")
        except OutputError as exception:
            return self.failure(exception)
        self.out("diagnosis", orm.Dict(result))
        return None
