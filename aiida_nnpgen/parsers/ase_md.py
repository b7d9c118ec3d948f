"""Parse molecular dynamics that a program of this package ran in ASE."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aiida.engine import ExitCode

from ..common.dynamics import Conditions, MdRun
from ..common.exceptions import OutputError
from ..jobs.dynamics import read_run
from .base import LabelledRunParser
from .job import JobParser

__all__ = ["AseMdParser", "AseRunParser"]


class AseRunParser(JobParser):
    """Read a run of a calculation with the inputs ``structure`` and ``conditions``."""

    def read(self, folder: Path) -> MdRun:
        """Return what the run left.

        :raises OutputError: if there is nothing to use.
        """
        inputs = self.node.inputs
        return read_run(folder, inputs.structure.get_ase().numbers, Conditions(**inputs.conditions["conditions"]))

    def own_failure(self) -> ExitCode | None:
        """Return the exit code of a program that says itself why it failed; None if it does not."""
        try:
            error = self.error()
        except OutputError as exception:
            return self.failure(exception)
        return None if error is None else self.failure(OutputError(error.message))


class AseMdParser(LabelledRunParser, AseRunParser):
    """Keep the good frames, each of which is a label."""

    def parse(self, retrieved_temporary_folder: str | None = None, **_: Any) -> ExitCode | None:
        """Parse the output of one run."""
        try:
            run = self.read(self.folder(retrieved_temporary_folder))
        except OutputError as exception:
            return self.own_failure() or self.exit("ERROR_NO_FRAMES", message=str(exception))
        self.attach(run)
        return self.own_failure() or self.exit_of(run)
