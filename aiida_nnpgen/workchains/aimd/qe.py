"""Run dynamics with Quantum ESPRESSO."""

from __future__ import annotations

from typing import Any

from aiida import orm

from ...calculations.functions.label_from_qe import label_from_qe
from ...common.dynamics import Conditions
from ...data.labels import run_key
from ...data.repository import unpacked
from ...dft.attempts import JobEnd
from ...dft.qe.labels import count_steps
from ..job_outputs import job_outputs
from ..labellers.qe import prepared_inputs
from ..ports import optional_output
from .continued import ContinuedAimdWorkChain

__all__ = ["QeAimdWorkChain"]

OUT_OF_WALLTIME = 400
"""Exit status of a ``PwCalculation`` that stopped in time, so that it can be continued."""


class QeAimdWorkChain(ContinuedAimdWorkChain):
    """Run dynamics in several jobs.

    The first one does one step with velocities of our own; see :func:`~aiida_nnpgen.dft.qe.input.write_md`. More
    follow where one ran out of time, or where a self-consistent field needs another solver.
    """

    NAME = "qe"

    def total(self, conditions: Conditions) -> int:
        """Return the number of configurations."""
        return conditions.n_frames

    def setup(self) -> None:
        """Begin with the structure."""
        super().setup()
        self.ctx.structure = self.inputs.structure

    def start(self) -> orm.ProcessNode:
        """Submit the next job."""
        from ..restart.pw import CachedPwBaseWorkChain

        return self.submit(
            CachedPwBaseWorkChain,
            **prepared_inputs(
                self.inputs.code,
                self.inputs.options,
                self.inputs.pseudopotentials,
                self.ctx.method,
                self.ctx.structure,
                self.inputs.conditions,
                orm.Int(self.ctx.progress.done),
                parent_folder=self.ctx.runs[-1].outputs.remote_folder if self.ctx.runs else None,
            ),
            # It would continue by itself, and keep the last piece alone.
            handler_overrides=orm.Dict({"handle_out_of_walltime": {"enabled": False}}),
            metadata={"call_link_label": self.link_label()},
        )

    def job_end(self, calculation: orm.CalcJobNode) -> JobEnd:
        """Count configurations; pw.x ends well where the self-consistent field of a dynamics does not converge."""
        frames = n_frames(calculation)
        asked = self.ctx.total - self.ctx.progress.done if self.ctx.progress.done else 1
        if frames:
            self.ctx.runs.append(calculation)
            # Without an XML file the plugin makes none; pw.x takes its positions from its own files anyway.
            self.ctx.structure = optional_output(calculation, "output_structure") or self.ctx.structure
        is_complete, is_cut = frames >= asked, calculation.exit_status == OUT_OF_WALLTIME
        return JobEnd(
            done=self.ctx.progress.done + frames,
            is_unconverged=not is_complete and calculation.is_finished_ok,
            is_hopeless=not (is_complete or is_cut or calculation.is_finished_ok),
        )

    def join(self, calculation: orm.CalcJobNode) -> dict[str, Any]:
        """Read the files of all jobs."""
        earlier = [node for node in self.ctx.runs if node.pk != calculation.pk]
        return label_from_qe(
            **job_outputs(calculation),
            **{run_key(number): node.outputs.retrieved for number, node in enumerate(earlier)},
            method=self.ctx.method,
            conditions=self.inputs.conditions,
            structure=self.inputs.structure,
        )


def n_frames(calculation: orm.CalcJobNode) -> int:
    """Return how many configurations of a dynamics a job computed."""
    files = optional_output(calculation, "retrieved")
    if files is None:
        return 0
    with unpacked(files) as folder:
        return count_steps(folder)
