"""Run dynamics with CPMD."""

from __future__ import annotations

from typing import Any

from aiida import orm

from ...calculations.cpmd import CpmdCalculation
from ...calculations.functions.join_runs import join_runs
from ...common.dynamics import Conditions
from ...data.labels import run_key
from ...dft.attempts import JobEnd
from ...dft.label import LabelFailure
from ..caching import cached
from ..ports import optional_output
from .continued import ContinuedAimdWorkChain

__all__ = ["CpmdAimdWorkChain"]

_CODES = CpmdCalculation.exit_codes
_HOPELESS = (_CODES.ERROR_JOB_FAILED, _CODES.ERROR_LABEL_UNPHYSICAL, _CODES.ERROR_OUT_OF_MEMORY)


class CpmdAimdWorkChain(ContinuedAimdWorkChain):
    """Run dynamics, going on from the restart files where it was cut.

    The next job has a folder of its own, into which no trajectory is copied: the labels of each job are an output of
    it, and one function joins them. Dynamics that followed wrong forces starts again with another optimiser.
    """

    NAME = "cpmd"
    MAX_FRUITLESS = 2

    def total(self, conditions: Conditions) -> int:
        """Return the number of time steps."""
        return conditions.steps

    def setup(self) -> None:
        """Begin with the structure."""
        super().setup()
        self.ctx.folder, self.ctx.step = None, 0  # of the restart file

    def start(self) -> orm.ProcessNode:
        """Submit the next job."""
        restart = {}
        if self.ctx.step:
            restart = {"restart_folder": self.ctx.folder, "steps_done": orm.Int(self.ctx.step)}
        else:
            self.ctx.runs = []  # of a start that is given up
        with cached(CpmdCalculation):
            return self.submit(
                CpmdCalculation,
                code=self.inputs.code,
                structure=self.inputs.structure,
                conditions=self.inputs.conditions,
                method=self.ctx.method,
                pseudopotentials=dict(self.inputs.pseudopotentials),
                metadata={"options": self.inputs.options, "call_link_label": self.link_label()},
                **restart,
            )

    def job_end(self, calculation: orm.CalcJobNode) -> JobEnd:
        """Find the newest restart file; without one of its own a job leaves the one from which it started."""
        self.ctx.runs.append(calculation)
        if calculation.is_finished_ok:
            return JobEnd(done=self.ctx.total)
        if calculation.exit_status in [code.status for code in _HOPELESS]:
            return JobEnd(done=self.ctx.progress.done, is_hopeless=True)
        if calculation.exit_status == _CODES.ERROR_NOT_CONVERGED.status:
            self.ctx.step = 0
            return JobEnd(done=0, is_unconverged=True)
        report = optional_output(calculation, "report")
        if report is not None and report["restart_step"]:
            self.ctx.folder, self.ctx.step = calculation.outputs.remote_folder, report["restart_step"]
        return JobEnd(done=self.ctx.step)

    def join(self, calculation: orm.CalcJobNode) -> dict[str, Any]:
        """Join the labels of the runs since the last start; those of a single one are passed on."""
        nodes = [run.outputs.labels for run in self.ctx.runs if "labels" in run.outputs]
        report = optional_output(calculation, "report")
        facts = {"reason": LabelFailure.NO_OUTPUT.value, "detail": calculation.exit_message}
        if report is not None:
            facts = {name: report[name] for name in facts}
        runs = {run_key(number): node for number, node in enumerate(nodes)}
        made = join_runs(self.inputs.structure, self.inputs.conditions, orm.Dict(facts), **runs)
        return {**made, **({"labels": nodes[0]} if len(nodes) == 1 else {})}
