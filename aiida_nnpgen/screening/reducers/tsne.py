"""t-distributed stochastic neighbour embedding (t-SNE)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...common.exceptions import InputError
from .pca import PcaReducer

__all__ = ["TsneReducer"]

_FEWEST = 10  # below, a neighbour graph says nothing: the few frames are laid out linearly
_PLACING_PERPLEXITY = 5.0  # a new point is placed by a few neighbours, as openTSNE does by default


class TsneReducer:
    """Lay out neighbourhood probabilities (van der Maaten and Hinton, JMLR 2008), as openTSNE does it.

    Starts from principal components and runs on one thread. A set of fewer than ten frames is projected linearly (PCA);
    the perplexity is lowered to a third of the frames where there are few.

    :param perplexity: effective number of neighbours.
    :param metric: distance between features.
    :param n_iter: steps after the early exaggeration.
    """

    def __init__(self, *, perplexity: float = 30.0, metric: str = "euclidean", n_iter: int = 500) -> None:
        self.perplexity = perplexity
        self.metric = metric
        self.n_iter = n_iter

    def fit_transform(self, features: NDArray[np.float64], n_dims: int, seed: int) -> NDArray[np.float64]:
        """Fit to features, (n, d), and return their coordinates, (n, n_dims)."""
        if not self.perplexity > 1:
            raise InputError(f"`perplexity` must exceed 1, not `{self.perplexity}`")
        self._n_dims = n_dims
        if len(features) < _FEWEST:
            self._map: Any = PcaReducer()
            return np.asarray(self._map.fit_transform(features, n_dims, seed))
        from openTSNE import TSNE

        method = TSNE(
            n_components=n_dims,
            perplexity=min(self.perplexity, (len(features) - 1) / 3),
            metric=self.metric,
            n_iter=self.n_iter,
            initialization=_start(features, n_dims, seed),
            negative_gradient_method="fft" if n_dims < 3 and len(features) > 5000 else "bh",
            random_state=seed,
            n_jobs=1,
        )
        self._map = method.fit(features)
        return np.array(self._map, dtype=np.float64)

    def transform(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return coordinates of further features, (m, n_dims), placed against the fitted ones, which stay."""
        if len(features) == 0:
            return np.empty((0, self._n_dims))
        if isinstance(self._map, PcaReducer):
            return self._map.transform(features)
        perplexity = min(_PLACING_PERPLEXITY, (len(self._map) - 1) / 3)
        return np.array(self._map.transform(features, perplexity=perplexity), dtype=np.float64)


def _start(features: NDArray[np.float64], n_dims: int, seed: int) -> NDArray[np.float64]:
    """Return principal components of the small size from which t-SNE starts well (Kobak and Berens, 2019)."""
    points = PcaReducer().fit_transform(features, n_dims, seed)
    noise = np.random.default_rng(seed).normal(scale=1e-6, size=points.shape)  # coinciding points must be able to part
    return np.asarray(points / (points[:, 0].std() or 1.0) * 1e-4 + noise)
