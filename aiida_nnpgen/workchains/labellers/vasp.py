"""Label with VASP, one frame per job, or run dynamics with it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from aiida import orm
from aiida.engine import ExitCode, while_
from aiida.engine.processes.workchains.workchain import WorkChainSpec
from aiida.plugins import WorkflowFactory

from ...calculations.functions.label_from_vasp import FILES, label_from_vasp
from ...calculations.functions.prepare_vasp import POTCARS, RESUME, prepare_vasp
from ...dft.vasp.input import n_md_frames
from ...dft.vasp.labels import count_steps
from ..ports import optional_output, reason_of
from .aimd import AimdWorkChain
from .base import LabellerWorkChain
from .potcars import family_of, load_potcars

__all__ = ["VaspAimdWorkChain", "VaspLabellerWorkChain"]

NOT_OURS = (
    "handler_unfinished_calc_ionic",
    "handler_unfinished_calc_generic",
    "handler_electronic_conv",
    "handler_ionic_conv",
)
"""Handlers of aiida-vasp that would change the input unseen, or go on with a dynamics without its velocities."""


class VaspLabellerWorkChain(LabellerWorkChain):
    """Label each frame in a ``vasp.vasp`` work chain; a frame that fails comes again with one of our remedies."""

    NAME = "vasp"

    @classmethod
    def load_pseudopotentials(
        cls, wanted: str | dict[str, str] | None, elements: Collection[str], folder: Path
    ) -> dict[str, orm.Data]:
        """Return the potential of each element; see :func:`~.potcars.load_potcars`."""
        return load_potcars(wanted, elements, folder)

    def start(self, key: str, structures: dict[str, orm.StructureData], method: orm.Dict) -> orm.ProcessNode:
        """Submit the work chain of one frame."""
        [structure] = structures.values()
        potcars = self.pseudopotentials(structures)["pseudopotentials"]
        prepared = prepare_vasp(method, structure, **_links(potcars))
        inputs = vasp_inputs(self.inputs.code, self.options(key), potcars, prepared)
        metadata = {"call_link_label": key}
        return self.submit(WorkflowFactory("vasp.vasp"), **inputs, clean_workdir=orm.Bool(True), metadata=metadata)

    def gather(self, key: str, node: orm.ProcessNode) -> tuple[orm.TrajectoryData | None, orm.Dict | None]:
        """Make the label of what the last job computed, or tell why there is none."""
        calculation = last_calculation(node)
        if calculation is None:
            return None, None
        batch = self.ctx.batches[key]
        [frame] = batch["frames"]
        left, method = what_it_left(calculation), self.ctx.methods[batch["method"]]
        made = label_from_vasp(**left, method=method, **{frame: self.inputs.structures[frame]})
        return made.get("labels"), made.get("failures")


class VaspAimdWorkChain(AimdWorkChain):
    """Run dynamics; where a job was cut another one goes on from its CONTCAR, as long as there is progress."""

    NAME = "vasp"

    @classmethod
    def define(cls, spec: WorkChainSpec) -> None:
        super().define(spec)
        spec.outline(cls.setup, while_(cls.should_run_job)(cls.run_job, cls.inspect_job), cls.inspect_dynamics)

    def setup(self) -> None:
        """Begin with nothing done."""
        conditions = self.inputs.conditions["conditions"]
        self.ctx.wanted = n_md_frames(conditions["steps"], conditions["stride"])
        self.ctx.done, self.ctx.is_stuck, self.ctx.parts = 0, False, []

    def should_run_job(self) -> bool:
        """Return whether configurations are missing that another job may compute."""
        return self.ctx.done < self.ctx.wanted and not self.ctx.is_stuck

    def run_job(self) -> None:
        """Submit the next job."""
        elements = self.inputs.structure.get_symbols_set()
        potcars = {element: self.inputs.pseudopotentials[element] for element in sorted(elements)}
        prepared = prepare_vasp(
            self.inputs.method, self.inputs.structure, self.inputs.conditions, orm.Int(self.ctx.done), **_links(potcars)
        )
        options = dict(self.inputs.options)
        more = {}
        if self.ctx.parts:
            options["prepend_text"] = "\n".join(filter(None, [options.get("prepend_text"), RESUME]))
            more["restart_folder"] = self.ctx.parts[-1].outputs.remote_folder
        node = self.submit(
            WorkflowFactory("vasp.vasp"),
            **vasp_inputs(self.inputs.code, options, potcars, prepared),
            **more,
            clean_workdir=orm.Bool(False),
            metadata={"call_link_label": f"run_{len(self.ctx.parts):02d}"},
        )
        self.to_context(run=node)

    def inspect_job(self) -> None:
        """Count what was computed."""
        self.ctx.calculation = calculation = last_calculation(self.ctx.run)
        files = None if calculation is None else optional_output(calculation, "retrieved")
        steps = 0
        if files is not None:
            with files.base.repository.as_path() as folder:
                steps = count_steps(folder)
        self.ctx.is_stuck = not steps
        if steps:
            self.ctx.parts.append(calculation)
        self.ctx.done += steps
        self.report(f"{self.ctx.done} of {self.ctx.wanted} configurations: {self.ctx.run.exit_message or 'going well'}")

    def inspect_dynamics(self) -> ExitCode | None:
        """Attach the frames of all jobs, and how the run ended."""
        if self.ctx.calculation is None:
            return self.exit_codes.ERROR_RUN_FAILED.format(reason=reason_of(self.ctx.run))
        earlier = [node for node in self.ctx.parts if node.pk != self.ctx.calculation.pk]
        made = label_from_vasp(
            **what_it_left(self.ctx.calculation),
            **{f"{FILES}{index:02d}": node.outputs.retrieved for index, node in enumerate(earlier)},
            method=self.inputs.method,
            conditions=self.inputs.conditions,
            structure=self.inputs.structure,
        )
        for name, node in made.items():
            self.out(name, node)
        if made["report"]["end"] != "completed":
            return self.exit_codes.ERROR_RUN_FAILED.format(reason=made["report"]["message"])
        return None


def vasp_inputs(
    code: orm.AbstractCode, options: Mapping[str, Any], potcars: Mapping[str, orm.Data], prepared: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what every ``vasp.vasp`` work chain is given."""
    family, mapping = family_of(potcars)
    resources = {"num_machines": 1, "num_mpiprocs_per_machine": 1}
    return {
        "code": code,
        **{name: prepared[name] for name in ("structure", "parameters", "kpoints", "settings")},
        "potential_family": orm.Str(family),
        "potential_mapping": orm.Dict(mapping),
        "calc": {"metadata": {"options": {"resources": resources, "withmpi": True, **options}}},
        "handler_overrides": orm.Dict({name: {"enabled": False} for name in NOT_OURS}),
    }


def last_calculation(node: orm.ProcessNode) -> orm.CalcJobNode | None:
    """Return the last job of a ``vasp.vasp`` work chain."""
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


def _links(potcars: Mapping[str, orm.Data]) -> dict[str, orm.Data]:
    return {f"{POTCARS}{element}": node for element, node in potcars.items()}
