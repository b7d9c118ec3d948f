"""Parse molecular dynamics with CP2K."""

from __future__ import annotations

from typing import Any

from aiida.engine import ExitCode

from ..calculations.cp2k import Cp2kJob
from ..common.dynamics import Conditions
from ..common.exceptions import OutputError
from ..common.types import RunEnd
from ..data.trajectory import structure_to_frames
from ..dft.cp2k.labels import NoStepError, out_of_memory, read_md
from .base import LabelledRunParser

__all__ = ["Cp2kMdParser"]


class Cp2kMdParser(LabelledRunParser):
    """Keep the good frames, each of which is a label."""

    def parse(self, retrieved_temporary_folder: str | None = None, **_: Any) -> ExitCode | None:
        """Parse the output of one run."""
        folder = self.folder(retrieved_temporary_folder)
        conditions = Conditions(**self.node.inputs.conditions["conditions"])
        memory = out_of_memory(folder, Cp2kJob.FILENAME_STDERR)
        try:
            run = read_md(folder, structure_to_frames(self.node.inputs.structure), conditions)
        except OutputError as exception:
            label = "ERROR_JOB_FAILED" if isinstance(exception, NoStepError) else "ERROR_NO_FRAMES"
            return self.exit("ERROR_OUT_OF_MEMORY" if memory else label, message=str(exception))
        self.attach(run)
        if memory and run.end is RunEnd.INTERRUPTED:
            return self.exit("ERROR_OUT_OF_MEMORY", message=run.message)
        if not len(run.frames) and run.end is RunEnd.COMPLETED:
            return self.exit("ERROR_NOT_CONVERGED", message=run.message)
        return self.exit_of(run)
