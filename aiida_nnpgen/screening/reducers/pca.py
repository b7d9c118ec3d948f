"""Principal component analysis."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["PcaReducer"]


class PcaReducer:
    """Project on the directions of largest variance.

    Deterministic: the largest component of every direction is positive. Directions that the data do not have, for want
    of frames or of features, give coordinates of zero.
    """

    def fit_transform(self, features: NDArray[np.float64], n_dims: int, seed: int) -> NDArray[np.float64]:
        """Fit to features, (n, d), and return their coordinates, (n, n_dims); the seed has no effect."""
        n_frames, n_features = features.shape
        self._mean = features.mean(axis=0) if n_frames else np.zeros(n_features)
        centred = features - self._mean
        if n_frames > n_features:
            _, vectors = np.linalg.eigh(centred.T @ centred)
            directions = vectors.T[::-1][:n_dims]
        else:
            directions = np.linalg.svd(centred, full_matrices=False)[2][:n_dims]
        largest = np.abs(directions).argmax(axis=1) if n_features else np.zeros(0, dtype=np.intp)
        signs = np.sign(directions[np.arange(len(directions)), largest])
        self._directions = np.zeros((n_dims, n_features))
        self._directions[: len(directions)] = directions * signs[:, None]
        return self.transform(features)

    def transform(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return coordinates of further features, (m, n_dims)."""
        return np.asarray((features - self._mean) @ self._directions.T)
