"""Parse a screening."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aiida import orm
from aiida.engine import ExitCode

from ..calculations.screen import ScreenCalculation
from .job import JobParser, arrays_node

__all__ = ["ScreenParser"]


class ScreenParser(JobParser):
    """Make the map of the screening and its counts."""

    def parse(self, retrieved_temporary_folder: str | None = None, **_: Any) -> ExitCode | None:
        """Parse the output of one screening."""
        result = self.read_result()
        if result is None or retrieved_temporary_folder is None:
            return self.failure()
        self.out("screen", arrays_node(Path(retrieved_temporary_folder) / ScreenCalculation.FILENAME_ARRAYS))
        self.out("report", orm.Dict(result))
        return None
