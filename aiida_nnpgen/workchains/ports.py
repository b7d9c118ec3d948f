"""Ports that several processes share, declared once; and reading of ports that may be empty."""

from __future__ import annotations

from typing import Any

from aiida import orm
from aiida.engine import ProcessSpec

from ..data.validators import validate_nodes

__all__ = [
    "REFERENCE_PORTS",
    "declare_ports",
    "input_namespace",
    "optional_output",
    "output_namespace",
    "reason_of",
]


def validate_max_concurrent(value: int, _: Any) -> str | None:
    """Check that at least one child may run."""
    return None if value >= 1 else f"`max_concurrent` must be at least 1, not `{value}`"


_OPTIONS = {"valid_type": dict, "default": dict, "non_db": True}
_PORTS: dict[str, dict[str, Any]] = {
    "code": {"valid_type": orm.AbstractCode, "help": "Code of the reference method."},
    "options": {**_OPTIONS, "help": "Scheduler options of the jobs."},
    "larger_options": {
        **_OPTIONS,
        "help": "Scheduler options put over `options` for another attempt, where a job had too little time or memory.",
    },
    "max_concurrent": {
        "valid_type": int,
        "default": 2,
        "non_db": True,
        "validator": validate_max_concurrent,
        "help": "Largest number of children alive at a time.",
    },
}
_NAMESPACES: dict[str, dict[str, Any]] = {
    "pseudopotentials": {
        "valid_type": orm.Data,
        "required": False,
        "validator": validate_nodes,
        "help": "One per element, if the code needs them.",
    },
    "structures": {
        "valid_type": orm.StructureData,
        "validator": validate_nodes,
        "help": "Frames, with keys `frame_0000` and so on.",
    },
}

REFERENCE_PORTS = ("code", "options", "larger_options", "pseudopotentials")
"""What every labelling with the reference code is given."""


def declare_ports(spec: ProcessSpec, *names: str, **changes: dict[str, Any]) -> None:
    """Declare input ports by their names.

    :param changes: by name of the port, what is different here, such as its ``help``.
    """
    for name in names:
        if name in _PORTS:
            spec.input(name, **_PORTS[name] | changes.get(name, {}))
        else:
            spec.input_namespace(name, **_NAMESPACES[name] | changes.get(name, {}))


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
