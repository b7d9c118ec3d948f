"""One vector per structure from the features of its atoms."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase.data import atomic_numbers
from numpy.typing import ArrayLike, NDArray

from ..common.exceptions import InputError

__all__ = ["REDUCTIONS", "element_numbers", "reduce_descriptors"]

REDUCTIONS = ("mean", "mean_per_element", "both")
"""How features of atoms become features of a structure."""


def reduce_descriptors(
    descriptors: ArrayLike, numbers: ArrayLike, *, reduction: str = "mean", elements: Sequence[str] | None = None
) -> NDArray[np.float64]:
    """Return one feature vector per structure.

    ``mean`` is the mean over all atoms; ``mean_per_element`` the means over the atoms of each element, side by side in
    the order of ``elements``; ``both`` the first followed by the second. An element that is absent gives zeros, so that
    structures of different composition share one space.

    :param descriptors: features of atoms, (n_frames, n_atoms, n_features).
    :param numbers: atomic numbers, (n_atoms,).
    :param reduction: one of :data:`REDUCTIONS`.
    :param elements: chemical symbols; needed for all but ``mean``.
    :return: (n_frames, n_features), times the number of elements, or of elements and one.
    :raises InputError: if a shape, the reduction or an element is wrong, or a feature is not finite.
    """
    array = np.asarray(descriptors, dtype=np.float64)
    species = np.asarray(numbers, dtype=np.int64)
    if array.ndim != 3 or array.shape[1:2] != species.shape or len(species) == 0:
        raise InputError(f"`descriptors` has shape {array.shape}, expected (n_frames, {len(species)}, n_features)")
    if reduction not in REDUCTIONS:
        raise InputError(f"`{reduction}` is no reduction of features: choose one of {', '.join(REDUCTIONS)}")
    finite = np.isfinite(array).all(axis=(1, 2))
    if not finite.all():
        raise InputError(f"a descriptor of frame {int(np.argmin(finite))} is not finite")
    parts = [array.mean(axis=1)] if reduction in ("mean", "both") else []
    if reduction != "mean":
        parts += _means_per_element(array, species, element_numbers(elements))
    return np.concatenate(parts, axis=1)


def element_numbers(elements: Sequence[str] | None) -> list[int]:
    """Return the atomic numbers of chemical symbols.

    :raises InputError: if there are none, or one is no element.
    """
    if not elements:
        raise InputError("`elements` must name the elements whose features are averaged one by one")
    unknown = [name for name in elements if not isinstance(name, str) or name not in atomic_numbers or name == "X"]
    if unknown:
        raise InputError(f"`{unknown[0]}` is no chemical element")
    return [atomic_numbers[symbol] for symbol in elements]


def _means_per_element(
    array: NDArray[np.float64], species: NDArray[np.int64], elements: Sequence[int]
) -> list[NDArray[np.float64]]:
    other = set(species.tolist()) - set(elements)
    if other:
        raise InputError(f"atomic number `{min(other)}` is not among the elements `{list(elements)}`")
    zeros = np.zeros((array.shape[0], array.shape[2]))
    return [array[:, species == number].mean(axis=1) if number in species else zeros for number in elements]
