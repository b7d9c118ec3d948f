"""Steps of the outer loop that measure the committee: its errors and its stability; and what all steps share."""

from __future__ import annotations

from typing import Any

from aiida import orm
from aiida.engine import ExitCode, WorkChain

from ..calculations.evaluate import EvaluateCalculation
from ..common.iterations import FINAL, iteration_key
from ..data import DatasetData
from .ports import optional_output, output_namespace, reason_of
from .stability import StabilityWorkChain

__all__ = ["MeasuringWorkChain"]


class MeasuringWorkChain(WorkChain):
    """Base of the loop: from ``ctx`` it takes the committee, the shards and the plans of the iteration."""

    def run_evaluation(self) -> None:
        """Submit the evaluation of the committee, if there is a test set."""
        self.ctx.is_evaluated = True
        if self.ctx.test_sets:
            self.to_context(evaluation=self._evaluate("evaluation", self.ctx.test_sets))

    def _submit_calibration(self) -> None:
        """Submit the evaluation on validation frames, if the trust window is calibrated by them."""
        self.ctx.calibration = None
        window = self.ctx.plans["screening"]["window"]
        if window["mode"] == "auto":
            inputs = {"split": orm.Str("validation"), "percentile": orm.Float(window["percentile"])}
            self.to_context(calibration=self._evaluate("calibration", self.ctx.datasets, **inputs))

    def _evaluate(self, phase: str, datasets: dict[str, DatasetData], **inputs: orm.Data) -> orm.ProcessNode:
        where = self._where("training")
        return self.submit(
            EvaluateCalculation,
            code=where["code"],
            datasets=datasets,
            models=self.ctx.models,
            metadata={"options": where["options"], "call_link_label": self._label(phase)},
            **inputs,
        )

    def inspect_evaluation(self) -> ExitCode | None:
        """Attach the errors on the test set."""
        if not self.ctx.test_sets:
            return None
        node = self.ctx.evaluation
        if "errors" in node.outputs:
            self.out(f"errors.{self._label()}", node.outputs.errors)
        return None if node.is_finished_ok else self._fail("EVALUATION", node)

    def inspect_calibration(self) -> ExitCode | None:
        """Check that the window can be calibrated, if it is to be."""
        node = self.ctx.calibration
        return self._fail("EVALUATION", node) if node and not node.is_finished_ok else None

    def should_probe(self) -> bool:
        """Return whether the stability of the committee is to be measured."""
        return "stability" in self.ctx.plans

    def run_stability(self) -> None:
        """Submit the probes of the committee."""
        settings = self.ctx.plans["stability"]
        node = self.submit(
            StabilityWorkChain,
            settings=settings,
            structures=dict(self.inputs.structures),
            models=self.ctx.models,
            datasets=self.ctx.datasets,
            diagnosis=self._where("screening"),
            max_concurrent=self.inputs.max_concurrent,
            metadata={"call_link_label": self._label("stability")},
            **self._sampler(settings["sampler"]),
        )
        self.to_context(stability=node)

    def inspect_stability(self) -> ExitCode | None:
        """Attach how long the probes held, and what made them fail."""
        node = self.ctx.stability
        for name, label in (("survival", "survival"), ("diagnoses", "diagnosis")):
            if label in node.outputs:
                self.out(f"{name}.{self._label()}", node.outputs[label])
        if not node.is_finished_ok:
            return self._fail("STABILITY", node)
        self.ctx.is_stable = node.outputs.survival["is_stable"]
        return None

    def _before_failures(self) -> dict[str, dict[str, orm.Data]]:
        """Return the last good frames of probes that failed, for the screening."""
        names = ("trajectories", "deviations")
        return {name: output_namespace(self.ctx.stability, name) if self.should_probe() else {} for name in names}

    def _diagnosis(self) -> dict[str, orm.Dict]:
        """Return what made probes of this iteration fail, as an input; nothing if it is not known."""
        diagnosis = optional_output(self.ctx.stability, "diagnosis")
        return {} if diagnosis is None else {"diagnosis": diagnosis}

    def _sampler(self, name: str) -> dict[str, Any]:
        """Return the code of a sampler and the scheduler options of its jobs."""
        options = dict(self.inputs.options.get("sampling", {}).get(name, {}))
        return {"code": self.inputs.codes.sampling[name], "options": options}

    def _where(self, role: str) -> dict[str, Any]:
        """Return the code for a role and the scheduler options of its jobs."""
        return {"code": self.inputs.codes[role], "options": dict(self.inputs.options.get(role, {}))}

    def _reference(self) -> dict[str, Any]:
        """Return code, options and pseudopotentials of the reference method."""
        return {
            **self._where("reference"),
            "larger_options": self.inputs.larger_options,
            "pseudopotentials": dict(self.inputs.get("pseudopotentials", {})),
        }

    def _label(self, phase: str | None = None) -> str:
        if self.ctx.is_final:
            return f"{FINAL}_{phase}" if phase else FINAL
        return iteration_key(self.ctx.iteration, phase)

    def _fail(self, phase: str, node: orm.ProcessNode) -> ExitCode:
        code: ExitCode = self.exit_codes[f"ERROR_SUB_PROCESS_FAILED_{phase}"]
        return code.format(iteration=self.ctx.iteration, reason=reason_of(node))
