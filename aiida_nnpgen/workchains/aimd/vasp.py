"""Run dynamics with VASP."""

from __future__ import annotations

from typing import Any

from aiida import orm

from ...calculations.functions.label_from_vasp import label_from_vasp
from ...calculations.functions.prepare_vasp import RESUME
from ...common.dynamics import Conditions
from ...data.labels import run_key
from ...data.repository import unpacked
from ...dft.attempts import JobEnd
from ...dft.vasp.labels import count_steps
from ..job_outputs import job_outputs
from ..labellers.vasp import prepared_inputs
from ..ports import optional_output
from .continued import ContinuedAimdWorkChain

__all__ = ["VaspAimdWorkChain"]


class VaspAimdWorkChain(ContinuedAimdWorkChain):
    """Run dynamics; where a job was cut another one goes on from its CONTCAR, as long as there is progress."""

    NAME = "vasp"

    def total(self, conditions: Conditions) -> int:
        """Return the number of configurations."""
        return conditions.n_frames

    def start(self) -> orm.ProcessNode:
        """Submit the next job."""
        from ..restart.vasp import CachedVaspWorkChain

        options, more = dict(self.inputs.options), {}
        if self.ctx.runs:
            options["prepend_text"] = "\n".join(filter(None, [options.get("prepend_text"), RESUME]))
            more["restart_folder"] = self.ctx.runs[-1].outputs.remote_folder
        job = (self.inputs.conditions, orm.Int(self.ctx.progress.done))
        return self.submit(
            CachedVaspWorkChain,
            **prepared_inputs(
                self.inputs.code, options, self.inputs.pseudopotentials, self.ctx.method, self.inputs.structure, *job
            ),
            **more,
            clean_workdir=orm.Bool(False),
            metadata={"call_link_label": self.link_label()},
        )

    def job_end(self, calculation: orm.CalcJobNode) -> JobEnd:
        """Count configurations: VASP goes on where a self-consistent field does not converge."""
        files, steps = optional_output(calculation, "retrieved"), 0
        if files is not None:
            with unpacked(files) as folder:
                steps = count_steps(folder)
        if steps:
            self.ctx.runs.append(calculation)
        return JobEnd(done=self.ctx.progress.done + steps)

    def join(self, calculation: orm.CalcJobNode) -> dict[str, Any]:
        """Read the files of all jobs."""
        earlier = [node for node in self.ctx.runs if node.pk != calculation.pk]
        return label_from_vasp(
            **job_outputs(calculation),
            **{run_key(number): node.outputs.retrieved for number, node in enumerate(earlier)},
            method=self.inputs.method,
            conditions=self.inputs.conditions,
            structure=self.inputs.structure,
        )
