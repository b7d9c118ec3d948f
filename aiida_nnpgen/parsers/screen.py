"""Parse a screening."""

from __future__ import annotations

from typing import Any

from aiida import orm
from aiida.engine import ExitCode

from ..calculations.screen import ScreenCalculation
from .job import JobParser

__all__ = ["ScreenParser"]


class ScreenParser(JobParser):
    """Make the map of the screening and its counts."""

    def parse(self, retrieved_temporary_folder: str | None = None, **_: Any) -> ExitCode | None:
        """Parse the output of one screening."""
        arrays = self.read_arrays(retrieved_temporary_folder, ScreenCalculation.FILENAME_ARRAYS)
        if arrays is None:
            return self.failure()
        self.out("screen", arrays)
        self.out("report", orm.Dict(self.read_result()))
        return None
