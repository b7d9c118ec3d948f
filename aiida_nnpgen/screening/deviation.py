"""How far the members of a committee of models disagree."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..common.exceptions import InputError

__all__ = ["energy_deviation", "max_force_deviation", "stress_deviation"]


def max_force_deviation(forces: ArrayLike, *, percentile: float = 100.0) -> NDArray[np.float64]:
    """Return the force deviation of each frame.

    The deviation of atom i is sqrt( mean over models k of || F_i^k - mean_k F_i ||^2 ); a frame has that of its worst
    atom (Zhang et al., Phys. Rev. Mater. 3, 023804 (2019); DeePMD-kit's ``max_devi_f``).

    :param forces: of every model, eV/Å, (n_models, n_frames, n_atoms, 3).
    :param percentile: of the deviations of the atoms of a frame; below 100, isolated spikes do not count.
    :return: eV/Å, (n_frames,); NaN where a force is not finite.
    :raises InputError: if the shape is another, or there are fewer than two models.
    """
    array = _committee(forces, "forces", 4)
    if array.shape[2] == 0 or array.shape[3] != 3:
        raise InputError(f"`forces` has shape {array.shape}, expected (n_models, n_frames, n_atoms, 3)")
    if not 0 < percentile <= 100:
        raise InputError(f"`percentile` must lie above 0 and not above 100, not `{percentile}`")
    with np.errstate(invalid="ignore", over="ignore"):
        per_atom = np.sqrt(((array - array.mean(axis=0)) ** 2).sum(axis=-1).mean(axis=0))
        result = per_atom.max(axis=1) if percentile == 100 else np.percentile(per_atom, percentile, axis=1)
    finite = np.isfinite(per_atom).all(axis=1)
    return np.where(finite, result, np.nan)


def energy_deviation(energies: ArrayLike, n_atoms: int | ArrayLike) -> NDArray[np.float64]:
    """Return the standard deviation of the energy per atom over the models.

    :param energies: of every model, eV, (n_models, n_frames).
    :param n_atoms: atoms of each frame, one number or (n_frames,).
    :return: eV per atom, (n_frames,).
    :raises InputError: if the shape is another, or there are fewer than two models.
    """
    array = _committee(energies, "energies", 2)
    counts = np.asarray(n_atoms, dtype=np.float64)
    if counts.ndim and counts.shape != array.shape[1:]:
        raise InputError(f"`n_atoms` has shape {counts.shape}, expected ({array.shape[1]},)")
    if (counts <= 0).any():
        raise InputError(f"`n_atoms` must be positive, not `{counts.min():g}`")
    with np.errstate(invalid="ignore", over="ignore"):
        return np.asarray(array.std(axis=0) / counts)


def stress_deviation(stresses: ArrayLike) -> NDArray[np.float64]:
    """Return the largest standard deviation over the models among the six stress components.

    :param stresses: of every model, eV/Å³, (n_models, n_frames, 6).
    :return: eV/Å³, (n_frames,); NaN where a model has no stress.
    :raises InputError: if the shape is another, or there are fewer than two models.
    """
    array = _committee(stresses, "stresses", 3)
    if array.shape[2] != 6:
        raise InputError(f"`stresses` has shape {array.shape}, expected (n_models, n_frames, 6)")
    with np.errstate(invalid="ignore", over="ignore"):
        return np.asarray(array.std(axis=0).max(axis=1))


def _committee(values: ArrayLike, name: str, n_axes: int) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != n_axes:
        raise InputError(f"`{name}` has shape {array.shape}, expected {n_axes} axes, the first of them the models")
    if len(array) < 2:
        raise InputError(f"a deviation needs at least two models, `{name}` has {len(array)}")
    return array
