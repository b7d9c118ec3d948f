"""Parse labels from CP2K."""

from __future__ import annotations

from typing import Any

from aiida import orm
from aiida.engine import ExitCode

from ..calculations.cp2k import Cp2kJob
from ..common.exceptions import OutputError
from ..data.labels import StructureLink, frame_number, label_node
from ..data.trajectory import structures_to_frames
from ..dft.cp2k.code import CP2K
from ..dft.cp2k.labels import Batch, NoStepError, out_of_memory, read_batch
from ..dft.hints import explain
from ..dft.method import Method
from .base import BaseParser

__all__ = ["Cp2kLabelParser"]


class Cp2kLabelParser(BaseParser):
    """Make one node of all frames that were finished, even if the job was not."""

    def parse(self, retrieved_temporary_folder: str | None = None, **_: Any) -> ExitCode | None:
        """Parse the output of one batch."""
        folder = self.folder(retrieved_temporary_folder)
        memory = out_of_memory(folder, Cp2kJob.FILENAME_STDERR)
        structures = self.node.inputs.structures
        [(keys, frames)] = structures_to_frames({key: structures[key] for key in structures})
        try:
            batch = read_batch(folder, frames)
        except OutputError as exception:
            self.out("failures", orm.Dict({}))
            label = "ERROR_JOB_FAILED" if isinstance(exception, NoStepError) else "ERROR_NO_FRAMES"
            return self.exit("ERROR_OUT_OF_MEMORY" if memory else label, message=str(exception))
        self._attach(batch, keys)
        if len(batch.rows) + len(batch.failures) == len(keys):
            return None
        label = "ERROR_INTERRUPTED" if batch.rows or batch.failures else "ERROR_NO_FRAMES"
        return self.exit("ERROR_OUT_OF_MEMORY" if memory else label, message=batch.message)

    def _attach(self, batch: Batch, keys: list[str]) -> None:
        method = Method.from_dict(self.node.inputs.method.get_dict())
        failures = {
            keys[row]: explain(problem, CP2K, method).record(self.node.uuid) for row, problem in batch.failures.items()
        }
        self.out("failures", orm.Dict(failures))
        if batch.rows:
            numbers = [frame_number(keys[row]) for row in batch.rows]
            self.out("labels", label_node(batch.frames, numbers, StructureLink.NAMESPACE))
