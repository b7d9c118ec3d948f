"""Find what is there more than once, in time that grows with the number of items, however many of them are equal."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
from numpy.typing import NDArray

__all__ = ["find_twins"]

_MAX_DIMENSIONS = 3  # of the grid: enough to keep items apart that differ, and eight cells to look into


def find_twins(
    keys: NDArray[np.float64], radius: float, first_twin: Callable[[int, list[int]], int | None]
) -> dict[int, int]:
    """Return, per item that equals an earlier one, the earliest of these; items in between are no twins of anything.

    Each item is compared with those only that are kept and lie in the same or a neighbouring cell of a grid.

    :param keys: a few numbers per item, (n, k).
    :param radius: largest Euclidean distance of the keys of equal items.
    :param first_twin: gives, for an item and others in ascending order, the first of the others that equals it.
    """
    directions = np.linalg.qr(np.random.default_rng(0).normal(size=(keys.shape[1], _MAX_DIMENSIONS)))[0]
    # An interval of two radii meets two cells of that width at most.
    places = keys @ directions / (2 * radius)
    lowest, own = np.floor(places - 0.5).astype(np.int64), np.floor(places).astype(np.int64)
    corners = np.array(list(product((0, 1), repeat=places.shape[1])))
    grid: dict[tuple[int, ...], list[int]] = {}
    twins: dict[int, int] = {}
    for row in range(len(keys)):
        near = sorted(other for cell in (lowest[row] + corners).tolist() for other in grid.get(tuple(cell), ()))
        if near:
            close = np.linalg.norm(keys[near] - keys[row], axis=1) <= radius
            near = np.asarray(near)[close].tolist()
        twin = first_twin(row, near) if near else None
        if twin is not None:
            twins[row] = twin
        else:
            grid.setdefault(tuple(own[row].tolist()), []).append(row)
    return twins
