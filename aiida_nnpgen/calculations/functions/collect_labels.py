"""Collect labels into one shard."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from aiida import orm
from aiida.engine import calcfunction

from ...common.dynamics import Conditions
from ...common.frames import Frames
from ...common.types import Split
from ...data import DatasetData, Origin
from ...data.labels import link_key, structure_link
from ...data.lineage import label_processes
from ...data.trajectory import trajectory_to_frames
from ...dft.label import LabelChecks, LabelFailure, check_label

__all__ = ["collect_labels", "draw_split"]

_PLANNED = "planned_"


@calcfunction
def collect_labels(settings: orm.Dict, record: orm.Dict | None = None, **nodes: Any) -> dict[str, Any]:
    """Return a shard of all labels that pass the checks, and a report with a reason for each that did not.

    :param settings: ``checks``, ``iteration``, ``validation_fraction`` and ``seed``, as the plan gives them; with
        ``skip``, that many frames at the start of each dynamics run are left out.
    :param record: per structure key, why the frame was chosen; none for molecular dynamics.
    :param nodes: ``labels_...``: trajectories with labels; ``failures_...``: reasons of frames that a job could not do,
        which do not count for those that another one could; ``planned_...``: what dynamics runs were told.
    :return: ``report`` and, if there is a label, ``dataset``. The yield is that of all frames that were asked for: what
        the record or a planned run names and nobody tells of has failed too, with the reason ``no_output``.
    """
    values = settings.get_dict()
    checks = LabelChecks(**values["checks"])
    failures: dict[str, Any] = {}
    reasons = record.get_dict() if record else {}
    for name, node in sorted(nodes.items()):
        if name.startswith("failures_"):
            failures.update(node.get_dict())
    parts: list[Frames] = []
    origins: list[Origin] = []
    for name, node in sorted(nodes.items()):
        if name.startswith("labels_"):
            first = values.get("skip", 0) if record is None else 0
            frames, good = _check(node, name, checks, failures, first)
            if good:
                parts.append(frames[good])
                origins += [_origin(node, name, row, values["iteration"], reasons) for row in good]
    labelled = {link_key(origin.structure) for origin in origins}
    failures = {key: facts for key, facts in failures.items() if key not in labelled}
    failures |= {
        key: _no_output("no job left a label or a reason") for key in sorted(set(reasons) - labelled - set(failures))
    }
    failures |= _missing_of_runs(nodes, failures, Counter(origin.label for origin in origins), values.get("skip", 0))
    report = _report(len(origins), failures)
    if not origins:
        return {"report": orm.Dict(report)}
    parts, origins = _by_composition(parts, origins)
    split = draw_split(len(origins), values["validation_fraction"], values["seed"])
    return {"dataset": DatasetData(parts, split, origins), "report": orm.Dict(report)}


def _check(
    node: orm.TrajectoryData, name: str, checks: LabelChecks, failures: dict[str, Any], first: int
) -> tuple[Frames, list[int]]:
    """Return the frames of a label node and the rows from ``first`` on that pass, adding the others to the failures."""
    frames, good, makers = trajectory_to_frames(node), [], label_processes(node)
    for row in range(first, len(frames)):
        stress = None if frames.stresses is None else frames.stresses[row]
        assert frames.energies is not None
        assert frames.forces is not None
        problem = check_label(float(frames.energies[row]), frames.forces[row], stress, frames.n_atoms, checks)
        if problem is None:
            good.append(row)
        else:
            key = link_key(structure_link(node, row)) or f"{name}_{row}"
            process = makers[row]
            failures[key] = {
                "reason": problem.reason.value,
                "detail": problem.detail,
                "label": name,
                "index": row,
                "process": process.uuid if process else None,
            }
    return frames, good


def _missing_of_runs(
    nodes: dict[str, Any], failures: dict[str, Any], labelled: Counter[str | None], skip: int
) -> dict[str, Any]:
    """Return one failure a dynamics run that gave fewer frames than planned.

    :param labelled: number of labels by the link of their node.
    :param skip: frames at the start of each run that are not wanted.
    """
    refused = Counter(facts.get("label") for facts in failures.values())
    missing = {}
    for name, node in sorted(nodes.items()):
        if name.startswith(_PLANNED):
            run = name.removeprefix(_PLANNED)
            conditions = Conditions(**node["conditions"])
            wanted = max(0, conditions.n_kept - skip)
            count = wanted - labelled[f"labels_{run}"] - refused[f"labels_{run}"]
            if count > 0:
                detail = f"{count} of {wanted} planned frames are missing"
                missing[run] = _no_output(detail) | {"frames": count}
    return missing


def _report(labelled: int, failures: dict[str, Any]) -> dict[str, Any]:
    """Return counts and the yield; a failure may stand for several frames."""
    counts: Counter[str] = Counter()
    for facts in failures.values():
        counts[str(facts["reason"])] += facts.get("frames", 1)
    total = labelled + counts.total()
    return {
        "labelled": labelled,
        "failed": counts.total(),
        "yield": labelled / total if total else 0.0,
        "failures": failures,
        "reasons": dict(counts),
    }


def _no_output(detail: str) -> dict[str, Any]:
    return {"reason": LabelFailure.NO_OUTPUT.value, "detail": detail, "process": None}


def _origin(node: orm.TrajectoryData, name: str, row: int, iteration: int, record: dict[str, Any]) -> Origin:
    link = structure_link(node, row)
    entry = record.get(link_key(link) or "", {})
    reason = entry.get("reason", "molecular dynamics with the reference method")
    return Origin(iteration=iteration, reason=reason, label=name, index=row, structure=link)


def _by_composition(parts: list[Frames], origins: list[Origin]) -> tuple[list[Frames], list[Origin]]:
    """Join parts of equal composition, and bring the origins into the same order."""
    groups: dict[bytes, list[int]] = {}
    for index, part in enumerate(parts):
        groups.setdefault(part.numbers.tobytes(), []).append(index)
    starts = np.cumsum([0, *(len(part) for part in parts)])
    ordered = [
        origin for group in groups.values() for index in group for origin in origins[starts[index] : starts[index + 1]]
    ]
    return [Frames.concatenate(parts[index] for index in group) for group in groups.values()], ordered


def draw_split(n_frames: int, fraction: float, seed: int) -> np.ndarray:
    """Draw the validation rows: the given share, rounded, but never all rows."""
    count = min(round(fraction * n_frames), n_frames - 1)
    split = np.full(n_frames, Split.TRAIN, dtype=np.int8)
    split[np.random.default_rng(seed).permutation(n_frames)[:count]] = Split.VALIDATION
    return split
