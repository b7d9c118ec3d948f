"""Nearest neighbours of points, with the distance up to which each list is known to be complete."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

__all__ = ["NeighbourLists", "nearest_squared", "squared_distances"]

_MARGIN = 1.0 - 1e-9  # wider than any rounding difference between the tree's distances and ours
_CHUNK = 1 << 16


def squared_distances(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return squared distances along the last axis, summed in the order of the axes.

    One formula everywhere makes ties exact: a sum whose order depends on the layout of memory would break them.
    """
    total = (first[..., 0] - second[..., 0]) ** 2
    for axis in range(1, first.shape[-1]):
        total += (first[..., axis] - second[..., axis]) ** 2
    return np.asarray(total)


@dataclass
class NeighbourLists:
    """Sorted neighbours of some points.

    :ivar indices: (n, k).
    :ivar squared: squared distances, ascending, (n, k).
    :ivar bound: below this squared distance the list misses nobody, (n,).
    """

    indices: NDArray[np.int32]
    squared: NDArray[np.float64]
    bound: NDArray[np.float64]

    @classmethod
    def empty(cls, n_points: int, width: int) -> NeighbourLists:
        """Return lists that know nothing yet."""
        return cls(
            indices=np.zeros((n_points, width), dtype=np.int32),
            squared=np.full((n_points, width), np.inf),
            bound=np.zeros(n_points),
        )

    @classmethod
    def query(
        cls, tree: cKDTree, members: NDArray[np.intp], points: NDArray[np.float64], rows: NDArray[np.intp], width: int
    ) -> NeighbourLists:
        """Return the lists of some rows of ``points``, each of which is a member of the tree itself.

        :param tree: tree over ``points[members]``, all different from one another.
        :param members: row in ``points`` of each point of the tree.
        :param points: (n, k).
        :param rows: rows in ``points`` whose neighbours are wanted.
        :param width: number of neighbours; fewer where the tree has fewer.
        """
        width = min(width, len(members) - 1)
        lists = cls.empty(len(rows), width)
        if width == 0:
            lists.bound[:] = np.inf
            return lists
        for start in range(0, len(rows), _CHUNK):
            part = slice(start, start + _CHUNK)
            found = members[tree.query(points[rows[part]], k=width + 1)[1][:, 1:]]
            squared = squared_distances(points[rows[part]][:, None, :], points[found])
            if (np.diff(squared, axis=1) < 0).any():
                order = np.argsort(squared, axis=1, kind="stable")
                found, squared = np.take_along_axis(found, order, 1), np.take_along_axis(squared, order, 1)
            lists.indices[part], lists.squared[part] = found, squared
        complete = width == len(members) - 1
        lists.bound[:] = np.inf if complete else lists.squared[:, -1] * _MARGIN
        return lists

    def update(self, rows: NDArray[np.intp], lists: NeighbourLists) -> None:
        """Replace some rows; missing columns become neighbours at infinity."""
        width = lists.indices.shape[1]
        self.indices[rows, :width] = lists.indices
        self.squared[rows, :width] = lists.squared
        self.squared[rows, width:] = np.inf
        self.bound[rows] = lists.bound


def nearest_squared(points: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the squared distance of each point to the nearest of other points; infinity if there are none.

    The tree's own rounding may prefer another of two nearly equidistant neighbours: all within the margin are compared.
    """
    result = np.full(len(points), np.inf)
    if len(others) == 0:
        return result
    others = np.unique(others, axis=0)
    tree = cKDTree(others)
    pending, width = np.arange(len(points)), 2
    while len(pending):
        width = min(width, len(others))
        undecided = []
        for start in range(0, len(pending), _CHUNK):
            rows = pending[start : start + _CHUNK]
            found = tree.query(points[rows], k=[*range(1, width + 1)])[1]
            squared = squared_distances(points[rows][:, None, :], others[found])
            result[rows] = squared.min(axis=1)
            undecided.append(rows[squared[:, -1] * _MARGIN <= result[rows]])
        pending = np.concatenate(undecided) if width < len(others) else pending[:0]
        width *= 4
    return result
