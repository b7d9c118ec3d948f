"""Label with Quantum ESPRESSO, one frame per job, or run dynamics with it."""

from __future__ import annotations

from typing import Any

from aiida import orm
from aiida.engine import ExitCode, while_
from aiida.engine.processes.workchains.workchain import WorkChainSpec
from aiida.plugins import WorkflowFactory

from ...calculations.functions.label_from_qe import EARLIER, label_from_qe
from ...calculations.functions.plan_methods import change_method
from ...calculations.functions.prepare_qe import prepare_qe
from ...common.dynamics import Conditions
from ...dft.label import LabelFailure
from ...dft.method import Method
from ...dft.qe.code import QE
from ...dft.qe.labels import count_steps
from ..ports import optional_output, reason_of
from .aimd import AimdWorkChain
from .base import LabellerWorkChain

__all__ = ["QeAimdWorkChain", "QeLabellerWorkChain"]

MAX_ITERATIONS = 3
"""Jobs that ``PwBaseWorkChain`` may spend on one frame; after that it is for our own remedies."""
OUT_OF_WALLTIME = 400
"""Exit status of a ``PwCalculation`` that stopped in time, so that it can be continued."""


class QeLabellerWorkChain(LabellerWorkChain):
    """Label each frame in a ``PwBaseWorkChain``, which changes the solver or continues where it must."""

    NAME = "qe"

    def start(self, key: str, structures: dict[str, orm.StructureData], method: orm.Dict) -> orm.ProcessNode:
        """Submit the work chain of one frame."""
        [structure] = structures.values()
        prepared = prepare_qe(method, structure)
        return self.submit(
            WorkflowFactory("quantumespresso.pw.base"),
            pw=pw_inputs(self.inputs.code, self.options(key), structure, self.inputs.pseudopotentials, prepared),
            kpoints=prepared["kpoints"],
            max_iterations=orm.Int(MAX_ITERATIONS),
            clean_workdir=orm.Bool(True),
            metadata={"call_link_label": key},
        )

    def gather(self, key: str, node: orm.ProcessNode) -> tuple[orm.TrajectoryData | None, orm.Dict | None]:
        """Make the label of what the last job computed, or tell why there is none."""
        calculation = last_calculation(node)
        if calculation is None:
            return None, None
        batch = self.ctx.batches[key]
        [frame] = batch["frames"]
        left, method = what_it_left(calculation), self.ctx.methods[batch["method"]]
        made = label_from_qe(**left, method=method, **{frame: self.inputs.structures[frame]})
        return made.get("labels"), made.get("failures")


class QeAimdWorkChain(AimdWorkChain):
    """Run dynamics in several jobs, each of which goes on where the one before ended.

    The first job does one step with velocities of our own; see :func:`~aiida_nnpgen.dft.qe.input.write_md`. More jobs
    follow where one ran out of time, or where a self-consistent field needs another solver.
    """

    NAME = "qe"

    @classmethod
    def define(cls, spec: WorkChainSpec) -> None:
        super().define(spec)
        spec.outline(cls.setup, while_(cls.should_run_job)(cls.run_job, cls.inspect_job), cls.inspect_dynamics)

    def setup(self) -> None:
        """Begin with the structure, and nothing done."""
        self.ctx.wanted = Conditions(**self.inputs.conditions["conditions"]).n_frames
        self.ctx.done, self.ctx.attempt, self.ctx.is_hopeless = 0, 0, False
        self.ctx.structure, self.ctx.method, self.ctx.parts = self.inputs.structure, self.inputs.method, []
        self.ctx.asked = 1  # of the first job; each later one is asked for all that is missing

    def should_run_job(self) -> bool:
        """Return whether frames are missing that another job may compute."""
        return self.ctx.done < self.ctx.wanted and not self.ctx.is_hopeless

    def run_job(self) -> None:
        """Submit the next job."""
        prepared = prepare_qe(self.ctx.method, self.ctx.structure, self.inputs.conditions, orm.Int(self.ctx.done))
        inputs = pw_inputs(
            self.inputs.code, self.inputs.options, self.ctx.structure, self.inputs.pseudopotentials, prepared
        )
        if self.ctx.parts:
            inputs["parent_folder"] = self.ctx.parts[-1].outputs.remote_folder
        node = self.submit(
            WorkflowFactory("quantumespresso.pw.base"),
            pw=inputs,
            kpoints=prepared["kpoints"],
            # It would continue by itself, and keep the last piece alone.
            handler_overrides=orm.Dict({"handle_out_of_walltime": {"enabled": False}}),
            metadata={"call_link_label": f"run_{len(self.ctx.parts):02d}_{self.ctx.attempt}"},
        )
        self.to_context(run=node)

    def inspect_job(self) -> None:
        """Count what was computed, and decide whether another job may compute the rest."""
        self.ctx.calculation = calculation = last_calculation(self.ctx.run)
        frames = n_frames(calculation)
        if calculation is not None and frames:
            self.ctx.parts.append(calculation)
            # Without an XML file the plugin makes none; pw.x takes its positions from its own files anyway.
            self.ctx.structure = optional_output(calculation, "output_structure") or self.ctx.structure
        self.ctx.done += frames
        self.report(f"{self.ctx.done} of {self.ctx.wanted} configurations: {self.ctx.run.exit_message or 'going well'}")
        is_complete, self.ctx.asked = frames >= self.ctx.asked, self.ctx.wanted - self.ctx.done
        if is_complete or (calculation is not None and calculation.exit_status == OUT_OF_WALLTIME and frames):
            return
        # pw.x ends well where the self-consistent field of a dynamics does not converge.
        ended_early = calculation is not None and calculation.is_finished_ok
        self.ctx.is_hopeless = not (ended_early and self._change_method())

    def _change_method(self) -> bool:
        """Solve differently from now on; return False if all has been tried."""
        self.ctx.attempt += 1
        reason = LabelFailure.NOT_CONVERGED
        if QE.remedy(Method.from_dict(self.inputs.method.get_dict()), reason, self.ctx.attempt) is None:
            return False
        self.ctx.method = change_method(
            self.inputs.method, orm.Str(self.NAME), orm.Str(reason.value), orm.Int(self.ctx.attempt)
        )
        self.report(f"the self-consistent field is not converged: attempt {self.ctx.attempt} with a changed input")
        return True

    def inspect_dynamics(self) -> ExitCode | None:
        """Attach the frames of all jobs, and how the run ended."""
        if self.ctx.calculation is None:
            return self.exit_codes.ERROR_RUN_FAILED.format(reason=reason_of(self.ctx.run))
        earlier = [node for node in self.ctx.parts if node.pk != self.ctx.calculation.pk]
        made = label_from_qe(
            **what_it_left(self.ctx.calculation),
            **{f"{EARLIER}{index:02d}": node.outputs.retrieved for index, node in enumerate(earlier)},
            method=self.ctx.method,
            conditions=self.inputs.conditions,
            structure=self.inputs.structure,
        )
        for name, node in made.items():
            self.out(name, node)
        if made["report"]["end"] != "completed":
            return self.exit_codes.ERROR_RUN_FAILED.format(reason=made["report"]["message"])
        return None


def pw_inputs(
    code: orm.AbstractCode,
    options: dict[str, Any],
    structure: orm.StructureData,
    pseudopotentials: dict[str, orm.Data],
    prepared: dict[str, Any],
) -> dict[str, Any]:
    """Return the inputs of a calculation with pw.x, which wants a pseudopotential for each kind of site."""
    resources = {"num_machines": 1, "num_mpiprocs_per_machine": 1}
    return {
        "code": code,
        "structure": structure,
        "parameters": prepared["parameters"],
        "settings": prepared["settings"],
        "pseudos": {kind.name: pseudopotentials[kind.symbol] for kind in structure.kinds},
        "metadata": {"options": {"resources": resources, **options}},
    }


def last_calculation(node: orm.ProcessNode) -> orm.CalcJobNode | None:
    """Return the last job of a ``PwBaseWorkChain``."""
    jobs = [child for child in node.called if isinstance(child, orm.CalcJobNode)]
    return max(jobs, key=lambda job: job.pk, default=None)


def what_it_left(calculation: orm.CalcJobNode) -> dict[str, Any]:
    """Return what the function that makes labels wants to know about a job."""
    facts = {
        "process": calculation.uuid,
        "exit_status": calculation.exit_status,
        "exit_message": calculation.exit_message,
    }
    files = optional_output(calculation, "retrieved")
    return {"facts": orm.Dict(facts), **({} if files is None else {"calculated": files})}


def n_frames(calculation: orm.CalcJobNode | None) -> int:
    """Return how many configurations of a dynamics a job computed."""
    files = None if calculation is None else optional_output(calculation, "retrieved")
    if files is None:
        return 0
    with files.base.repository.as_path() as folder:
        return count_steps(folder)
