"""Collect labels into one shard."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from aiida import orm
from aiida.engine import calcfunction

from ...common.frames import Frames
from ...common.types import Split
from ...data import DatasetData, Origin
from ...data.labels import link_key, structure_link
from ...data.lineage import label_processes
from ...data.trajectory import trajectory_to_frames
from ...dft.label import LabelChecks, check_label

__all__ = ["collect_labels", "draw_split"]


@calcfunction
def collect_labels(settings: orm.Dict, record: orm.Dict | None = None, **nodes: Any) -> dict[str, Any]:
    """Return a shard of all labels that pass the checks, and a report with a reason for each that did not.

    :param settings: ``checks``, ``iteration``, ``validation_fraction`` and ``seed``, as the plan gives them; with
        ``skip``, that many frames at the start of each dynamics run are left out.
    :param record: per structure key, why the frame was chosen; none for molecular dynamics.
    :param nodes: ``labels_...``: trajectories with labels; ``failures_...``: reasons of frames that a job could not do,
        which do not count for those that another one could.
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
    total = len(origins) + len(failures)
    report = {
        "labelled": len(origins),
        "failed": len(failures),
        "yield": len(origins) / total if total else 0.0,
        "failures": failures,
        "reasons": dict(Counter(str(item["reason"]) for item in failures.values())),
    }
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
