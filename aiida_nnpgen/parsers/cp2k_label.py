"""Parse labels from CP2K."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from aiida import orm
from aiida.engine import ExitCode
from aiida.parsers import Parser

from ..calculations.cp2k import Cp2kJob
from ..common.exceptions import OutputError
from ..data.trajectory import frames_to_trajectory, structures_to_frames
from ..dft.cp2k.labels import Batch, NoStepError, out_of_memory, read_batch

__all__ = ["Cp2kLabelParser"]


class Cp2kLabelParser(Parser):
    """Make one node of all frames that were finished, even if the job was not."""

    def parse(self, retrieved_temporary_folder: str | None = None, **_: Any) -> ExitCode | None:
        """Parse the output of one batch."""
        folder = Path(retrieved_temporary_folder or "")
        structures = self.node.inputs.structures
        [(keys, frames)] = structures_to_frames({key: structures[key] for key in structures})
        try:
            batch = read_batch(folder, frames)
        except OutputError as exception:
            self.out("failures", orm.Dict({}))
            if out_of_memory(folder, Cp2kJob.FILENAME_STDERR):
                return self.exit_codes.ERROR_OUT_OF_MEMORY
            code = "ERROR_JOB_FAILED" if isinstance(exception, NoStepError) else "ERROR_NO_FRAMES"
            return self.exit_codes[code].format(message=str(exception))
        self._attach(batch, keys)
        if len(batch.rows) + len(batch.failures) == len(keys):
            return None
        if out_of_memory(folder, Cp2kJob.FILENAME_STDERR):
            return self.exit_codes.ERROR_OUT_OF_MEMORY
        code = "ERROR_INTERRUPTED" if batch.rows or batch.failures else "ERROR_NO_FRAMES"
        return self.exit_codes[code].format(message=batch.message)

    def _attach(self, batch: Batch, keys: list[str]) -> None:
        failures = {
            keys[row]: {"reason": problem.reason.value, "detail": problem.detail, "process": self.node.uuid}
            for row, problem in batch.failures.items()
        }
        self.out("failures", orm.Dict(failures))
        if batch.rows:
            steps = np.array([int(keys[row].rpartition("_")[2]) for row in batch.rows])
            node = frames_to_trajectory(batch.frames, steps)
            node.base.attributes.set("structure_link", "structures__frame_{:04d}")
            self.out("labels", node)
