"""Sample configurations by molecular dynamics with the committee."""

from __future__ import annotations

from typing import Any

from aiida import orm
from aiida.engine import ExitCode, while_
from aiida.engine.processes.workchains.workchain import WorkChainSpec
from aiida.plugins import CalculationFactory

from ..calculations.base import define_exit_codes
from ..calculations.committee import check_models
from ..calculations.functions import count_runs, plan_runs
from ..data import PotentialData
from .caching import cached
from .pool import PoolWorkChain

__all__ = ["SamplingWorkChain"]


class SamplingWorkChain(PoolWorkChain):
    """Run every ensemble at every condition from every starting structure."""

    @classmethod
    def define(cls, spec: WorkChainSpec) -> None:
        super().define(spec)
        spec.input("code", valid_type=orm.AbstractCode, help="Code of the sampler.")
        spec.input("options", valid_type=dict, default=dict, non_db=True, help="Scheduler options of the jobs.")
        spec.input("settings", valid_type=orm.Dict, help="Settings of the sampling, with their seed.")
        spec.input_namespace("structures", valid_type=orm.StructureData, help="Starting structures.")
        spec.input_namespace(
            "models", valid_type=PotentialData, validator=check_models, help="The committee; the first drives."
        )
        spec.input(
            "window", valid_type=orm.Dict, required=False, help="Trust window: frames outside keep no coordinates."
        )
        spec.output_namespace(
            "trajectories", valid_type=orm.TrajectoryData, dynamic=True, help="Frames that were kept."
        )
        spec.output_namespace(
            "deviations", valid_type=orm.ArrayData, dynamic=True, help="Deviation of every good frame."
        )
        spec.output_namespace("reports", valid_type=orm.Dict, dynamic=True, help="How each run ended.")
        spec.output("runs", valid_type=orm.Dict, help="Per run, frames planned and good, and how it ended.")
        define_exit_codes(spec, "ERROR_NO_RUN_SUCCEEDED")
        spec.outline(cls.setup, while_(cls.pool_is_busy)(cls.advance_pool), cls.results)

    def setup(self) -> None:
        """Give each run its conditions and seed."""
        self.ctx.starts = orm.List(sorted(self.inputs.structures))
        self.ctx.runs = plan_runs(self.inputs.settings, self.ctx.starts)
        self.fill_pool(sorted(self.ctx.runs))
        self.report(f"sampling with {len(self.ctx.runs)} runs")

    def launch(self, key: str) -> orm.ProcessNode:
        """Submit one run."""
        run = self.ctx.runs[key]
        inputs: dict[str, Any] = {
            "code": self.inputs.code,
            "structure": self.inputs.structures[run["structure"]],
            "models": dict(self.inputs.models),
            "conditions": run,
            "metadata": {"options": self.inputs.options, "call_link_label": key},
        }
        if "window" in self.inputs and not self.inputs.settings["keep_trajectory"]:
            inputs["window"] = self.inputs.window
        calculation = CalculationFactory(f"nnpgen.samplers.{self.inputs.settings['sampler']}")
        with cached(calculation):
            return self.submit(calculation, **inputs)

    def inspect_child(self, key: str, node: orm.ProcessNode) -> None:
        """Attach what the run gave: one that became unstable has a good part."""
        for label, namespace in (
            ("trajectory", "trajectories"),
            ("deviation", "deviations"),
            ("report", "reports"),
        ):
            if label in node.outputs:
                self.out(f"{namespace}.{key}", node.outputs[label])
        if not node.is_finished_ok:
            self.report(f"{key} <{node.pk}>: {node.exit_message or node.process_state}")

    def results(self) -> ExitCode | None:
        """Count what there is, and fail if there is nothing at all."""
        children = list(self.ctx.children.values())
        reports = {key: node.outputs.report for key, node in self.ctx.children.items() if "report" in node.outputs}
        self.out("runs", count_runs(self.inputs.settings, self.ctx.starts, **reports))
        if not any("deviation" in node.outputs for node in children):
            return self.exit_codes.ERROR_NO_RUN_SUCCEEDED.format(reason=children[0].exit_message)
        return None
