"""Parse molecular dynamics with the reference method."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aiida.engine import ExitCode

from ..common.exceptions import OutputError
from ..common.types import RunEnd
from ..data.trajectory import frames_to_trajectory
from ..jobs.md import read_md
from .job import JobParser
from .run_report import run_report

__all__ = ["AseMdParser"]


class AseMdParser(JobParser):
    """Keep the good frames, each of which is a label."""

    def parse(self, retrieved_temporary_folder: str | None = None, **_: Any) -> ExitCode | None:
        """Parse the output of one run."""
        try:
            run = read_md(Path(retrieved_temporary_folder or ""))
        except OutputError as exception:
            failure = self.failure()
            interrupted = failure == self.exit_codes.ERROR_INTERRUPTED
            return self.exit_codes.ERROR_NO_FRAMES.format(message=str(exception)) if interrupted else failure
        self.out("report", run_report(run))
        if len(run.frames):
            node = frames_to_trajectory(run.frames, run.steps)
            node.base.attributes.set("structure_link", "structure")
            self.out("labels", node)
        if run.end is RunEnd.INTERRUPTED:
            return self.failure()
        if run.end.is_failure:
            return self.exit_codes.ERROR_UNSTABLE.format(message=run.message)
        return None
