"""Go on from an earlier run of the loop, finished or not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from aiida import orm

from ..common.exceptions import InputError
from ..common.iterations import by_iteration, iteration_key
from ..common.types import Purpose
from ..data import DatasetData, PotentialData
from .ports import input_namespace, output_namespace

__all__ = ["Continuation", "check_is_loop", "continue_from"]


@dataclass
class Continuation:
    """What an earlier run left, as inputs of the next one.

    :ivar first_iteration: the first one that was not completed.
    """

    first_iteration: int
    structures: dict[str, orm.StructureData] = field(default_factory=dict)
    datasets: dict[str, DatasetData] = field(default_factory=dict)
    test_sets: dict[str, DatasetData] = field(default_factory=dict)
    models: dict[str, PotentialData] = field(default_factory=dict)

    def inputs(self) -> dict[str, Any]:
        """Return the inputs of the loop."""
        named = {name: getattr(self, name) for name in ("structures", "datasets", "test_sets", "models")}
        return {"first_iteration": orm.Int(self.first_iteration)} | {
            key: value for key, value in named.items() if value
        }


def check_is_loop(process: orm.ProcessNode) -> None:
    """Check that a process is a run of the loop.

    :raises InputError: if it is another one.
    """
    if process.process_label != "ActiveLearningWorkChain":
        raise InputError(f"<{process.pk}> is a `{process.process_label}`, not a run of active learning")


def continue_from(process: orm.ProcessNode) -> Continuation:
    """Return what a run of the loop has completed.

    An iteration is complete when its selected frames are labelled, or none was selected. Shards, test set and the last
    committee of the complete part are kept; an iteration that was cut is done again, from the same seed.

    :raises InputError: if the process is no active learning run.
    """
    check_is_loop(process)
    start = process.inputs.first_iteration.value
    decisions = output_namespace(process, "decisions")
    end = start
    while iteration_key(end) in decisions:
        end += 1
    shards = {purpose.shards: _shards(process, purpose, end) for purpose in Purpose}
    last = output_namespace(process, "models").get(iteration_key(end - 1)) if end > start else None
    return Continuation(
        first_iteration=end,
        structures=dict(process.inputs.structures),
        models=dict(last or input_namespace(process, "models")),
        **shards,
    )


def _shards(process: orm.ProcessNode, purpose: Purpose, end: int) -> dict[str, DatasetData]:
    """Return the shards from before an iteration."""
    made = output_namespace(process, purpose.shards)
    cut = {iteration_key(number) for number in by_iteration(made) if number >= end}
    if _phase_failed(process, purpose):
        return {}
    return input_namespace(process, purpose.shards) | {key: made[key] for key in made if key not in cut}


def _phase_failed(process: orm.ProcessNode, purpose: Purpose) -> bool:
    """Return whether the first data were begun and not brought to an end.

    All parts are then asked for again: what was finished comes from the cache, and only the rest is computed.
    """
    phases = process.base.links.get_outgoing(orm.WorkChainNode, link_label_filter=purpose.value).all_nodes()
    return any(not phase.is_finished_ok for phase in phases)
