"""Bring what VASP computed into labels."""

from __future__ import annotations

from typing import Any

from aiida import orm
from aiida.engine import calcfunction
from ase import Atoms

from ...common.dynamics import Conditions, MdRun, Part, join_parts
from ...common.exceptions import OutputError
from ...common.types import RunEnd
from ...data.labels import StructureLink, frame_number, is_run_key, label_node, run_nodes
from ...dft.attempts import run_end
from ...dft.label import LabelFailure, LabelProblem, RefusedLabelError
from ...dft.vasp.labels import read_part, read_single_point
from ...dft.vasp.messages import read_error, read_kill

__all__ = ["label_from_vasp"]

STDOUT, SCHEDULER_STDERR = "vasp_output", "_scheduler-stderr.txt"
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
    folders: list[Any] = [nodes.pop(name) for name in sorted(nodes) if is_run_key(name)]
    [(key, structure)] = nodes.items()
    if conditions is not None:
        folders += [] if calculated is None else [calculated]
        run = _join(folders, structure.get_ase(), Conditions(**conditions["conditions"]), facts, calculated)
        return run_nodes(run)
    try:
        if calculated is None:
            raise OutputError(facts["exit_message"] or "VASP left no files")
        with calculated.base.repository.as_path() as folder:
            frames = read_single_point(folder, structure.get_ase())
    except OutputError as exception:
        problem = _why(exception, facts, calculated)
        failure = {"reason": problem.reason.value, "detail": problem.detail, "process": facts["process"]}
        return {"failures": orm.Dict({key: failure})}
    return {"labels": label_node(frames, [frame_number(key)], StructureLink.FRAME)}


def _join(
    folders: list[orm.FolderData], atoms: Atoms, conditions: Conditions, facts: orm.Dict, last: orm.FolderData | None
) -> MdRun:
    """Return the frames of all jobs of a dynamics at its stride, and how it ended."""
    parts: list[Part] = []
    done, positions, problem = 0, None, OutputError("VASP did not end")
    for node in folders:
        try:
            with node.base.repository.as_path() as folder:
                # Only a first job starts at the structure.
                part = read_part(folder, atoms, atoms.positions if positions is None and parts else positions)
        except OutputError as exception:
            problem = exception
            break
        problems = {done + row: item.reason.value for row, item in part.problems.items()}
        parts.append(Part(frames=part.frames, steps=done + part.rows, problems=problems))
        done += part.n_steps
        positions = positions if part.frames is None else part.frames.positions[-1]
    wanted = conditions.n_frames
    why = _why(problem, facts, last) if done < wanted else None
    return join_parts(
        parts,
        timestep=conditions.timestep,
        last_step=wanted - 1,
        stride=conditions.stride,
        end=run_end(why.reason) if why else RunEnd.COMPLETED,
        message=str(why or "all steps done"),
    )


def _why(exception: OutputError, facts: orm.Dict, files: orm.FolderData | None) -> LabelProblem:
    """Return why there is no label: by what the files hold, by the exit code, or by what VASP said as it stopped."""
    if isinstance(exception, RefusedLabelError):
        return LabelProblem(exception.reason, str(exception))
    status, message = facts["exit_status"], facts["exit_message"]
    if status in _REASONS:
        return LabelProblem(_REASONS[status], message)
    # What aiida-vasp says of cut files hides what AiiDA knows from the scheduler.
    if killed := read_kill(_text(files, SCHEDULER_STDERR)):
        return LabelProblem(LabelFailure.OUT_OF_LIMITS, killed)
    if said := read_error(_text(files, STDOUT)):
        return LabelProblem(LabelFailure.CALCULATOR, said)
    return LabelProblem(LabelFailure.NO_OUTPUT, str(exception))


def _text(files: orm.FolderData | None, name: str) -> str:
    if files is None or name not in files.base.repository.list_object_names():
        return ""
    content: bytes = files.base.repository.get_object_content(name, mode="rb")
    return content.decode(errors="replace")
