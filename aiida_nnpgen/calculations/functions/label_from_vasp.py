"""Bring what VASP computed into labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
from aiida import orm
from aiida.engine import calcfunction
from ase import Atoms
from numpy.typing import NDArray

from ...common.dynamics import Conditions
from ...common.exceptions import OutputError
from ...common.frames import Frames
from ...common.types import RunEnd
from ...data.trajectory import frames_to_trajectory
from ...dft.label import LabelFailure, LabelProblem, RefusedLabelError
from ...dft.vasp.input import n_md_frames
from ...dft.vasp.labels import VaspPart, read_part, read_single_point
from ...dft.vasp.messages import read_error, read_kill

__all__ = ["FILES", "label_from_vasp"]

FILES = "files_"
"""What the link labels of files of earlier jobs of one dynamics begin with."""

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
    :param nodes: the structure under its key, for a dynamics under ``structure``; ``files_00`` and so on: files of the
        jobs that the last one continued. The array ``process`` of the labels has the UUID of the job of each frame.
    """
    if conditions is not None:
        return _run(facts, calculated, conditions, nodes)
    [(key, structure)] = nodes.items()
    try:
        if calculated is None:
            raise OutputError(facts["exit_message"] or "VASP left no files")
        with calculated.base.repository.as_path() as folder:
            frames = read_single_point(folder, structure.get_ase())
    except OutputError as exception:
        problem = _why(exception, facts, calculated)
        failure = {"reason": problem.reason.value, "detail": problem.detail, "process": facts["process"]}
        return {"failures": orm.Dict({key: failure})}
    return {"labels": _labels(frames, np.array([int(key.rpartition("_")[2])]), "frame_{:04d}")}


def _run(
    facts: orm.Dict, calculated: orm.FolderData | None, node: orm.Dict, nodes: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the frames of all jobs of a dynamics at its stride, and how it ended."""
    conditions = Conditions(**node["conditions"])
    folders = [nodes[name] for name in sorted(nodes) if name.startswith(FILES)]
    folders += [] if calculated is None else [calculated]
    parts, problem = _read(folders, nodes["structure"].get_ase())
    starts = np.cumsum([0, *(part.n_steps for part in parts)])
    n_steps, wanted = int(starts[-1]), n_md_frames(conditions.steps, conditions.stride)
    bad = {
        int(start) + row: item
        for start, part in zip(starts, parts, strict=False)
        for row, item in part.problems.items()
    }
    missing = [step for step in bad if step % conditions.stride == 0]
    labels = _join(folders, parts, starts, conditions.stride, wanted)
    if n_steps >= wanted:
        end = RunEnd.COMPLETED if "labels" in labels else RunEnd.UNPHYSICAL
        message = "all steps done"
    else:
        end, message = RunEnd.INTERRUPTED, str(_why(problem or OutputError("VASP did not end"), facts, calculated))
    if missing:
        counts = Counter(bad[step].reason.value for step in missing)
        message += f"; left out: {', '.join(f'{count} {reason}' for reason, count in sorted(counts.items()))}"
    steps = labels["labels"].get_stepids() if labels else []
    report = {
        "end": end.value,
        "message": message,
        "n_frames": len(steps),
        "n_left_out": len(missing),
        "failure_time": min(missing) * conditions.timestep if end.is_failure else None,
        "last_step": int(steps[-1]) if len(steps) else 0,
    }
    return {"report": orm.Dict(report), **labels}


def _read(folders: list[orm.FolderData], atoms: Atoms) -> tuple[list[VaspPart], OutputError | None]:
    """Return what consecutive jobs gave, up to the first that cannot be read, and why that is."""
    parts: list[VaspPart] = []
    last = None
    for node in folders:
        try:
            with node.base.repository.as_path() as folder:
                # Only a first job starts at the structure.
                parts.append(read_part(folder, atoms, last if last is not None or not parts else atoms.positions))
        except OutputError as exception:
            return parts, exception
        frames = parts[-1].frames
        last = last if frames is None else frames.positions[-1]
    return parts, None


def _join(
    folders: list[orm.FolderData], parts: list[VaspPart], starts: NDArray[np.int64], stride: int, wanted: int
) -> dict[str, Any]:
    """Return the good frames at the stride as ``labels``; nothing if there are none."""
    kept, steps, makers = [], [], []
    for node, part, start in zip(folders, parts, starts, strict=False):
        numbers = start + part.rows
        chosen = np.flatnonzero((numbers % stride == 0) & (numbers < wanted))
        if part.frames is not None and len(chosen):
            kept.append(part.frames[chosen])
            steps.append(numbers[chosen])
            makers += [node.creator.uuid] * len(chosen)
    if not kept:
        return {}
    node = _labels(Frames.concatenate(kept), np.concatenate(steps), "structure", process=np.array(makers))
    return {"labels": node}


def _labels(frames: Frames, steps: NDArray[np.int64], link: str, **arrays: NDArray[Any]) -> orm.TrajectoryData:
    node = frames_to_trajectory(frames, steps, **arrays)
    node.base.attributes.set("structure_link", link)
    return node


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
