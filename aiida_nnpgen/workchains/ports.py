"""Ports that several processes share, declared once; and reading of ports that may be empty."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiida import orm
from aiida.common.links import LinkType
from aiida.engine import ProcessSpec
from aiida.orm.utils.links import LinkManager

from ..common.exceptions import InputError
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


def input_namespace(process: orm.ProcessNode, *names: str) -> dict[str, Any]:
    """Return the inputs in a namespace; none is an empty dictionary.

    :param names: of the namespace, and of those in it that lead to the wanted one.
    :raises InputError: if there is a node in its place.
    """
    kinds = (LinkType.INPUT_CALC, LinkType.INPUT_WORK)
    return _namespace(process, process.base.links.get_incoming(link_type=kinds), names)


def output_namespace(process: orm.ProcessNode, *names: str) -> dict[str, Any]:
    """Return the outputs in a namespace; see :func:`input_namespace`."""
    kinds = (LinkType.CREATE, LinkType.RETURN)
    return _namespace(process, process.base.links.get_outgoing(link_type=kinds), names)


def _namespace(process: orm.ProcessNode, links: LinkManager, names: tuple[str, ...]) -> dict[str, Any]:
    try:
        found: Any = links.nested()
    except KeyError as exception:  # the process came in an archive, and a label of a link is that of a namespace too
        raise InputError(f"the links of <{process.pk}> contradict each other: {exception}") from exception
    for name in names:
        found = found.get(name, {})
        if not isinstance(found, Mapping):
            raise InputError(f"`{'.'.join(names)}` of <{process.pk}> is a {type(found).__name__}, not a namespace")
    return dict(found)


def optional_output(process: orm.ProcessNode, name: str) -> Any:
    """Return an output of a process; None if it made none."""
    is_there = name in process.outputs
    return process.outputs[name] if is_there else None


def reason_of(process: orm.ProcessNode) -> str:
    """Return why a process has not finished well."""
    return process.exit_message or f"process <{process.pk}> is {process.process_state.value}"
