"""Read ports of processes that may be empty."""

from __future__ import annotations

from typing import Any

from aiida import orm
from aiida.engine import ProcessSpec

__all__ = ["input_namespace", "larger_options_port", "optional_output", "output_namespace", "reason_of"]


def larger_options_port(spec: ProcessSpec) -> None:
    """Declare what the jobs of a labelling are given where they had too little."""
    spec.input(
        "larger_options",
        valid_type=dict,
        default=dict,
        non_db=True,
        help="Scheduler options put over `options` for another attempt, where a job had too little time or memory.",
    )


def input_namespace(process: orm.ProcessNode, name: str) -> dict[str, Any]:
    """Return the inputs in a namespace; none is an empty dictionary."""
    return dict(process.inputs[name]) if name in process.inputs else {}


def output_namespace(process: orm.ProcessNode, name: str) -> dict[str, Any]:
    """Return the outputs in a namespace; none is an empty dictionary."""
    return dict(process.outputs[name]) if name in process.outputs else {}


def optional_output(process: orm.ProcessNode, name: str) -> Any:
    """Return an output of a process; None if it made none."""
    is_there = name in process.outputs
    return process.outputs[name] if is_there else None


def reason_of(process: orm.ProcessNode) -> str:
    """Return why a process has not finished well."""
    return process.exit_message or f"process <{process.pk}> is {process.process_state.value}"
