"""Measure how far a committee disagrees about frames that have no labels.

In the folder: ``config.json`` with the fields of :class:`DeviationConfig`; frames in ``frames.npz``. Left behind:
``deviation.npz`` with ``force_0`` (eV/Å), ``energy_0`` (eV/atom), ``stress_0`` (eV/Å³) and so on, one value per
frame of each set, and ``result.json``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..common.exceptions import InputError
from ..common.files import Column, write_arrays
from ..common.frames import Frames
from ..models import registry
from ..models.base import Potential
from ..screening.deviation import energy_deviation, max_force_deviation, stress_deviation
from .config import build
from .files import read_config, read_frames, write_result

__all__ = ["DEVIATION", "QUANTITIES", "RESULT_SHAPE", "DeviationConfig", "columns", "main"]

DEVIATION = "deviation.npz"
RESULT_SHAPE = {"frames": int}
QUANTITIES = ("force", "energy", "stress")


@dataclass(frozen=True, kw_only=True)
class DeviationConfig:
    """Configuration of the job.

    :ivar backend: import path of the back end.
    :ivar models: subfolders with the models.
    :ivar percentile: of the deviations of the atoms of a frame; 100 is the maximum.
    """

    backend: str
    models: Sequence[str]
    percentile: float = 100.0


def columns(sizes: Sequence[int]) -> Mapping[str, Column]:
    """Return what the file of deviations must hold for sets of so many frames."""
    return {f"{name}_{index}": Column((size,)) for index, size in enumerate(sizes) for name in QUANTITIES}


def main(folder: Path) -> None:
    """Evaluate every model of a committee on all frames, and leave the deviations.

    :raises InputError: if there are fewer than two models, or no frames.
    """
    config = build(DeviationConfig, read_config(folder), "config.json")
    parts = read_frames(folder, "frames")
    if len(config.models) < 2 or not parts:
        raise InputError("a deviation needs at least two models and one set of frames")
    backend = registry.load_path(config.backend)
    models: list[Potential] = [backend.load(folder / name) for name in config.models]
    arrays: dict[str, object] = {}
    for index, part in enumerate(parts):
        predictions = [model.predict(part) for model in models]
        forces, energies, stresses = (
            np.array([getattr(prediction, name) for prediction in predictions])
            for name in ("forces", "energies", "stresses")
        )
        arrays[f"force_{index}"] = max_force_deviation(forces, percentile=config.percentile)
        arrays[f"energy_{index}"] = energy_deviation(energies, part.n_atoms)
        arrays[f"stress_{index}"] = _stress(stresses, part)
    write_arrays(folder / DEVIATION, arrays)
    write_result(folder, {"frames": sum(len(part) for part in parts)}, frames=parts)


def _stress(stresses: np.ndarray, part: Frames) -> np.ndarray:
    """Return the stress deviation; NaN where an architecture predicts no stress."""
    if stresses.dtype == object:
        return np.full(len(part), np.nan)
    return stress_deviation(stresses)
