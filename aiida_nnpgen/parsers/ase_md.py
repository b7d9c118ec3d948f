"""Parse molecular dynamics with the reference method."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aiida.engine import ExitCode

from ..common.exceptions import OutputError
from ..common.types import RunEnd
from ..jobs.md import read_md
from .base import LabelledRunParser
from .job import JobParser

__all__ = ["AseMdParser"]


class AseMdParser(LabelledRunParser, JobParser):
    """Keep the good frames, each of which is a label."""

    def parse(self, retrieved_temporary_folder: str | None = None, **_: Any) -> ExitCode | None:
        """Parse the output of one run."""
        try:
            run = read_md(Path(retrieved_temporary_folder or ""))
        except OutputError as exception:
            failure = self.failure()
            interrupted = failure.status == self.exit_codes.ERROR_INTERRUPTED.status
            return self.exit("ERROR_NO_FRAMES", message=str(exception)) if interrupted else failure
        self.attach(run)
        return self.failure() if run.end is RunEnd.INTERRUPTED else self.exit_of(run)
