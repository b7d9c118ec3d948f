"""Choose points far from one another, one by one."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..checks import check_count, check_points
from ..neighbours import nearest_squared, squared_distances

__all__ = ["farthest_point"]


def farthest_point(points: ArrayLike, n_max: int, fixed: ArrayLike | None = None) -> NDArray[np.int64]:
    """Return the points that farthest-point sampling takes.

    Each point taken is the one farthest from all taken before and from the fixed points; on a tie, the lowest index.
    Without fixed points the first is the one farthest from the mean. O(n n_max) time.

    :param points: coordinates, (n, k).
    :param n_max: how many to take; all if there are no more.
    :param fixed: coordinates of points that are there already, (m, k), or None.
    :return: sorted indices.
    :raises InputError: if ``n_max`` is not positive, or a coordinate is not finite (the frame is named).
    """
    keep = check_count(n_max)
    candidates, others = check_points(points, fixed)
    if len(candidates) <= keep:
        return np.arange(len(candidates), dtype=np.int64)
    if len(others):
        distance = nearest_squared(candidates, others)
        chosen = int(distance.argmax())
    else:
        chosen = int(squared_distances(candidates, candidates.mean(axis=0)).argmax())
        distance = np.full(len(candidates), np.inf)
    taken = np.zeros(len(candidates), dtype=bool)
    for _ in range(keep):
        taken[chosen] = True
        np.minimum(distance, squared_distances(candidates, candidates[chosen]), out=distance)
        distance[chosen] = -1.0  # not again, even where all that is left coincides with something taken
        chosen = int(distance.argmax())
    return np.flatnonzero(taken).astype(np.int64)
