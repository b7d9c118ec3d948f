"""Choose points by chance: what every other selector must beat."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..checks import check_count, check_points

__all__ = ["random_choice"]


def random_choice(points: ArrayLike, n_max: int, fixed: ArrayLike | None = None, *, seed: int = 0) -> NDArray[np.int64]:
    """Return points drawn without replacement, all equally likely.

    :param points: coordinates, (n, k); only their number matters.
    :param n_max: how many to draw; all if there are no more.
    :param fixed: checked as for every selector, without effect on the draw.
    :param seed: of the draw.
    :return: sorted indices.
    :raises InputError: if ``n_max`` is not positive, or a coordinate is not finite (the frame is named).
    """
    keep = check_count(n_max)
    n_points = len(check_points(points, fixed)[0])
    drawn = np.random.default_rng(seed).choice(n_points, size=min(keep, n_points), replace=False)
    return np.sort(drawn).astype(np.int64)
