"""Thin a cloud of points by removing one of the closest pair, again and again.

Distances never change, so the closest pair never gets closer: the removals happen in ascending order of pairs, and the
loop over "the closest pair now" is one walk through all pairs in that order which skips those with a removed end. The
walk goes in rounds. Each takes the neighbour lists of the points still there, is exact up to the distance at which the
first list ends, and leaves fewer points for the next. Removed points leave the survivors at least that distance apart,
which bounds how many neighbours can lie near: a few lists per point in all, hence O(n log n) time and O(n) memory.

Order of pairs: by squared distance, then by the lower and by the higher index. Fixed points come after all candidates.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from ..checks import check_count, check_points
from ..neighbours import NeighbourLists, nearest_squared

__all__ = ["thin"]

_SHORT = 0.005  # share of points whose lists may end before a round does; they get wide lists for that round
_WIDER = 4  # how much wider
_BLOCK = 1 << 15  # points or pairs at a time, which bounds the memory


def thin(points: ArrayLike, n_max: int, fixed: ArrayLike | None = None) -> NDArray[np.int64]:
    """Return which candidates to keep so that they, and the fixed points, lie far apart.

    Repeatedly take the closest pair that holds at least one candidate; on ties the one with the lowest indices, fixed
    points counted after the candidates. If one of the two is fixed the candidate goes; otherwise the one whose nearest
    other neighbour, candidate or fixed, is closer goes, and on a tie the higher index. Stop when ``n_max`` are left.

    :param points: normalised coordinates of the candidates, (n, k).
    :param n_max: number of candidates to keep; all are kept if there are no more.
    :param fixed: normalised coordinates of the points that are there already, (m, k), or None.
    :return: sorted indices of the kept candidates.
    :raises InputError: if ``n_max`` is not positive, or a coordinate is not finite (the frame is named).
    """
    keep = check_count(n_max)
    candidates, others = check_points(points, fixed)
    surplus = len(candidates) - keep
    if surplus <= 0:
        return np.arange(len(candidates), dtype=np.int64)
    to_fixed = nearest_squared(candidates, others)
    alive = np.ones(len(candidates), dtype=bool)
    alive[_coinciding(candidates, to_fixed)[:surplus]] = False
    different = np.flatnonzero(alive)
    if len(different) > keep:
        walk = _Walk(candidates[different], to_fixed[different])
        different = different[walk.run(keep)]
    return different.astype(np.int64)


def _coinciding(points: NDArray[np.float64], to_fixed: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the candidates that go at distance zero, in order.

    Coinciding points have equal distances to everything, so the higher index always goes, until the lowest is left;
    this one goes, after them, if a fixed point is there too.
    """
    order = np.lexsort(points.T[::-1])
    new = np.ones(len(order), dtype=bool)
    new[1:] = (points[order[1:]] != points[order[:-1]]).any(axis=1)
    lowest = np.empty(len(order), dtype=np.intp)
    lowest[order] = order[np.flatnonzero(new)][np.cumsum(new) - 1]  # lexsort is stable: first of a group is lowest
    higher = np.flatnonzero(lowest != np.arange(len(points)))
    covered = np.flatnonzero((to_fixed == 0) & (lowest == np.arange(len(points))))
    first = np.concatenate([lowest[higher], covered])
    second = np.concatenate([higher, np.full(len(covered), len(points))])
    return np.concatenate([higher, covered])[np.lexsort((second, first))]


class _Walk:
    """The walk through the pairs of different points, in ascending order.

    :ivar level: squared distance below which no pair is left.
    :ivar flags: whether each point is there; two more stand for any fixed point (yes) and for nobody (no).
    :ivar lists: neighbours of each point as of the round that last renewed them; some have gone since.
    :ivar members: points that were there when this round began, of which ``tree`` is made.
    :ivar short: members whose lists end too soon for this round; ``wide`` are the longer lists that they get.
    :ivar place: row of each point among the wide lists, -1 where it has none.
    """

    def __init__(self, points: NDArray[np.float64], to_fixed: NDArray[np.float64]) -> None:
        self.points = points
        self.to_fixed = to_fixed
        self.fixed, self.nobody = len(points), len(points) + 1
        self.flags = bytearray(b"\x01") * len(points) + b"\x01\x00"
        self.alive = np.frombuffer(self.flags, dtype=np.bool_)
        self.lists = NeighbourLists.empty(len(points), 2 + 4 * points.shape[1])
        self.place = np.full(len(points), -1, dtype=np.int32)
        self.level = 0.0

    def run(self, keep: int) -> NDArray[np.intp]:
        """Return the sorted indices of the ``keep`` points that are left."""
        left, wider = len(self.points), _WIDER
        while left > keep:
            self.members = np.flatnonzero(self.alive[: self.fixed])
            self.tree = cKDTree(self.points[self.members], balanced_tree=False, compact_nodes=False)
            limit = self._refresh(wider)
            if limit > self.level:
                left -= self._remove(self._pairs(limit), left - keep)
                self.level, wider = limit, _WIDER
            else:
                wider *= 2
            self.place[self.short] = -1
        return np.flatnonzero(self.alive[: self.fixed])

    def _refresh(self, wider: int) -> float:
        """Renew the lists that end soon and return the squared distance up to which all are complete now."""
        width = self.lists.indices.shape[1]
        bound = self.lists.bound
        nearby = self.members[self.tree.indices]  # in the order of the tree, so that queries stay in the cache
        stale = nearby[bound[nearby] <= 4 * self.level]  # within twice the distance: they would end soon
        self.lists.update(stale, NeighbourLists.query(self.tree, self.members, self.points, stale, width))
        rank = int(_SHORT * len(nearby))
        goal = max(float(np.partition(bound[nearby], rank)[rank]), float(np.nextafter(self.level, np.inf)))
        self.short = nearby[bound[nearby] < goal]
        self.wide = NeighbourLists.query(self.tree, self.members, self.points, self.short, wider * width)
        self.place[self.short] = np.arange(len(self.short))
        return min(goal, float(self.wide.bound.min(initial=np.inf)))

    def _rows(self, points: NDArray[np.intp]) -> Iterator[tuple[NDArray[np.intp], NeighbourLists, NDArray[np.intp]]]:
        """Yield which of the points have a list, in which lists, and where in them: normal ones, then wide ones."""
        place = self.place[points].astype(np.intp)
        for which, lists, rows in ((place < 0, self.lists, points), (place >= 0, self.wide, place)):
            chosen = np.flatnonzero(which)
            yield chosen, lists, rows[chosen]

    def _pairs(self, limit: float) -> NDArray[np.intp]:
        """Return all pairs closer than the limit, in order, as lower and higher index, (n_pairs, 2).

        Complete lists hold each pair at both its ends, so that the one at the lower index is enough.
        """
        near = self.members[self.to_fixed[self.members] < limit]
        parts = [(self.to_fixed[near], near, np.full(len(near), self.fixed))]
        for start in range(0, len(self.members), _BLOCK):
            points = self.members[start : start + _BLOCK]
            for chosen, lists, rows in self._rows(points):
                other, squared, index = lists.indices[rows], lists.squared[rows], points[chosen]
                row, column = np.nonzero((squared < limit) & (other > index[:, None]) & self.alive[other])
                parts.append((squared[row, column], index[row], other[row, column].astype(np.intp)))
        squared, lower, higher = (np.concatenate(part) for part in zip(*parts, strict=True))
        return np.column_stack([lower, higher])[np.lexsort((higher, lower, squared))]

    def _remove(self, pairs: NDArray[np.intp], surplus: int) -> int:
        """Remove one end of each pair whose ends are both there, until the surplus is gone; return how many went.

        Who goes is worked out for a block of pairs at a time, from who is there when the block begins. Where one of
        those that it rests on has gone since, it is worked out again.
        """
        flags, removed = self.flags, 0
        size = max(256, min(_BLOCK, len(self.members) // 64))
        for start in range(0, len(pairs), size):
            block = pairs[start : start + size]
            block = block[self.alive[block].all(axis=1)]
            loser, first, second = self._losers(block[:, 0], block[:, 1])
            columns = (block[:, 0], block[:, 1], loser, first, second)
            for i, j, goes, near_i, near_j in zip(*(column.tolist() for column in columns), strict=True):
                if flags[i] and flags[j]:
                    if not (flags[near_i] and flags[near_j]):
                        goes = i if self._other(i, j) < self._other(j, i) else j
                    flags[goes] = 0
                    removed += 1
                    if removed == surplus:
                        return removed
        return removed

    def _losers(
        self, lower: NDArray[np.intp], higher: NDArray[np.intp]
    ) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
        """Return who of each pair goes, and the two neighbours that this rests on."""
        loser, first, second = lower.copy(), lower.copy(), lower.copy()
        both = np.flatnonzero(higher != self.fixed)
        i, j = lower[both], higher[both]
        of_i, first[both] = self._others(i, j)
        of_j, second[both] = self._others(j, i)
        loser[both] = np.where(of_i < of_j, i, j)
        return loser, first, second

    def _others(
        self, points: NDArray[np.intp], partners: NDArray[np.intp]
    ) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
        """Return the squared distance of points to their nearest neighbours other than their partners, and these.

        A fixed neighbour is given as the point itself, which is there as long as the question stands; where the list of
        a point has ended, its neighbour is nobody.
        """
        squared, who = self.to_fixed[points], points.copy()
        for chosen, lists, rows in self._rows(points):
            other = lists.indices[rows]
            there = self.alive[other] & (other != partners[chosen, None])
            column = there.argmax(axis=1)
            line = np.arange(len(rows))
            distance = np.where(there[line, column], lists.squared[rows, column], np.inf)
            ended = np.minimum(distance, squared[chosen]) >= lists.bound[rows]
            nearer = distance < squared[chosen]
            who[chosen[nearer]] = other[line, column][nearer]
            squared[chosen] = np.minimum(distance, squared[chosen])
            who[chosen[ended]] = self.nobody
        return squared, who

    def _other(self, index: int, partner: int) -> float:
        """Return the squared distance of a point to its nearest neighbour other than its partner, as of now."""
        row = int(self.place[index])
        lists, row = (self.lists, index) if row < 0 else (self.wide, row)
        fixed, bound, flags = float(self.to_fixed[index]), float(lists.bound[row]), self.flags
        squared = np.inf
        for column, other in enumerate(lists.indices[row].tolist()):
            if flags[other] and other != partner:
                squared = float(lists.squared[row, column])
                break
        nearest = min(squared, fixed)
        return nearest if nearest < bound or bound == np.inf else self._search(index, partner, fixed)

    def _search(self, index: int, partner: int, fixed: float) -> float:
        """Return the same from the tree, where the list of the point has ended."""
        width = 2 * self.lists.indices.shape[1]
        while True:
            lists = NeighbourLists.query(self.tree, self.members, self.points, np.array([index]), width)
            there = self.alive[lists.indices[0]] & (lists.indices[0] != partner)
            nearest = float(lists.squared[0][there].min(initial=fixed))
            if nearest < lists.bound[0] or np.isinf(lists.bound[0]):
                return nearest
            width *= 2
