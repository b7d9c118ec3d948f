"""Run dynamics in several jobs, each of which goes on where the one before ended."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

from aiida import orm
from aiida.engine import ExitCode, while_
from aiida.engine.processes.workchains.workchain import WorkChainSpec

from ...calculations.functions.plan_methods import change_method
from ...common.dynamics import Conditions
from ...common.limits import MAX_LINKS
from ...common.types import RunEnd
from ...dft import registry
from ...dft.attempts import JobEnd, NextJob, Progress, next_job
from ...dft.label import LabelFailure
from ...dft.method import Method
from ..job_outputs import last_calculation
from ..ports import reason_of
from .base import AimdWorkChain

__all__ = ["ContinuedAimdWorkChain"]


class ContinuedAimdWorkChain(AimdWorkChain):
    """Submit jobs until all steps are done, or until there is no progress; then join what they gave.

    A code says how the next job is started, how the last one ended, and how all of them are joined. What comes after a
    job is decided by :func:`~aiida_nnpgen.dft.attempts.next_job`.
    """

    MAX_FRUITLESS: ClassVar[int] = 1
    """Jobs in a row that may bring no progress before the dynamics is given up."""
    MAX_JOBS: ClassVar[int] = MAX_LINKS
    """Jobs of one dynamics: it may take many time limits, and the function that joins them has no more inputs."""

    @classmethod
    def define(cls, spec: WorkChainSpec) -> None:
        super().define(spec)
        spec.outline(cls.setup, while_(cls.should_run_job)(cls.run_dynamics, cls.inspect_job), cls.inspect_dynamics)

    @abstractmethod
    def total(self, conditions: Conditions) -> int:
        """Return when the dynamics is done, in the unit of what :meth:`job_end` counts."""

    @abstractmethod
    def job_end(self, calculation: orm.CalcJobNode) -> JobEnd:
        """Return how a job ended, and how far the dynamics is after it."""

    @abstractmethod
    def join(self, calculation: orm.CalcJobNode) -> dict[str, orm.Data]:
        """Return ``labels`` and ``report`` of all jobs in ``ctx.runs`` and the last one."""

    def setup(self) -> None:
        """Begin with nothing done."""
        self.ctx.total = self.total(Conditions(**self.inputs.conditions["conditions"]))
        self.ctx.progress, self.ctx.next = Progress(), NextJob.GO_ON
        self.ctx.method, self.ctx.runs = self.inputs.method, []

    def should_run_job(self) -> bool:
        """Return whether there is something left that another job may compute."""
        return self.ctx.next is not NextJob.NONE

    def link_label(self) -> str:
        """Return the call link label of the next job."""
        return f"run_{self.ctx.progress.jobs:02d}"

    def inspect_job(self) -> None:
        """Decide what comes after a job."""
        self.ctx.calculation = calculation = last_calculation(self.ctx.run)
        end = JobEnd(done=0, is_hopeless=True) if calculation is None else self.job_end(calculation)
        limits = {"total": self.ctx.total, "max_fruitless": self.MAX_FRUITLESS, "max_jobs": self.MAX_JOBS}
        self.ctx.next, self.ctx.progress = next_job(self.ctx.progress, end, self._has_remedy, **limits)
        state = "going well" if self.ctx.run.is_finished_ok else reason_of(self.ctx.run)
        self.report(f"{end.done} of {self.ctx.total} done: {state}: next is {self.ctx.next.value}")
        if self.ctx.next is NextJob.CHANGE:
            words = orm.Str(self.NAME), orm.Str(LabelFailure.NOT_CONVERGED.value), orm.Int(self.ctx.progress.remedies)
            self.ctx.method = change_method(self.inputs.method, *words)

    def _has_remedy(self, reason: LabelFailure, number: int) -> bool:
        return (
            registry.load(self.NAME).remedy(Method.from_dict(self.inputs.method.get_dict()), reason, number) is not None
        )

    def inspect_dynamics(self) -> ExitCode | None:
        """Attach the frames of all jobs, and how the dynamics ended."""
        if self.ctx.calculation is None:
            return self.exit_codes.ERROR_RUN_FAILED.format(reason=reason_of(self.ctx.run))
        made: dict[str, Any] = self.join(self.ctx.calculation)
        for name, node in made.items():
            self.out(name, node)
        if made["report"]["end"] != RunEnd.COMPLETED.value:
            return self.exit_codes.ERROR_RUN_FAILED.format(reason=made["report"]["message"])
        return None
