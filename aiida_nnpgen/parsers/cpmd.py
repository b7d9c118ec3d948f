"""Parse runs of CPMD."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aiida import orm
from aiida.engine import CalcJob, ExitCode

from ..data.labels import StructureLink, label_node
from ..data.repository import copy_files
from ..dft.cpmd.code import settings_of
from ..dft.cpmd.run import CpmdRun, read_dynamics_run, read_single_run
from ..dft.label import LabelFailure
from ..dft.method import Method
from .base import BaseParser

__all__ = ["CpmdParser"]

_UNPHYSICAL = (
    LabelFailure.WRONG_SIZE,
    LabelFailure.NOT_FINITE,
    LabelFailure.ALL_ZERO,
    LabelFailure.NET_FORCE,
    LabelFailure.LARGE_FORCE,
)


class CpmdParser(BaseParser):
    """Make one node of all frames that are labels, and say why others are not."""

    def parse(self, retrieved_temporary_folder: str | None = None, **_: Any) -> ExitCode | None:
        """Parse the output of one run."""
        folder = self.folder(retrieved_temporary_folder)
        copy_files(self.retrieved, folder)
        run = self._read(folder)
        problem = run.problem
        report = {
            "n_frames": len(run.steps),
            "reason": self._reason(run),
            "detail": problem.detail if problem else None,
            "last_step": run.last_step,
            "restart_step": run.restart_step,
        }
        self.out("report", orm.Dict(report))
        if run.frames is not None:
            self.out("labels", label_node(run.frames, run.steps, StructureLink.START))
        return self._exit_code(run)

    def _read(self, folder: Path) -> CpmdRun:
        inputs = self.node.inputs
        atoms = inputs.structure.get_ase()
        if "conditions" not in inputs:
            return read_single_run(folder, atoms)
        return read_dynamics_run(
            folder,
            atoms,
            first=inputs.steps_done.value if "steps_done" in inputs else 0,
            total=inputs.conditions["conditions"]["steps"],
            store=settings_of(Method.from_dict(inputs.method.get_dict()), {}).store,
        )

    def _out_of_memory(self, run: CpmdRun) -> bool:
        said_so: int = CalcJob.exit_codes.ERROR_SCHEDULER_OUT_OF_MEMORY.status
        return run.out_of_memory or self.node.exit_status == said_so

    def _reason(self, run: CpmdRun) -> str | None:
        """Return the kind of failure; the scheduler may know it better than the files."""
        if run.problem is None:
            return None
        out_of_time = self.node.exit_status == CalcJob.exit_codes.ERROR_SCHEDULER_OUT_OF_WALLTIME.status
        if self._out_of_memory(run) or (run.interrupted and out_of_time):
            return LabelFailure.OUT_OF_LIMITS.value
        return run.problem.reason.value

    def _exit_code(self, run: CpmdRun) -> ExitCode | None:
        if run.problem is None:
            return None
        reason, message = run.problem.reason, run.problem.detail
        if self._out_of_memory(run):
            return self.exit("ERROR_OUT_OF_MEMORY", message=message)
        if reason is LabelFailure.CALCULATOR:
            return self.exit("ERROR_JOB_FAILED", message=message)
        if reason is LabelFailure.NOT_CONVERGED:
            return self.exit("ERROR_NOT_CONVERGED", message=message)
        if reason in _UNPHYSICAL:
            return self.exit("ERROR_LABEL_UNPHYSICAL", message=message)
        if run.interrupted:
            return self.exit("ERROR_INTERRUPTED", message=message)
        return self.exit("ERROR_NO_FRAMES", message=message)
