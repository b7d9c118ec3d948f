"""Parse molecular dynamics with CP2K."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aiida.engine import ExitCode
from aiida.parsers import Parser

from ..calculations.cp2k import Cp2kJob
from ..common.dynamics import Conditions
from ..common.exceptions import OutputError
from ..common.types import RunEnd
from ..data.trajectory import frames_to_trajectory, structure_to_frames
from ..dft.cp2k.labels import NoStepError, out_of_memory, read_md
from .run_report import run_report

__all__ = ["Cp2kMdParser"]


class Cp2kMdParser(Parser):
    """Keep the good frames, each of which is a label."""

    def parse(self, retrieved_temporary_folder: str | None = None, **_: Any) -> ExitCode | None:
        """Parse the output of one run."""
        folder = Path(retrieved_temporary_folder or "")
        conditions = Conditions(**self.node.inputs.conditions["conditions"])
        memory = out_of_memory(folder, Cp2kJob.FILENAME_STDERR)
        try:
            run = read_md(folder, structure_to_frames(self.node.inputs.structure), conditions)
        except OutputError as exception:
            code = "ERROR_JOB_FAILED" if isinstance(exception, NoStepError) else "ERROR_NO_FRAMES"
            code = "ERROR_OUT_OF_MEMORY" if memory else code
            return self.exit_codes[code].format(message=str(exception))
        self.out("report", run_report(run))
        if len(run.frames):
            node = frames_to_trajectory(run.frames, run.steps)
            node.base.attributes.set("structure_link", "structure")
            self.out("labels", node)
        if run.end is RunEnd.UNPHYSICAL:
            return self.exit_codes.ERROR_UNSTABLE.format(message=run.message)
        if run.end is RunEnd.INTERRUPTED:
            code = "ERROR_INTERRUPTED" if len(run.frames) else "ERROR_NO_FRAMES"
            return self.exit_codes["ERROR_OUT_OF_MEMORY" if memory else code].format(message=run.message)
        return None if len(run.frames) else self.exit_codes.ERROR_NOT_CONVERGED.format(message=run.message)
