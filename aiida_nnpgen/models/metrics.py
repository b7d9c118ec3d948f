"""Errors of predictions against labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase.data import chemical_symbols
from numpy.typing import NDArray

from ..common.exceptions import InputError
from ..common.frames import Frames

__all__ = ["Residuals", "largest_force_error", "mae", "residuals", "rmse", "summarise"]


@dataclass(frozen=True, kw_only=True)
class Residuals:
    """Prediction minus label.

    :ivar numbers: atomic numbers, (n_atoms,).
    :ivar energy: eV/atom, (n_frames,).
    :ivar forces: eV/Å, (n_frames, n_atoms, 3).
    :ivar stress: eV/Å³, (n_frames with a stress label, 6).
    :ivar n_not_finite: frames whose prediction is not finite where there is a label.
    """

    numbers: NDArray[np.int64]
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
        numbers=reference.numbers,
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


def summarise(parts: Sequence[Residuals]) -> dict[str, Any]:
    """Return MAE and RMSE over frames of one or several compositions.

    Forces and stresses are averaged over components, energies over frames.

    :return: ``mae`` and ``rmse`` of ``energy`` (eV/atom), ``energy_after_offsets`` (the same after a fit of one offset
        per element, which no dynamics feels), ``forces`` (eV/Å) and ``stress`` (eV/Å³); None where there is nothing to
        compare. ``forces_by_element`` has those of the forces for each chemical symbol.
    """
    columns = {name: _joined([getattr(part, name) for part in parts]) for name in ("energy", "forces", "stress")}
    columns["energy_after_offsets"] = _after_offsets(parts)
    elements = sorted({int(number) for part in parts for number in part.numbers})
    by_element = {
        chemical_symbols[number]: _joined([part.forces[:, part.numbers == number] for part in parts])
        for number in elements
    }
    return {
        **{name: _errors(values) for name, values in columns.items()},
        "forces_by_element": {symbol: _errors(values) for symbol, values in by_element.items()},
    }


def _joined(arrays: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    return np.concatenate([array.ravel() for array in arrays]) if arrays else np.zeros(0)


def _errors(values: NDArray[np.float64]) -> dict[str, float] | None:
    return {"mae": mae(values), "rmse": rmse(values)} if values.size else None


def _after_offsets(parts: Sequence[Residuals]) -> NDArray[np.float64]:
    """Return the residuals of the energy in eV/atom after a fit of one offset per element.

    Where compositions do not tell the offsets apart, they are those of the least norm, and the residuals the same.
    """
    elements = np.unique(np.concatenate([part.numbers for part in parts])) if parts else np.zeros(0, dtype=int)
    shares = [np.tile([(part.numbers == each).mean() for each in elements], (len(part.energy), 1)) for part in parts]
    energies = _joined([part.energy for part in parts])
    if not energies.size or not np.isfinite(energies).all():
        return energies
    matrix = np.concatenate(shares)
    return np.asarray(energies - matrix @ np.linalg.lstsq(matrix, energies, rcond=None)[0])
