"""Bring what pw.x computed into labels."""

from __future__ import annotations

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
from ...common.units import BOHR, HARTREE
from ...data.trajectory import frames_to_trajectory
from ...dft.label import LabelFailure, LabelProblem, RefusedLabelError
from ...dft.qe.input import n_md_frames
from ...dft.qe.labels import PwPart, read_part, read_single_point
from ...dft.qe.log import read_error

__all__ = ["EARLIER", "FILES", "label_from_pw"]

EARLIER = "earlier_"
"""What the link labels of trajectories of earlier jobs of one dynamics begin with."""
FILES = "files_"
"""What the link labels of their files begin with."""

CRASH, STDOUT = "CRASH", "aiida.out"
"""Files of a ``PwCalculation``."""

_REASONS = {
    110: LabelFailure.OUT_OF_LIMITS,  # of memory
    120: LabelFailure.OUT_OF_LIMITS,  # killed by the scheduler at its time limit
    400: LabelFailure.OUT_OF_LIMITS,  # stopped at its time limit
    410: LabelFailure.NOT_CONVERGED,
}
"""Exit codes of ``PwCalculation`` that say by themselves what went wrong."""


@calcfunction
def label_from_pw(
    facts: orm.Dict,
    method: orm.Dict,
    calculated: orm.TrajectoryData | None = None,
    parameters: orm.Dict | None = None,
    retrieved: orm.FolderData | None = None,
    conditions: orm.Dict | None = None,
    **nodes: orm.Data,
) -> dict[str, Any]:
    """Return ``labels`` of a single point or ``failures``; of a dynamics ``labels`` and ``report``.

    :param facts: ``process``, ``exit_status`` and ``exit_message`` of the last ``PwCalculation``.
    :param method: level of theory, as it was configured or changed. It is here to be found above the label: what the
        work chain around pw.x passes on are copies without a source.
    :param calculated: its trajectory, if it made one.
    :param parameters: its output parameters.
    :param retrieved: its files; the standard output must agree, or may say why pw.x stopped.
    :param conditions: of a dynamics; none: a single point.
    :param nodes: the structure under its key, for a dynamics under ``structure``; ``earlier_00``, ``files_00`` and so
        on: trajectories and files of the jobs that the last one continued. The array ``run`` of the labels has the
        number of the job that computed each frame.
    """
    if conditions is not None:
        return _run(facts, calculated, parameters, retrieved, conditions, nodes)
    [(key, structure)] = nodes.items()
    try:
        if calculated is None or facts["exit_status"] != 0:
            problem = _why_it_failed(facts, retrieved)
            raise RefusedLabelError(problem.reason, problem.detail)
        frames = read_single_point(_arrays(calculated), _stdout(retrieved), _converged(parameters), structure.get_ase())
    except OutputError as exception:
        failure = {"reason": _reason(exception).value, "detail": str(exception), "process": facts["process"]}
        return {"failures": orm.Dict({key: failure})}
    return {"labels": _labels(frames, np.array([int(key.rpartition("_")[2])]), "frame_{:04d}")}


def _run(
    facts: orm.Dict,
    calculated: orm.TrajectoryData | None,
    parameters: orm.Dict | None,
    retrieved: orm.FolderData | None,
    node: orm.Dict,
    nodes: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the frames of all jobs of a dynamics at its stride, and how it ended."""
    conditions = Conditions(**node["conditions"])
    numbers = [name.removeprefix(EARLIER) for name in sorted(nodes) if name.startswith(EARLIER)]
    jobs = [(nodes[EARLIER + number], nodes[FILES + number]) for number in numbers]
    jobs += [] if calculated is None else [(calculated, retrieved)]
    parts, problem = _read(jobs, nodes["structure"].get_ase())
    makers = [number for number, part in enumerate(parts) for _ in range(len(part))]
    wanted = n_md_frames(conditions.steps, conditions.stride)
    kept = np.arange(0, min(len(makers), wanted), conditions.stride)
    if len(makers) >= wanted:
        end, message = RunEnd.COMPLETED, "all steps done"
    elif problem is not None and problem.reason is not LabelFailure.NO_OUTPUT:
        end, message = RunEnd.NOT_FINITE, str(problem)
    elif facts["exit_status"] == 0 and _converged(parameters) is False:
        end, message = RunEnd.UNPHYSICAL, f"the self-consistent field of step {len(makers)} does not converge"
    else:
        end, message = RunEnd.INTERRUPTED, str(_why_it_failed(facts, retrieved))
    report = {
        "end": end.value,
        "message": message,
        "n_frames": len(kept),
        "failure_time": len(makers) * conditions.timestep if end.is_failure else None,
        "last_step": int(kept[-1]) if len(kept) else 0,
    }
    if not len(kept):
        return {"report": orm.Dict(report)}
    labels = _labels(Frames.concatenate(parts)[kept], kept, "structure", run=np.array(makers)[kept])
    return {"report": orm.Dict(report), "labels": labels}


def _read(
    jobs: list[tuple[orm.TrajectoryData, orm.FolderData | None]], atoms: Atoms
) -> tuple[list[Frames], LabelProblem | None]:
    """Return the good frames of consecutive jobs, and what is wrong with what follows."""
    parts: list[PwPart] = []
    for trajectory, files in jobs:
        start = parts[-1].following if parts else None
        try:
            parts.append(read_part(_arrays(trajectory), _stdout(files), atoms, start))
        except OutputError as exception:
            return [part.frames for part in parts], LabelProblem(_reason(exception), str(exception))
        if parts[-1].problem is not None:
            break
    return [part.frames for part in parts], parts[-1].problem if parts else None


def _reason(exception: OutputError) -> LabelFailure:
    return exception.reason if isinstance(exception, RefusedLabelError) else LabelFailure.NO_OUTPUT


def _labels(frames: Frames, steps: NDArray[np.int64], link: str, **arrays: NDArray[Any]) -> orm.TrajectoryData:
    node = frames_to_trajectory(frames, steps, **arrays)
    node.base.attributes.set("structure_link", link)
    return node


def _arrays(trajectory: orm.TrajectoryData) -> dict[str, NDArray[Any]]:
    """Return the arrays of a trajectory with our hartree and bohr in place of those of 2006, with which it was made."""
    from qe_tools import CONSTANTS  # type: ignore[import-untyped]

    arrays = {name: trajectory.get_array(name) for name in trajectory.get_arraynames()}
    energy = HARTREE / CONSTANTS.hartree_to_ev
    for name, factor in (("energy", energy), ("forces", energy * CONSTANTS.bohr_to_ang / BOHR)):
        if name in arrays:
            arrays[name] = factor * arrays[name]
    return arrays


def _converged(parameters: orm.Dict | None) -> bool | None:
    """Return what pw.x said about the last self-consistent field."""
    facts = parameters.get_dict() if parameters is not None else {}
    for key in ("convergence_info", "scf_conv", "convergence_achieved"):
        facts = facts.get(key) if isinstance(facts, dict) else None
    return facts if isinstance(facts, bool) else None


def _why_it_failed(facts: orm.Dict, retrieved: orm.FolderData | None) -> LabelProblem:
    """Return why a calculation failed: by its exit code, by what pw.x wrote as it stopped, or from outside."""
    status, message = facts["exit_status"], facts["exit_message"]
    if status in _REASONS:
        return LabelProblem(_REASONS[status], message)
    said = [read_error(text) for text in (_text(retrieved, CRASH), _text(retrieved, STDOUT)) if text is not None]
    for words in filter(None, said):
        return LabelProblem(LabelFailure.CALCULATOR, words)
    return LabelProblem(LabelFailure.NO_OUTPUT, message or "the calculation did not end")


def _stdout(retrieved: orm.FolderData | None) -> str:
    text = _text(retrieved, STDOUT)
    if text is None:
        raise OutputError(f"pw.x left no `{STDOUT}`")
    return text


def _text(retrieved: orm.FolderData | None, name: str) -> str | None:
    """Return one of the files that a job left."""
    if retrieved is None or name not in retrieved.base.repository.list_object_names():
        return None
    content: bytes = retrieved.base.repository.get_object_content(name, mode="rb")
    return content.decode(errors="replace")
