"""Compare a committee of models with labels.

In the folder: ``config.json`` with the fields of :class:`EvaluateConfig`; labelled frames in ``frames.npz``. Left
behind: ``evaluation.npz``, with one value per frame, and ``result.json``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..common.exceptions import InputError
from ..common.files import Column, write_arrays
from ..common.frames import Frames
from ..models import registry
from ..models.base import Potential
from ..models.metrics import Residuals, largest_force_error, residuals, summarise
from ..screening.deviation import max_force_deviation
from .config import build
from .files import read_config, read_frames, write_result

__all__ = ["COLUMNS", "EVALUATION", "RESULT_SHAPE", "EvaluateConfig", "columns", "main"]

EVALUATION = "evaluation.npz"
COLUMNS = {
    "part": "i",
    "frame": "i",
    "deviation": "f",
    "force_error_committee": "f",
    "force_error_driving": "f",
    "energy_error_committee": "f",
    "energy_error_driving": "f",
}
"""Arrays of ``evaluation.npz``, all with one value per frame, and the kind of their numbers."""
_ERRORS = {"mae": (float, None), "rmse": (float, None)}
_SUMMARY = {
    "energy": _ERRORS,
    "energy_after_offsets": _ERRORS,
    "forces": _ERRORS,
    "forces_by_element": {...: _ERRORS},
    "stress": (_ERRORS, None),
    "not_finite": int,
}
RESULT_SHAPE = {"frames": int, "models": [_SUMMARY], "committee": _SUMMARY}


@dataclass(frozen=True, kw_only=True)
class EvaluateConfig:
    """Configuration of the job.

    :ivar backend: import path of the back end.
    :ivar models: subfolders with the models, the driving one first.
    :ivar percentile: of the deviations of the atoms of a frame; 100 is the maximum.
    """

    backend: str
    models: Sequence[str]
    percentile: float = 100.0


def columns(n_frames: int) -> dict[str, Column]:
    """Return what the file must hold for so many frames."""
    return {name: Column((n_frames,), kind) for name, kind in COLUMNS.items()}


def main(folder: Path) -> None:
    """Evaluate every model of a committee, and their mean, on labelled frames.

    ``result.json`` holds the number of ``frames``, ``models`` (a list) and ``committee``, the latter two each with
    ``mae`` and ``rmse`` of ``energy`` (eV/atom), ``energy_after_offsets`` (of one per element), ``forces`` (eV/Å, over
    components), ``forces_by_element`` and ``stress`` (eV/Å³; null without stress labels), and ``not_finite``, the
    number of frames whose prediction is not finite: errors are null if there are any.

    ``evaluation.npz`` holds, per frame, ``part`` and ``frame`` (where it stands in the input), ``deviation`` (of the
    committee, eV/Å; NaN for a lone model), ``force_error_committee`` and ``force_error_driving`` (largest over the
    atoms, eV/Å), ``energy_error_committee`` and ``energy_error_driving`` (prediction minus label, eV/atom).

    :raises InputError: if there are no models or no labelled frames.
    """
    config = build(EvaluateConfig, read_config(folder), "config.json")
    parts = read_frames(folder, "frames")
    if not config.models or not any(len(part) for part in parts):
        raise InputError("evaluating needs at least one model and one labelled frame")
    backend = registry.load_path(config.backend)
    models: list[Potential] = [backend.load(folder / name) for name in config.models]
    predictions = [[model.predict(part) for model in models] for part in parts]
    members = [
        [residuals(row[k], part) for row, part in zip(predictions, parts, strict=True)] for k in range(len(models))
    ]
    committee = [residuals(_committee_mean(row), part) for row, part in zip(predictions, parts, strict=True)]
    write_arrays(folder / EVALUATION, _per_frame(predictions, members[0], committee, config.percentile))
    write_result(
        folder,
        {
            "frames": sum(len(part) for part in parts),
            "models": [_summary(member) for member in members],
            "committee": _summary(committee),
        },
        frames=parts,
    )


def _committee_mean(predictions: Sequence[Frames]) -> Frames:
    """Return the frames with the mean prediction of several models."""
    means = {
        name: np.mean([getattr(prediction, name) for prediction in predictions], axis=0)
        for name in ("energies", "forces", "stresses")
        if all(getattr(prediction, name) is not None for prediction in predictions)
    }
    return replace(predictions[0], **means)


def _per_frame(
    predictions: Sequence[Sequence[Frames]],
    driving: Sequence[Residuals],
    committee: Sequence[Residuals],
    percentile: float,
) -> dict[str, NDArray[np.generic]]:
    """Return the columns of ``evaluation.npz``."""
    sizes = [len(row[0]) for row in predictions]
    return {
        "part": np.repeat(np.arange(len(sizes)), sizes),
        "frame": np.concatenate([np.arange(size) for size in sizes]),
        "deviation": np.concatenate([_deviation(row, percentile) for row in predictions]),
        "force_error_committee": np.concatenate([largest_force_error(part.forces) for part in committee]),
        "force_error_driving": np.concatenate([largest_force_error(part.forces) for part in driving]),
        "energy_error_committee": np.concatenate([part.energy for part in committee]),
        "energy_error_driving": np.concatenate([part.energy for part in driving]),
    }


def _deviation(predictions: Sequence[Frames], percentile: float) -> NDArray[np.float64]:
    """Return the deviation of the forces of several models, eV/Å; of one alone nothing is known."""
    if len(predictions) == 1:
        return np.full(len(predictions[0]), np.nan)
    return max_force_deviation(np.array([prediction.forces for prediction in predictions]), percentile=percentile)


def _summary(parts: Sequence[Residuals]) -> dict[str, object]:
    """Return the errors of one predictor as JSON can hold them."""
    errors: dict[str, object] = _finite(summarise(parts))
    return {**errors, "not_finite": sum(part.n_not_finite for part in parts)}


def _finite(errors: Mapping[str, Any]) -> dict[str, Any]:
    """Return errors with null in the place of what is not finite."""
    plain: dict[str, Any] = {}
    for name, value in errors.items():
        if isinstance(value, Mapping):
            plain[name] = _finite(value)
        else:
            plain[name] = value if value is not None and math.isfinite(value) else None
    return plain
