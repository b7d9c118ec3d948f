"""Go on from an earlier run of the loop, finished or not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from aiida import orm

from ..common.exceptions import InputError
from ..common.iterations import by_iteration, iteration_key
from ..common.types import Purpose
from ..data import DatasetData, PotentialData
from ..data.validators import validate_nodes
from .ports import input_namespace, output_namespace

__all__ = ["Continuation", "check_is_loop", "continue_from"]

_KINDS: dict[str, type[orm.Data]] = {
    "structures": orm.StructureData,
    "datasets": DatasetData,
    "test_sets": DatasetData,
    "models": PotentialData,
}
_LAST_ITERATION = 100_000


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

    :raises InputError: if the process is no active learning run, or what it left is not what it says.
    """
    check_is_loop(process)
    start = _first_iteration(process)
    decisions = output_namespace(process, "decisions")
    end = start
    while iteration_key(end) in decisions:
        end += 1
    shards = {purpose.shards: _shards(process, purpose, end) for purpose in Purpose}
    last = output_namespace(process, "models", iteration_key(end - 1)) if end > start else {}
    left = Continuation(
        first_iteration=end,
        structures=input_namespace(process, "structures"),
        models=last or input_namespace(process, "models"),
        **shards,
    )
    _check(process, left)
    return left


def _first_iteration(process: orm.ProcessNode) -> int:
    """Return the place in the schedule at which a run began."""
    node = input_namespace(process).get("first_iteration")
    value = node.value if isinstance(node, orm.Int) else None
    if not isinstance(value, int) or not 0 <= value <= _LAST_ITERATION:
        raise InputError(f"<{process.pk}> does not say at which iteration it began: it cannot be continued")
    return value


def _check(process: orm.ProcessNode, left: Continuation) -> None:
    """Check everything that is taken over: the run may have come in an archive, and nothing looked at it then.

    Names of code are not taken over: what is imported is what the user's own configuration names.
    """
    for name, kind in _KINDS.items():
        for key, node in getattr(left, name).items():
            if not isinstance(node, kind):
                raise InputError(f"<{process.pk}> cannot be continued: {name}.{key} is a {type(node).__name__}")
            if problem := validate_nodes({key: node}, None):
                raise InputError(f"<{process.pk}> cannot be continued: {name}.{problem}")


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
