"""The outer loop: train, sample, screen, label, and again."""

from __future__ import annotations

from aiida import orm
from aiida.engine import ExitCode, if_, while_
from aiida.engine.processes.workchains.workchain import WorkChainSpec

from ..calculations.functions import (
    decide_stop,
    plan_appended,
    plan_final,
    plan_initial_dataset,
    plan_iteration,
)
from ..common.types import Purpose
from ..config.root import LoopSettings
from .active_learning_spec import define_ports
from .initial_dataset import InitialDatasetWorkChain
from .labelling import LabellingWorkChain
from .measuring import MeasuringWorkChain
from .ports import output_namespace
from .sampling import SamplingWorkChain
from .screening import ScreeningWorkChain
from .training import TrainingWorkChain

__all__ = ["ActiveLearningWorkChain"]


class ActiveLearningWorkChain(MeasuringWorkChain):
    """Improve a committee of potentials, iteration by iteration.

    Outputs are attached as they come, so that a run that fails or is killed keeps all it has made; another run goes on
    from there with ``datasets``, ``models`` and ``first_iteration``.
    """

    @classmethod
    def define(cls, spec: WorkChainSpec) -> None:
        super().define(spec)
        define_ports(spec)
        spec.outline(
            cls.setup,
            cls.run_first_data,
            cls.inspect_first_data,
            while_(cls.should_iterate)(
                cls.plan,
                cls.run_training,
                cls.inspect_training,
                if_(cls.should_probe)(cls.run_stability, cls.inspect_stability),
                if_(cls.should_sample)(
                    cls.plan_beyond_schedule,
                    cls.run_sampling_and_evaluation,
                    cls.inspect_sampling,
                    cls.inspect_calibration,
                    cls.inspect_evaluation,
                    cls.run_screening,
                    cls.inspect_screening,
                    if_(cls.has_selection)(cls.run_labelling, cls.inspect_labelling),
                    cls.decide,
                ),
            ),
            if_(cls.has_new_data)(
                cls.plan,
                cls.run_training,
                cls.inspect_training,
                if_(cls.should_probe)(cls.run_stability, cls.inspect_stability),
            ),
            if_(cls.is_unmeasured)(cls.run_evaluation, cls.inspect_evaluation),
            if_(cls.has_final)(
                cls.plan_final,
                cls.run_training,
                cls.inspect_training,
                if_(cls.should_probe)(cls.run_stability, cls.inspect_stability),
                cls.run_evaluation,
                cls.inspect_evaluation,
            ),
        )

    def setup(self) -> None:
        """Take over what an earlier run left."""
        config = LoopSettings.model_validate(self.inputs.config.get_dict())
        self.ctx.schedule_length = len(config.iterations())
        self.ctx.max_appended = config.max_appended
        self.ctx.iteration = self.inputs.first_iteration.value
        self.ctx.n_appended = max(0, self.ctx.iteration - self.ctx.schedule_length)
        self.ctx.datasets = dict(self.inputs.get("datasets", {}))
        self.ctx.test_sets = dict(self.inputs.get("test_sets", {}))
        self.ctx.models = dict(self.inputs.get("models", {}))
        self.ctx.decision = None
        self.ctx.is_final = False
        self.ctx.has_new_data = bool(self.ctx.datasets)
        self.ctx.is_evaluated = True
        self.ctx.is_stable = False
        self.ctx.stop = False

    def run_first_data(self) -> None:
        """Submit the first dataset and the test set, where they are wanted and not given."""
        for purpose in Purpose:
            if self.ctx[purpose.shards] or not self.inputs.config.get(purpose.value):
                continue
            plans = plan_initial_dataset(self.inputs.config, orm.Str(purpose.value))
            node = self.submit(
                InitialDatasetWorkChain,
                settings=plans["settings"],
                labelling=plans["labelling"],
                structures=dict(self.inputs.structures),
                existing=dict(self.inputs.get("existing", {}).get(purpose.value, {})),
                max_concurrent=self.inputs.max_concurrent,
                metadata={"call_link_label": purpose.value},
                **self._reference(),
            )
            self.to_context(**{purpose.value: node})

    def inspect_first_data(self) -> ExitCode | None:
        """Attach the first shards."""
        for purpose in Purpose:
            if purpose.value not in self.ctx:
                continue
            node = self.ctx[purpose.value]
            for key, shard in output_namespace(node, "datasets").items():
                self.out(f"{purpose.shards}.initial_{key}", shard)
                self.ctx[purpose.shards][f"initial_{key}"] = shard
            if not node.is_finished_ok:
                return self._fail("INITIAL_DATASET", node)
        self.ctx.has_new_data = True
        return None

    def should_iterate(self) -> bool:
        """Return whether the schedule goes on, or an iteration may be appended until dynamics holds."""
        if self._is_scheduled():
            return True
        return not self.ctx.is_stable and self.ctx.n_appended < self.ctx.max_appended

    def _is_scheduled(self) -> bool:
        return not self.ctx.stop and self.ctx.iteration < self.ctx.schedule_length

    def plan(self) -> None:
        """Give every phase of the iteration its settings and seed."""
        self.ctx.plans = dict(plan_iteration(self.inputs.config, orm.Int(self.ctx.iteration)))
        self.report(f"iteration {self.ctx.iteration}")

    def run_training(self) -> None:
        """Submit the training of the committee on all shards."""
        parents = self.ctx.models if self.ctx.plans["training"]["warm_start"] else {}
        node = self.submit(
            TrainingWorkChain,
            settings=self.ctx.plans["training"],
            datasets=self.ctx.datasets,
            parents=parents,
            max_concurrent=self.inputs.max_concurrent,
            metadata={"call_link_label": self._label("training")},
            **self._where("final" if self.ctx.is_final else "training"),
        )
        self.to_context(training=node)

    def inspect_training(self) -> ExitCode | None:
        """Attach the committee."""
        node = self.ctx.training
        if not node.is_finished_ok:
            return self._fail("TRAINING", node)
        self.ctx.models = dict(node.outputs.models)
        for key, model in self.ctx.models.items():
            self.out(f"models.{self._label()}.{key}", model)
        self.ctx.has_new_data = self.ctx.is_evaluated = self.ctx.is_stable = False
        return None

    def should_sample(self) -> bool:
        """Return whether the iteration samples: one of the schedule does, an appended one where probes failed."""
        return self._is_scheduled() or not self.ctx.is_stable

    def plan_beyond_schedule(self) -> None:
        """Give the phases of an appended iteration their settings, by what made probes fail."""
        if self._is_scheduled():
            return
        self.ctx.n_appended += 1
        self.report("dynamics does not hold: an iteration is appended to the schedule")
        self.ctx.plans |= plan_appended(self.inputs.config, orm.Int(self.ctx.iteration), **self._diagnosis())

    def run_sampling_and_evaluation(self) -> None:
        """Submit what needs the committee alone, side by side: dynamics, errors on the test set, and calibration."""
        self._submit_sampling()
        self.run_evaluation()
        self._submit_calibration()

    def _submit_sampling(self) -> None:
        window = {"window": self.ctx.plans["window"]} if "window" in self.ctx.plans else {}
        node = self.submit(
            SamplingWorkChain,
            settings=self.ctx.plans["sampling"],
            structures=dict(self.inputs.structures),
            models=self.ctx.models,
            max_concurrent=self.inputs.max_concurrent,
            metadata={"call_link_label": self._label("sampling")},
            **window,
            **self._sampler(self.ctx.plans["sampling"]["sampler"]),
        )
        self.to_context(sampling=node)

    def inspect_sampling(self) -> ExitCode | None:
        """Check that there is something to screen."""
        return None if self.ctx.sampling.is_finished_ok else self._fail("SAMPLING", self.ctx.sampling)

    def run_screening(self) -> None:
        """Submit the screening of what was sampled."""
        calibration, before = self.ctx.calibration, self._before_failures()
        evaluation = {"evaluation": calibration.outputs.arrays} if calibration else {}
        node = self.submit(
            ScreeningWorkChain,
            settings=self.ctx.plans["screening"],
            **{name: output_namespace(self.ctx.sampling, name) | frames for name, frames in before.items()},
            failing=orm.List(sorted(before["deviations"])),
            datasets=self.ctx.datasets,
            models=self.ctx.models,
            metadata={"call_link_label": self._label("screening")},
            **evaluation,
            **self._where("screening"),
        )
        self.to_context(screening=node)

    def inspect_screening(self) -> ExitCode | None:
        """Attach the counts, and what was selected."""
        node = self.ctx.screening
        if not node.is_finished_ok:
            return self._fail("SCREENING", node)
        self.out(f"windows.{self._label()}", node.outputs.window)
        self.out(f"counts.{self._label()}", node.outputs.counts)
        if "record" in node.outputs:
            self.out(f"records.{self._label()}", node.outputs.record)
        return None

    def has_selection(self) -> bool:
        """Return whether a frame was selected; none is a good end of an iteration."""
        return "structures" in self.ctx.screening.outputs

    def run_labelling(self) -> None:
        """Submit the labelling of the selected frames."""
        node = self.submit(
            LabellingWorkChain,
            settings=self.ctx.plans["labelling"],
            structures=dict(self.ctx.screening.outputs.structures),
            record=self.ctx.screening.outputs.record,
            max_concurrent=self.inputs.max_concurrent,
            metadata={"call_link_label": self._label("labelling")},
            **self._reference(),
        )
        self.to_context(labelling=node)

    def inspect_labelling(self) -> ExitCode | None:
        """Attach the new shard."""
        node = self.ctx.labelling
        if "report" in node.outputs:
            self.out(f"labels.{self._label()}", node.outputs.report)
        if "dataset" in node.outputs:
            self.out(f"datasets.{self._label()}", node.outputs.dataset)
        if not node.is_finished_ok:
            return self._fail("LABELLING", node)
        self.ctx.datasets[self._label()] = node.outputs.dataset
        self.ctx.has_new_data = True
        self.ctx.is_stable = False  # what holds with the present committee may not with the next one
        return None

    def decide(self) -> None:
        """Decide whether to go on."""
        previous = {} if self.ctx.decision is None else {"previous": self.ctx.decision}
        counts, runs = self.ctx.screening.outputs.counts, self.ctx.sampling.outputs.runs
        self.ctx.decision = decide_stop(self.inputs.config, counts, runs, **previous)
        self.out(f"decisions.{self._label()}", self.ctx.decision)
        self.ctx.stop = self.ctx.decision["stop"]
        if self.inputs.config["stop"]:
            self.report(self.ctx.decision["reason"])
        self.ctx.iteration += 1

    def has_new_data(self) -> bool:
        """Return whether the last committee has not seen all data."""
        return bool(self.ctx.has_new_data)

    def is_unmeasured(self) -> bool:
        """Return whether the last committee was not compared with the test set."""
        return not self.ctx.is_evaluated

    def has_final(self) -> bool:
        """Return whether one more committee is trained, with settings of its own."""
        return bool(self.inputs.config.get("final"))

    def plan_final(self) -> None:
        """Give the final committee its settings and seed."""
        self.ctx.is_final = True
        self.ctx.plans = dict(plan_final(self.inputs.config))
        self.report("final committee")
