"""Measure how long dynamics with a committee holds, and what makes it fail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiida import orm
from aiida.engine import ExitCode, if_, while_
from aiida.engine.processes.workchains.workchain import WorkChainSpec
from aiida.plugins import CalculationFactory
from pydantic import ValidationError

from ..calculations.base import define_exit_codes
from ..calculations.diagnose import DiagnoseCalculation
from ..calculations.functions import measure_survival, plan_probes, take_last_frames
from ..calculations.functions.plan_probes import read_stability
from ..config.load import describe_errors
from ..data import DatasetData, PotentialData
from ..data.validators import validate_nodes
from .caching import cached
from .pool import PoolWorkChain
from .ports import reason_of

__all__ = ["DIAGNOSIS", "StabilityWorkChain", "describe_diagnosis"]

DIAGNOSIS = {"n_runs": int, "n_alike": int, "cause": ({"run": str, "step": int, "message": str}, None)}
"""What of a diagnosis its description needs."""


def validate_settings(node: orm.Dict, _: Any) -> str | None:
    """Check every value of the settings, and that they have a seed."""
    try:
        read_stability(node)
    except ValidationError as exception:
        return describe_errors(exception)
    return None if isinstance(node.get("seed"), int) else f"`seed` must be an integer, not `{node.get('seed')}`"


class StabilityWorkChain(PoolWorkChain):
    """Run probes, each driven by one member of the committee, and diagnose those that fail."""

    @classmethod
    def define(cls, spec: WorkChainSpec) -> None:
        super().define(spec)
        spec.input("code", valid_type=orm.AbstractCode, help="Code of the sampler.")
        spec.input("options", valid_type=dict, default=dict, non_db=True, help="Scheduler options of its jobs.")
        spec.input("diagnosis.code", valid_type=orm.AbstractCode, help="Python interpreter for the diagnosis.")
        spec.input(
            "diagnosis.options", valid_type=dict, default=dict, non_db=True, help="Scheduler options of its job."
        )
        spec.input(
            "settings",
            valid_type=orm.Dict,
            validator=validate_settings,
            help="Settings of the stability, with their seed.",
        )
        spec.input_namespace(
            "structures", valid_type=orm.StructureData, validator=validate_nodes, help="Starting structures."
        )
        spec.input_namespace(
            "models", valid_type=PotentialData, validator=validate_nodes, help="The committee; each member drives."
        )
        spec.input_namespace(
            "datasets", valid_type=DatasetData, validator=validate_nodes, help="What the committee was trained on."
        )
        spec.output("survival", valid_type=orm.Dict, help="How long the probes held, with a confidence band.")
        spec.output(
            "diagnosis", valid_type=orm.Dict, required=False, help="What left the range of the data in failed probes."
        )
        spec.output_namespace("reports", valid_type=orm.Dict, dynamic=True, help="How each probe ended.")
        spec.output_namespace(
            "trajectories", valid_type=orm.TrajectoryData, dynamic=True, help="Last good frames of probes that failed."
        )
        spec.output_namespace(
            "deviations", valid_type=orm.ArrayData, dynamic=True, help="Step and deviation of each of them."
        )
        define_exit_codes(spec, "ERROR_NO_PROBE", "ERROR_DIAGNOSIS_FAILED")
        spec.outline(
            cls.setup,
            while_(cls.pool_is_busy)(cls.advance_pool),
            cls.measure,
            if_(cls.has_failures)(cls.run_diagnosis, cls.inspect_diagnosis),
        )

    def setup(self) -> None:
        """Give each probe its start, its driving model and its seed."""
        starts, members = orm.List(sorted(self.inputs.structures)), orm.List(sorted(self.inputs.models))
        self.ctx.probes = plan_probes(self.inputs.settings, starts, members)
        self.fill_pool(sorted(self.ctx.probes))

    def launch(self, key: str) -> orm.ProcessNode:
        """Submit one probe."""
        probe, settings = self.ctx.probes[key], read_stability(self.inputs.settings)
        members = {f"member_{place:02d}": self.inputs.models[name] for place, name in enumerate(probe["members"])}
        calculation = CalculationFactory(f"nnpgen.samplers.{settings.sampler}")
        with cached(calculation):
            return self.submit(
                calculation,
                code=self.inputs.code,
                structure=self.inputs.structures[probe["structure"]],
                models=members,
                conditions=probe,
                last_frames=orm.Int(settings.last_frames),
                metadata={"options": self.inputs.options, "call_link_label": key},
            )

    def inspect_child(self, key: str, node: orm.ProcessNode) -> None:
        """Attach what the probe gave."""
        if "report" in node.outputs:
            self.out(f"reports.{key}", node.outputs.report)
        if "trajectory" in node.outputs:
            taken = take_last_frames(node.outputs.trajectory)
            for label, namespace in (("trajectory", "trajectories"), ("deviation", "deviations")):
                if label in taken:
                    self.out(f"{namespace}.{key}", taken[label])

    def measure(self) -> ExitCode | None:
        """Estimate the survival, and fail if nothing is known of any probe."""
        reports = self._found("report")
        if not reports:
            return self.exit_codes.ERROR_NO_PROBE.format(reason=reason_of(next(iter(self.ctx.children.values()))))
        survival = measure_survival(self.inputs.settings, **reports)
        self.out("survival", survival)
        self.report(f"{survival['held']} of {survival['planned']} probes held for {survival['target']:g} ps")
        return None

    def has_failures(self) -> bool:
        """Return whether a probe failed that has good frames."""
        return bool(self._found("trajectory"))

    def run_diagnosis(self) -> None:
        """Submit the comparison of the last good frames with the training data."""
        with cached(DiagnoseCalculation):
            node = self.submit(
                DiagnoseCalculation,
                code=self.inputs.diagnosis.code,
                trajectories=self._found("trajectory"),
                datasets=dict(self.inputs.datasets),
                metadata={"options": self.inputs.diagnosis.options, "call_link_label": "diagnosis"},
            )
        self.to_context(diagnosis=node)

    def inspect_diagnosis(self) -> ExitCode | None:
        """Attach the diagnosis, and say it."""
        node = self.ctx.diagnosis
        if not node.is_finished_ok:
            return self.exit_codes.ERROR_DIAGNOSIS_FAILED.format(reason=reason_of(node))
        diagnosis = node.outputs.diagnosis
        self.out("diagnosis", diagnosis)
        self.report(describe_diagnosis(diagnosis.get_dict()))
        return None

    def _found(self, label: str) -> dict[str, Any]:
        """Return an output of every probe that has it."""
        return {key: node.outputs[label] for key, node in self.ctx.children.items() if label in node.outputs}


def describe_diagnosis(diagnosis: Mapping[str, Any]) -> str:
    """Return in a sentence what makes probes fail."""
    cause, count = diagnosis["cause"], diagnosis["n_runs"]
    if cause is None:
        return f"no distance and no volume left the range of the training data in {count} failed probes"
    return f"{cause['message']}, in step {cause['step']} of {cause['run']}; {diagnosis['n_alike']} of {count} alike"
