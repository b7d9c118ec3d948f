"""Uniform manifold approximation (UMAP) and its density-preserving kind (densMAP)."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...common.exceptions import InputError
from .pca import PcaReducer

__all__ = ["DensmapReducer", "UmapReducer"]

_FEWEST = 10  # below, a neighbour graph says nothing: the few frames are laid out linearly


class UmapReducer:
    """Lay out the graph of nearest neighbours (McInnes, Healy and Melville, arXiv:1802.03426).

    Runs on one thread: otherwise equal seeds would give different maps. A set of fewer than ten frames is projected
    linearly (PCA); with fewer frames than neighbours, all of them are neighbours.

    :param n_neighbors: size of the neighbourhood that counts as local.
    :param min_dist: smallest distance of points in the map.
    :param metric: distance between features.
    :param n_epochs: steps of the layout; None: 500 for small sets, 200 for large ones.
    """

    def __init__(
        self, *, n_neighbors: int = 15, min_dist: float = 0.1, metric: str = "euclidean", n_epochs: int | None = None
    ) -> None:
        self.n_neighbors = n_neighbors
        self.min_dist = min_dist
        self.metric = metric
        self.n_epochs = n_epochs

    def fit_transform(self, features: NDArray[np.float64], n_dims: int, seed: int) -> NDArray[np.float64]:
        """Fit to features, (n, d), and return their coordinates, (n, n_dims)."""
        self._check()
        if len(features) < max(_FEWEST, n_dims + 2):
            self._map: Any = PcaReducer()
            return np.asarray(self._map.fit_transform(features, n_dims, seed))
        from umap import UMAP

        self._map = UMAP(
            n_components=n_dims,
            n_neighbors=min(self.n_neighbors, len(features) - 1),
            min_dist=self.min_dist,
            metric=self.metric,
            n_epochs=self.n_epochs,
            init="spectral" if len(features) > 4 * n_dims + 8 else "random",
            random_state=seed,
            transform_seed=seed,
            n_jobs=1,
            **self._density(),
        )
        return np.asarray(self._quiet("fit_transform", features), dtype=np.float64)

    def transform(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return coordinates of further features, (m, n_dims), placed around their nearest fitted neighbours."""
        if len(features) == 0 or isinstance(self._map, PcaReducer):
            return self._map.transform(features) if len(features) else np.empty((0, self._n_dims()))
        return np.asarray(self._quiet("transform", features), dtype=np.float64)

    def _check(self) -> None:
        if self.n_neighbors < 2:
            raise InputError(f"`n_neighbors` must be at least 2, not `{self.n_neighbors}`")
        if not self.min_dist >= 0:
            raise InputError(f"`min_dist` must not be negative, not `{self.min_dist}`")

    def _density(self) -> dict[str, object]:
        return {}

    def _n_dims(self) -> int:
        return int(self._map.n_components)

    def _quiet(self, verb: str, features: NDArray[np.float64]) -> object:
        """Run without the warnings that tell what is done here on purpose (one thread) or harmless (few points)."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return getattr(self._map, verb)(features)


class DensmapReducer(UmapReducer):
    """Lay out the neighbour graph and keep local densities (Narayan, Berger and Cho, Nat. Biotechnol. 39, 765 (2021)).

    The density term is defined for the set that is fitted. Further points are placed as UMAP does it, around their
    nearest fitted neighbours, whose positions carry the density; the term itself does not act on the new points.

    :param n_neighbors: as in :class:`UmapReducer`; densities need more of them.
    :param min_dist: as in :class:`UmapReducer`.
    :param metric: as in :class:`UmapReducer`.
    :param n_epochs: as in :class:`UmapReducer`.
    :param dens_lambda: weight of the density term.
    :param dens_frac: share of the last steps in which it acts.
    """

    def __init__(
        self,
        *,
        n_neighbors: int = 30,
        min_dist: float = 0.1,
        metric: str = "euclidean",
        n_epochs: int | None = None,
        dens_lambda: float = 2.0,
        dens_frac: float = 0.3,
    ) -> None:
        super().__init__(n_neighbors=n_neighbors, min_dist=min_dist, metric=metric, n_epochs=n_epochs)
        self.dens_lambda = dens_lambda
        self.dens_frac = dens_frac

    def transform(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return coordinates of further features, (m, n_dims), placed around their nearest fitted neighbours."""
        if not isinstance(self._map, PcaReducer):
            self._map.densmap = False  # umap-learn refuses new points while this is set
        return super().transform(features)

    def _density(self) -> dict[str, object]:
        return {"densmap": True, "dens_lambda": self.dens_lambda, "dens_frac": self.dens_frac}
