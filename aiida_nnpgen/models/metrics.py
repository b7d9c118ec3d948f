"""Errors of predictions against labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..common.exceptions import InputError
from ..common.frames import Frames

__all__ = ["Residuals", "largest_force_error", "mae", "residuals", "rmse", "summarise"]


@dataclass(frozen=True, kw_only=True)
class Residuals:
    """Prediction minus label.

    :ivar energy: eV/atom, (n_frames,).
    :ivar forces: eV/Å, (n_frames, n_atoms, 3).
    :ivar stress: eV/Å³, (n_frames with a stress label, 6).
    :ivar n_not_finite: frames whose prediction is not finite where there is a label.
    """

    energy: NDArray[np.float64]
    forces: NDArray[np.float64]
    stress: NDArray[np.float64]
    n_not_finite: int = 0


def mae(values: NDArray[np.float64]) -> float:
    """Return the mean absolute value; NaN where there is none."""
    return float(np.mean(np.abs(values))) if values.size else float("nan")


def rmse(values: NDArray[np.float64]) -> float:
    """Return the root of the mean square; NaN where there is none."""
    return float(np.sqrt(np.mean(np.square(values)))) if values.size else float("nan")


def residuals(predicted: Frames, reference: Frames) -> Residuals:
    """Subtract labels from predictions of the same frames.

    :raises InputError: if either lacks energies or forces, or they are not the same frames.
    """
    if predicted.positions.shape != reference.positions.shape:
        shapes = f"{predicted.positions.shape} and {reference.positions.shape}"
        raise InputError(f"predictions and labels belong to different frames: positions of shape `{shapes}`")
    if predicted.energies is None or predicted.forces is None:
        raise InputError("the predictions lack energies or forces")
    if reference.energies is None or reference.forces is None:
        raise InputError("the labels lack energies or forces")
    stress = np.zeros((0, 6))
    finite = np.isfinite(predicted.energies) & np.isfinite(predicted.forces).all(axis=(1, 2))
    if predicted.stresses is not None and reference.stresses is not None:
        # A row of NaN says that the frame has no stress label.
        labelled = ~np.isnan(reference.stresses).any(axis=1)
        stress = (predicted.stresses - reference.stresses)[labelled]
        finite &= np.isfinite(predicted.stresses).all(axis=1) | ~labelled
    return Residuals(
        energy=(predicted.energies - reference.energies) / reference.n_atoms,
        forces=predicted.forces - reference.forces,
        stress=stress,
        n_not_finite=int(np.sum(~finite)),
    )


def largest_force_error(forces: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the largest norm over the atoms of each frame.

    :param forces: force residuals in eV/Å, (n_frames, n_atoms, 3).
    :return: eV/Å, (n_frames,).
    """
    norms: NDArray[np.float64] = np.linalg.norm(forces, axis=2).max(axis=1)
    return norms


def summarise(parts: Sequence[Residuals]) -> dict[str, dict[str, float] | None]:
    """Return MAE and RMSE over frames of one or several compositions.

    Forces and stresses are averaged over components, energies over frames.

    :return: ``mae`` and ``rmse`` of ``energy`` (eV/atom), ``forces`` (eV/Å) and ``stress`` (eV/Å³); None where there
        is nothing to compare.
    """
    summary: dict[str, dict[str, float] | None] = {}
    for name in ("energy", "forces", "stress"):
        values = np.concatenate([getattr(part, name).ravel() for part in parts]) if parts else np.zeros(0)
        summary[name] = {"mae": mae(values), "rmse": rmse(values)} if values.size else None
    return summary
