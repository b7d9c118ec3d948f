"""Run CPMD until it is done, with a changed input where the last one failed."""

from __future__ import annotations

from aiida import orm
from aiida.engine import BaseRestartWorkChain, ExitCode, ProcessHandlerReport, ToContext, process_handler, while_
from aiida.engine.processes.workchains.workchain import WorkChainSpec

from ...calculations.base import define_exit_codes
from ...calculations.cpmd import CpmdCalculation
from ...calculations.functions import change_method
from ...calculations.functions.join_runs import join_runs
from ...dft.cpmd.code import CPMD
from ...dft.label import LabelFailure
from ...dft.method import Method
from ..caching import cached

__all__ = ["CpmdBaseWorkChain"]


class CpmdBaseWorkChain(BaseRestartWorkChain):
    """Run one label or one dynamics to its end.

    A dynamics that was cut goes on from its restart files in a new folder, into which no trajectory is copied: the
    labels of each run are an output of its job, and one function joins them. So every frame has the job that computed
    it among the inputs of its creator, and labels of runs that are given up stay where they are.
    """

    _process_class = CpmdCalculation
    _defaults = {"max_interruptions": 2}

    @classmethod
    def define(cls, spec: WorkChainSpec) -> None:
        super().define(spec)
        spec.expose_inputs(CpmdCalculation, namespace="cpmd", exclude=("restart_folder", "steps_done"))
        spec.expose_outputs(CpmdCalculation, include=("labels", "report"))
        # What no handler knows, such as the failure of a node, deserves one more attempt and no more.
        spec.inputs["on_unhandled_failure"].default = lambda: orm.Str("restart_once")
        define_exit_codes(spec, *CpmdCalculation.FAILURES)
        spec.outline(
            cls.setup,
            while_(cls.should_run_process)(cls.run_process, cls.inspect_process),
            cls.results,
        )

    def setup(self) -> None:
        """Take the inputs as they are for the first attempt."""
        super().setup()
        self.ctx.inputs = self.exposed_inputs(CpmdCalculation, "cpmd")
        self.ctx.remedies = 0
        self.ctx.interruptions = 0
        self.ctx.first = 0

    @property
    def is_dynamics(self) -> bool:
        """Return whether a dynamics is run."""
        return "conditions" in self.ctx.inputs

    def run_process(self) -> ToContext:
        """Submit the next job; labels are deterministic, so one that exists is never computed again."""
        if self.is_dynamics:
            return super().run_process()
        with cached("aiida.calculations:nnpgen.cpmd"):
            return super().run_process()

    def inspect_process(self) -> ExitCode | None:
        """Call the handlers; attach what there is before giving up."""
        first = self.ctx.first
        code = super().inspect_process()
        if code is not None and code.status:
            # A handler may have prepared another start, of which nothing comes now.
            self.ctx.first = first
            self._attach()
        return code

    def results(self) -> None:
        """Attach the outputs."""
        self.report(f"{self.ctx.process_name} done after {self.ctx.iteration} runs")
        self._attach()

    def _attach(self) -> None:
        """Attach the report of the last run, and the frames of all runs of the last dynamics."""
        last = self.ctx.children[-1]
        if "report" in last.outputs:
            self.out("report", last.outputs.report)
        runs = [node.outputs.labels for node in self.ctx.children[self.ctx.first :] if "labels" in node.outputs]
        if len(runs) == 1:
            self.out("labels", runs[0])
        elif runs:
            named = {f"run_{index:02d}": node for index, node in enumerate(runs)}
            self.out("labels", join_runs(self.inputs.cpmd.structure, **named))

    def _abort(self, node: orm.CalcJobNode) -> ProcessHandlerReport:
        """Return what ends the work chain as its last job ended."""
        return ProcessHandlerReport(True, ExitCode(node.exit_status, node.exit_message))

    def _start_again(self) -> None:
        """Begin from the structure; earlier runs are not part of the result."""
        for name in ("restart_folder", "steps_done"):
            self.ctx.inputs.pop(name, None)
        self.ctx.first = len(self.ctx.children)

    def _go_on(self, node: orm.CalcJobNode) -> bool:
        """Prepare the next run of a dynamics; return whether the last one brought it forward."""
        step = node.outputs.report["restart_step"] if "report" in node.outputs else None
        done = self.ctx.inputs.steps_done.value if "steps_done" in self.ctx.inputs else 0
        if not step:
            self._start_again()
            return False
        self.ctx.inputs.restart_folder = node.outputs.remote_folder
        self.ctx.inputs.steps_done = orm.Int(step)
        return bool(step > done)

    @process_handler(
        priority=100,
        exit_codes=[CpmdCalculation.exit_codes.ERROR_JOB_FAILED, CpmdCalculation.exit_codes.ERROR_LABEL_UNPHYSICAL],
    )
    def handle_hopeless(self, calculation: orm.CalcJobNode) -> ProcessHandlerReport:
        """Give up what would end in the same way again: an input that CPMD refuses, a label that cannot be right."""
        self.report(f"<{calculation.pk}> is given up: {calculation.exit_message}")
        return self._abort(calculation)

    @process_handler(priority=90, exit_codes=[CpmdCalculation.exit_codes.ERROR_NOT_CONVERGED])
    def handle_not_converged(self, calculation: orm.CalcJobNode) -> ProcessHandlerReport:
        """Look for the same wavefunction in another way; a dynamics starts again, since it followed wrong forces."""
        configured, attempt = self.inputs.cpmd.method, self.ctx.remedies + 1
        method = Method.from_dict(configured.get_dict())
        if CPMD.remedy(method, LabelFailure.NOT_CONVERGED, attempt) is None:
            self.report(f"<{calculation.pk}> has not converged, and there is no further remedy")
            return self._abort(calculation)
        self.ctx.remedies = attempt
        words = orm.Str(CPMD.NAME), orm.Str(LabelFailure.NOT_CONVERGED.value), orm.Int(attempt)
        if self.ctx.iteration < self.inputs.max_iterations.value:
            self.ctx.inputs.method = change_method(configured, *words)
            self._start_again()
        self.report(f"<{calculation.pk}> has not converged: remedy {attempt}")
        return ProcessHandlerReport(True)

    @process_handler(priority=80, exit_codes=[CpmdCalculation.exit_codes.ERROR_OUT_OF_MEMORY])
    def handle_out_of_memory(self, calculation: orm.CalcJobNode) -> ProcessHandlerReport:
        """Give up what would run out of it again; the labeller may know how to ask for more."""
        self.report(f"<{calculation.pk}> ran out of memory: set `max_memory_kb`, or take more machines")
        return self._abort(calculation)

    @process_handler(priority=70, exit_codes=[CpmdCalculation.exit_codes.ERROR_INTERRUPTED])
    def handle_interruption(self, calculation: orm.CalcJobNode) -> ProcessHandlerReport:
        """Go on from the restart files of a dynamics; run again what has none, but not for ever."""
        progress = self.is_dynamics and self._go_on(calculation)
        self.ctx.interruptions = 0 if progress else self.ctx.interruptions + 1
        if self.ctx.interruptions >= self._defaults["max_interruptions"]:
            self.report(f"<{calculation.pk}> was interrupted again, and nothing came of it")
            return self._abort(calculation)
        where = f"from step {self.ctx.inputs.steps_done.value}" if progress else "from the start"
        self.report(f"<{calculation.pk}> was interrupted: going on {where}")
        return ProcessHandlerReport(True)
