"""Train a committee."""

from __future__ import annotations

from typing import Any

from aiida import orm
from aiida.engine import ExitCode, while_
from aiida.engine.processes.workchains.workchain import WorkChainSpec

from ..calculations.base import define_exit_codes
from ..calculations.committee import check_models
from ..calculations.functions import plan_members
from ..data import DatasetData, PotentialData
from .pool import PoolWorkChain
from .restart.train import TrainBaseWorkChain

__all__ = ["TrainingWorkChain"]


class TrainingWorkChain(PoolWorkChain):
    """Train the members of a committee side by side, each from its own seed."""

    @classmethod
    def define(cls, spec: WorkChainSpec) -> None:
        super().define(spec)
        spec.input("code", valid_type=orm.AbstractCode, help="Python interpreter with the library of the architecture.")
        spec.input("options", valid_type=dict, default=dict, non_db=True, help="Scheduler options of the jobs.")
        spec.input("settings", valid_type=orm.Dict, help="Settings of the training, with their seed.")
        spec.input_namespace("datasets", valid_type=DatasetData, help="Shards to train on.")
        spec.input_namespace(
            "parents",
            valid_type=PotentialData,
            required=False,
            validator=check_models,
            help="Per member, the model to start from.",
        )
        spec.output_namespace("models", valid_type=PotentialData, dynamic=True, help="The committee.")
        spec.output_namespace("learning_curves", valid_type=orm.ArrayData, dynamic=True, help="Of each member.")
        define_exit_codes(spec, "ERROR_TRAINING_FAILED")
        spec.outline(cls.setup, while_(cls.pool_is_busy)(cls.advance_pool), cls.results)

    def setup(self) -> None:
        """Give each member its settings."""
        self.ctx.members = plan_members(self.inputs.settings)
        self.fill_pool(sorted(self.ctx.members))
        frames = sum(len(dataset) for dataset in self.inputs.datasets.values())
        start = "from their predecessors" if self.inputs.get("parents") else "from scratch"
        self.report(f"training {len(self.ctx.members)} models on {frames} frames, {start}")

    def launch(self, key: str) -> orm.ProcessNode:
        """Submit the training of one member."""
        train: dict[str, Any] = {
            "code": self.inputs.code,
            "datasets": dict(self.inputs.datasets),
            "settings": self.ctx.members[key],
            "metadata": {"options": self.inputs.options},
        }
        parents = self.inputs.get("parents", {})
        if key in parents:
            train["parent"] = parents[key]
        return self.submit(
            TrainBaseWorkChain,
            train=train,
            max_iterations=orm.Int(self.inputs.settings["max_attempts"]),
            metadata={"call_link_label": key},
        )

    def inspect_child(self, key: str, node: orm.ProcessNode) -> None:
        """Attach what the training gave."""
        if "learning_curve" in node.outputs:
            self.out(f"learning_curves.{key}", node.outputs.learning_curve)
        if node.is_finished_ok:
            self.out(f"models.{key}", node.outputs.potential)
        else:
            self.report(f"training of {key} <{node.pk}> failed: {_reason(node)}")

    def results(self) -> ExitCode | None:
        """Fail if a member is missing."""
        failed = {key: node for key, node in sorted(self.ctx.children.items()) if not node.is_finished_ok}
        if not failed:
            return None
        reason = _reason(next(iter(failed.values())))
        return self.exit_codes.ERROR_TRAINING_FAILED.format(members=", ".join(failed), reason=reason)


def _reason(node: orm.WorkChainNode) -> str:
    """Return why a training failed: the message of its last job says more than that of its restarts."""
    jobs = sorted(node.called, key=lambda job: job.pk)
    message = jobs[-1].exit_message if jobs else None
    return str(message or node.exit_message or f"its process is {node.process_state.value}")
