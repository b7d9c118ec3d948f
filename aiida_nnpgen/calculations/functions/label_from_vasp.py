"""Bring what VASP computed into labels."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from aiida import orm
from aiida.engine import calcfunction

from ...common.dynamics import Conditions
from ...common.exceptions import OutputError
from ...common.text import SCHEDULER_STDERR, disk_full_line
from ...data.labels import StructureLink, frame_number, is_run_key, label_node, run_nodes
from ...data.repository import unpacked
from ...dft.label import LabelFailure, LabelProblem, RefusedLabelError
from ...dft.vasp.labels import read_single_point
from ...dft.vasp.messages import read_error, read_kill
from ...dft.vasp.run import join_run, read_run

__all__ = ["label_from_vasp"]

STDOUT = "vasp_output"
"""Files of a ``VaspCalculation``."""

_REASONS = {
    110: LabelFailure.OUT_OF_LIMITS,  # of memory
    120: LabelFailure.OUT_OF_LIMITS,  # killed by the scheduler at its time limit
}
"""Exit codes of ``VaspCalculation`` that say by themselves what went wrong."""


@calcfunction
def label_from_vasp(
    facts: orm.Dict,
    method: orm.Dict,
    calculated: orm.FolderData | None = None,
    conditions: orm.Dict | None = None,
    **nodes: orm.Data,
) -> dict[str, Any]:
    """Return ``labels`` of a single point or ``failures``; of a dynamics ``labels`` and ``report``.

    Everything is read from the files of VASP. The trajectory that aiida-vasp makes of them has fractional positions,
    holds a single point twice, and tells nothing of convergence.

    :param facts: ``process``, ``exit_status`` and ``exit_message`` of the last ``VaspCalculation``.
    :param method: level of theory, as it was configured or changed. It is here to be found above the label: what the
        work chain around VASP passes on are copies without a source.
    :param calculated: the files that it left, if any.
    :param conditions: of a dynamics; none: a single point.
    :param nodes: the structure under its key, for a dynamics under ``structure``; ``run_00`` and so on: files of the
        jobs that the last one continued.
    """
    jobs: list[Any] = [nodes.pop(name) for name in sorted(nodes) if is_run_key(name)]
    jobs += [] if calculated is None else [calculated]
    [(key, structure)] = nodes.items()
    atoms = structure.get_ase()
    with ExitStack() as stack:
        folders = [stack.enter_context(unpacked(node)) for node in jobs]
        if conditions is not None:
            parts, problem = read_run(folders, atoms)
            why = _why(problem or OutputError("VASP did not end"), facts, calculated)
            return run_nodes(join_run(parts, Conditions(**conditions["conditions"]), why))
        try:
            if calculated is None:
                raise OutputError(facts["exit_message"] or "VASP left no files")
            frames = read_single_point(folders[-1], atoms)
        except OutputError as exception:
            refusal = _why(exception, facts, calculated)
            return {"failures": orm.Dict({key: refusal.record(facts["process"])})}
    return {"labels": label_node(frames, [frame_number(key)], StructureLink.FRAME)}


def _why(exception: OutputError, facts: orm.Dict, files: orm.FolderData | None) -> LabelProblem:
    """Return why there is no label: by what the files hold, by the exit code, or by what VASP said as it stopped."""
    if isinstance(exception, RefusedLabelError):
        return LabelProblem(exception.reason, str(exception))
    status, message = facts["exit_status"], facts["exit_message"]
    if status in _REASONS:
        return LabelProblem(_REASONS[status], message or f"exit status {status}")
    # What aiida-vasp says of cut files hides what AiiDA knows from the scheduler.
    if killed := read_kill(_text(files, SCHEDULER_STDERR)):
        return LabelProblem(LabelFailure.OUT_OF_LIMITS, killed)
    if full := disk_full_line(_text(files, SCHEDULER_STDERR) + _text(files, STDOUT)):
        return LabelProblem(LabelFailure.NO_OUTPUT, f"there was no room on the disk: {full}")
    if said := read_error(_text(files, STDOUT)):
        return LabelProblem(LabelFailure.CALCULATOR, said)
    return LabelProblem(LabelFailure.NO_OUTPUT, str(exception))


def _text(files: orm.FolderData | None, name: str) -> str:
    if files is None or name not in files.base.repository.list_object_names():
        return ""
    content: bytes = files.base.repository.get_object_content(name, mode="rb")
    return content.decode(errors="replace")
