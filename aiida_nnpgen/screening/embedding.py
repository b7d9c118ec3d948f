"""Place structures on a map of a few dimensions."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..common.exceptions import InputError
from .base import load_reducer
from .checks import check_matrix
from .reducers.pca import PcaReducer
from .selectors.farthest_point import farthest_point

__all__ = ["diverse_subset", "embed", "normalise"]

_SUBSET_DIMS = 8  # principal components in which diversity is measured: enough to tell structures apart, and fast


def embed(
    features: ArrayLike,
    method: str = "pca",
    n_dims: int = 2,
    seed: int = 0,
    fit_size: int | None = None,
    **keywords: object,
) -> NDArray[np.float64]:
    """Return coordinates of structures on a map.

    Candidates and the present dataset go in together, so that they share one map.

    :param features: one vector per structure, (n, d).
    :param method: registered reducer, such as ``pca``, ``tsne``, ``umap``, ``densmap``, or import path
        ``module:attribute``.
    :param n_dims: number of coordinates.
    :param seed: of every random choice of the reducer; equal seeds give equal maps.
    :param fit_size: fit the map to that many diverse structures only, and place the others on it; None: fit to all.
    :param keywords: of the reducer.
    :return: (n, n_dims).
    :raises InputError: if the features are not finite (the frame is named), or an option is wrong.
    """
    reducer = load_reducer(method, keywords)
    array = check_matrix(features, "features")
    if n_dims < 1:
        raise InputError(f"`n_dims` must be at least 1, not `{n_dims}`")
    if fit_size is not None and fit_size < 1:
        raise InputError(f"`fit_size` must be at least 1, not `{fit_size}`")
    if len(array) == 0:
        return np.empty((0, n_dims))
    if fit_size is None or fit_size >= len(array):
        points = reducer.fit_transform(array, n_dims, seed)
    else:
        fitted = diverse_subset(array, fit_size)
        rest = np.setdiff1d(np.arange(len(array)), fitted)
        points = np.empty((len(array), n_dims))
        points[fitted] = reducer.fit_transform(array[fitted], n_dims, seed)
        points[rest] = reducer.transform(array[rest])
    if not np.isfinite(points).all():
        row = int(np.argmin(np.isfinite(points).all(axis=1)))
        raise InputError(
            f"reducer `{method}` gives frame {row} the coordinates `{points[row]}`: try another, or a PCA first"
        )
    return points


def diverse_subset(features: ArrayLike, size: int) -> NDArray[np.int64]:
    """Return sorted indices of structures that lie far apart in their leading principal components.

    :param features: one vector per structure, (n, d).
    :param size: how many.
    """
    array = check_matrix(features, "features")
    if len(array) <= size:
        return np.arange(len(array), dtype=np.int64)
    return farthest_point(PcaReducer().fit_transform(array, min(_SUBSET_DIMS, array.shape[1]), 0), size)


def normalise(
    candidates: ArrayLike, dataset: ArrayLike, weights: ArrayLike | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return both sets with every axis scaled to [0, 1] over the two together, then multiplied by its weight.

    An axis along which nothing varies becomes zero.

    :param candidates: (n, k).
    :param dataset: (m, k).
    :param weights: of the axes, (k,); None: all 1.
    :raises InputError: if a value is not finite, the widths differ, or a weight is not positive.
    """
    first = check_matrix(candidates, "candidates")
    second = check_matrix(dataset, "dataset", first.shape[1])
    factors = np.ones(first.shape[1]) if weights is None else np.asarray(weights, dtype=np.float64)
    if factors.shape != (first.shape[1],):
        raise InputError(f"`weights` has shape {factors.shape}, expected ({first.shape[1]},)")
    if not (np.isfinite(factors) & (factors > 0)).all():
        raise InputError(f"`weights` must be positive, not `{factors}`")
    both = np.concatenate([first, second])
    if len(both) == 0:
        return first, second
    low, span = both.min(axis=0), np.ptp(both, axis=0)
    scale = np.where(span > 0, factors / np.where(span > 0, span, 1.0), 0.0)
    both = (both - low) * scale
    return both[: len(first)], both[len(first) :]
