"""Choose which sampled frames get a label."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiida import orm
from aiida.engine import ExitCode, WorkChain, if_
from aiida.engine.processes.workchains.workchain import WorkChainSpec

from ..calculations.base import define_exit_codes
from ..calculations.deviation import DeviationCalculation
from ..calculations.functions import assign_levels, choose_window, record_selection, select_structures
from ..calculations.screen import ScreenCalculation, read_settings, validate_settings
from ..common.limits import MAX_LINKS
from ..data import DatasetData, PotentialData
from ..data.candidates import n_candidates
from ..data.deviations import check_run, has_deviation, sampler_of, without_deviation
from ..data.validators import first_problem, validate_nodes
from .caching import cached
from .ports import reason_of

__all__ = ["ScreeningWorkChain"]


def validate_runs(runs: Mapping[str, orm.ArrayData], _: Any) -> str | None:
    """Check that steps and deviations of every run can be read."""
    return first_problem(runs, check_run)


class ScreeningWorkChain(WorkChain):
    """Apply the trust window, then thin what is inside it in the space of the model's features."""

    @classmethod
    def define(cls, spec: WorkChainSpec) -> None:
        super().define(spec)
        spec.input("code", valid_type=orm.AbstractCode, help="Python interpreter with the library of the architecture.")
        spec.input("options", valid_type=dict, default=dict, non_db=True, help="Scheduler options of the jobs.")
        spec.input(
            "settings",
            valid_type=orm.Dict,
            validator=validate_settings,
            help="Settings of the screening, with their seed.",
        )
        spec.input_namespace(
            "trajectories",
            valid_type=orm.TrajectoryData,
            required=False,
            validator=validate_nodes,
            help="Sampled frames.",
        )
        spec.input_namespace(
            "deviations",
            valid_type=orm.ArrayData,
            validator=validate_runs,
            help="Per run, steps and deviations of good frames.",
        )
        spec.input_namespace("datasets", valid_type=DatasetData, validator=validate_nodes, help="The present dataset.")
        spec.input_namespace(
            "models",
            valid_type=PotentialData,
            validator=validate_nodes,
            help="The committee; the first gives the features.",
        )
        spec.input(
            "failing",
            valid_type=orm.List,
            default=lambda: orm.List([]),
            help="Keys of runs that failed soon after their frames: they are candidates below the window too.",
        )
        spec.input(
            "evaluation",
            valid_type=orm.ArrayData,
            required=False,
            help="Deviation and error of validation frames, by which a window in mode `auto` is calibrated.",
        )
        spec.output("window", valid_type=orm.Dict, help="Bounds of the trust window.")
        spec.output("calibration", valid_type=orm.Dict, required=False, help="What a window in mode `auto` rests on.")
        spec.output("counts", valid_type=orm.Dict, help="Frames known, candidate and failed, in all and per run.")
        spec.output("screen", valid_type=orm.ArrayData, required=False, help="The map of candidates and dataset.")
        spec.output("report", valid_type=orm.Dict, required=False, help="Candidates, selected, and dropped by reason.")
        spec.output(
            "record", valid_type=orm.Dict, required=False, help="Where each selected frame comes from, and why."
        )
        spec.output_namespace("structures", valid_type=orm.StructureData, dynamic=True, help="Selected frames.")
        define_exit_codes(spec, "ERROR_NO_DEVIATION", "ERROR_SCREENING_FAILED")
        spec.outline(
            if_(cls.needs_committee)(cls.run_committee, cls.inspect_committee),
            cls.check_deviations,
            cls.apply_window,
            if_(cls.has_candidates)(cls.run_screening, cls.inspect_screening),
        )

    def needs_committee(self) -> bool:
        """Return whether there are runs whose deviation the sampler has not measured, or not as the window needs it."""
        window = read_settings(self.inputs.settings)[0].window
        self.ctx.to_measure = [
            key
            for key in sorted(self.inputs.get("trajectories", {}))
            if window.needs_committee or not has_deviation(self.inputs.deviations[key])
        ]
        return bool(self.ctx.to_measure)

    def run_committee(self) -> None:
        """Submit the measurement of all deviations."""
        with cached(DeviationCalculation):
            node = self.submit(
                DeviationCalculation,
                code=self.inputs.code,
                trajectories={key: self.inputs.trajectories[key] for key in self.ctx.to_measure},
                models=dict(self.inputs.models),
                percentile=orm.Float(read_settings(self.inputs.settings)[0].window.percentile),
                metadata={"options": self.inputs.options, "call_link_label": "deviation"},
            )
        self.to_context(committee=node)

    def inspect_committee(self) -> ExitCode | None:
        """Check that the deviations are there."""
        if not self.ctx.committee.is_finished_ok:
            return self.exit_codes.ERROR_SCREENING_FAILED.format(reason=reason_of(self.ctx.committee))
        return None

    def check_deviations(self) -> ExitCode | None:
        """Check that every run has a deviation: without, all its frames count as failed and none is chosen."""
        missing = without_deviation(self.inputs.deviations, **self._committee())
        if not missing:
            return None
        return self.exit_codes.ERROR_NO_DEVIATION.format(
            sampler=sampler_of(self.inputs.deviations[missing[0]]),
            message=f"that of every frame of {', '.join(f'`{key}`' for key in missing)} is NaN",
        )

    def _committee(self) -> dict[str, orm.ArrayData]:
        """Return what the job measured, if there was one."""
        return {"committee": self.ctx.committee.outputs.deviation} if "committee" in self.ctx else {}

    def apply_window(self) -> ExitCode | None:
        """Choose the window, and count what lies below, in and above it."""
        measured: dict[str, Any] = {**self.inputs.deviations, **self._committee()}
        calibration = {"evaluation": self.inputs.evaluation} if "evaluation" in self.inputs else {}
        chosen, choice = choose_window.run_get_node(self.inputs.settings, **calibration, **measured)
        if not choice.is_finished_ok:
            return self.exit_codes.ERROR_SCREENING_FAILED.format(reason=reason_of(choice))
        assigned = assign_levels(chosen["window"], failing=self.inputs.failing, **measured)
        self.ctx.levels = assigned["levels"]
        for name, node in (*chosen.items(), ("counts", assigned["counts"])):
            self.out(name, node)
        window, counts = chosen["window"], assigned["counts"].get_dict()
        bounds = f"[{window['lo']:.3g}, {window['hi']:.3g}) eV/Å"
        self.report(
            f"{counts['sampled']} frames: {counts['known']} known, {counts['candidate']} in the window {bounds}, "
            f"{counts['failed']} beyond"
        )
        return None

    def has_candidates(self) -> bool:
        """Return whether a frame lies in the window."""
        return n_candidates(self.ctx.levels) > 0

    def run_screening(self) -> None:
        """Submit the screening job."""
        with cached(ScreenCalculation):
            node = self.submit(
                ScreenCalculation,
                code=self.inputs.code,
                trajectories=dict(self.inputs.trajectories),
                datasets=dict(self.inputs.datasets),
                model=self.inputs.models[min(self.inputs.models)],
                levels=self.ctx.levels,
                settings=self.inputs.settings,
                metadata={"options": self.inputs.options, "call_link_label": "screening"},
            )
        self.to_context(screening=node)

    def inspect_screening(self) -> ExitCode | None:
        """Turn what was selected into structures."""
        node = self.ctx.screening
        if not node.is_finished_ok:
            return self.exit_codes.ERROR_SCREENING_FAILED.format(reason=reason_of(node))
        screen, report = node.outputs.screen, node.outputs.report
        self.out("screen", screen)
        self.out("report", report)
        dropped = ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in report["dropped"].items())
        self.report(f"{report['n_selected']} frames selected" + (f"; dropped: {dropped}" if dropped else ""))
        if not report["n_selected"]:
            return None
        self.out("record", record_selection(screen, self.ctx.levels, **self.inputs.trajectories))
        for first in range(0, report["n_selected"], MAX_LINKS):
            selected = select_structures(screen, self.ctx.levels, orm.Int(first), **self.inputs.trajectories)
            for key, structure in selected.items():
                self.out(f"structures.{key}", structure)
        return None
