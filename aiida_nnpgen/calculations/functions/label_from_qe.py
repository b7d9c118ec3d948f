"""Bring what pw.x computed into labels."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

from aiida import orm
from aiida.engine import calcfunction

from ...common.dynamics import Conditions
from ...common.exceptions import OutputError
from ...common.text import SCHEDULER_STDERR, disk_full_at_end
from ...data.labels import StructureLink, frame_number, is_run_key, label_node, run_nodes
from ...data.repository import unpacked
from ...dft import registry
from ...dft.hints import explain
from ...dft.label import LabelFailure, LabelProblem, RefusedLabelError
from ...dft.method import Method
from ...dft.qe.labels import CRASH, STDOUT, join_run, read_run, read_single_point, read_why

__all__ = ["label_from_qe"]

_REASONS = {
    110: LabelFailure.OUT_OF_LIMITS,  # of memory
    120: LabelFailure.OUT_OF_LIMITS,  # killed by the scheduler at its time limit
    400: LabelFailure.OUT_OF_LIMITS,  # stopped at its time limit
    410: LabelFailure.NOT_CONVERGED,
}
"""Exit codes of ``PwCalculation`` that say by themselves what went wrong."""


@calcfunction
def label_from_qe(
    facts: orm.Dict,
    method: orm.Dict,
    calculated: orm.FolderData | None = None,
    conditions: orm.Dict | None = None,
    **nodes: orm.Data,
) -> dict[str, Any]:
    """Return ``labels`` of a single point or ``failures``; of a dynamics ``labels`` and ``report``.

    Everything is read from the files of pw.x: the arrays that aiida-quantumespresso makes of them are in units of 2006.

    :param facts: ``process``, ``exit_status`` and ``exit_message`` of the last ``PwCalculation``.
    :param method: level of theory, as it was configured or changed. It is here to be found above the label: what the
        work chain around pw.x passes on are copies without a source.
    :param calculated: the files that it left, if any.
    :param conditions: of a dynamics; none: a single point.
    :param nodes: the structure under its key, for a dynamics under ``structure``; ``run_00`` and so on: files of the
        jobs that the last one continued.
    """
    jobs: list[Any] = [nodes.pop(name) for name in sorted(nodes) if is_run_key(name)]
    jobs += [] if calculated is None else [calculated]
    [(key, structure)] = nodes.items()
    with ExitStack() as stack:
        folders = [stack.enter_context(unpacked(node)) for node in jobs]
        last = folders[-1] if calculated is not None else None
        if conditions is not None:
            run = read_run(folders, structure.get_ase())
            return run_nodes(join_run(run, Conditions(**conditions["conditions"]), str(_why(facts, last))))
        try:
            if last is None:
                raise OutputError("pw.x left no files")
            frames = read_single_point(last, structure.get_ase())
        except OutputError as exception:
            problem = explain(_why(facts, last, exception), registry.load("qe"), Method.from_dict(method.get_dict()))
            return {"failures": orm.Dict({key: problem.record(facts["process"])})}
    return {"labels": label_node(frames, [frame_number(key)], StructureLink.FRAME)}


def _why(facts: orm.Dict, folder: Path | None, exception: OutputError | None = None) -> LabelProblem:
    """Return why a job failed: by its exit code, by what its files hold, or by what pw.x wrote as it stopped."""
    status, message = facts["exit_status"], facts["exit_message"]
    if status in _REASONS:
        return LabelProblem(_REASONS[status], message or f"exit status {status}")
    if isinstance(exception, RefusedLabelError) and exception.reason is not LabelFailure.NO_OUTPUT:
        return LabelProblem(exception.reason, str(exception))
    if folder is not None and (full := _disk_full(folder)):
        return LabelProblem(LabelFailure.NO_OUTPUT, f"there was no room on the disk: {full}")
    if folder is not None and (said := read_why(folder)):
        return LabelProblem(LabelFailure.CALCULATOR, said)
    return LabelProblem(LabelFailure.NO_OUTPUT, message or str(exception or "the calculation did not end"))


def _disk_full(folder: Path) -> str | None:
    """Return the line in which pw.x, or the system, says that the disk was full."""
    files = (folder / name for name in (SCHEDULER_STDERR, STDOUT, CRASH))
    return next(filter(None, (disk_full_at_end(path.read_bytes()) for path in files if path.is_file())), None)
