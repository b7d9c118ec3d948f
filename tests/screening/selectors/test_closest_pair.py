"""Tests of thinning against the definition, taken word for word."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.screening.selectors.closest_pair import thin

RNG = np.random.default_rng(1)


def brute_force(points, n_max, fixed=None):
    """Thin by going through all pairs at each removal."""
    candidates = np.asarray(points, dtype=float)
    n = len(candidates)
    everything = candidates if fixed is None or len(fixed) == 0 else np.vstack([candidates, fixed])
    size = len(everything)
    squared = np.zeros((size, size))
    for axis in range(everything.shape[1]):
        squared += (everything[:, None, axis] - everything[None, :, axis]) ** 2
    np.fill_diagonal(squared, np.inf)
    there = np.ones(size, dtype=bool)
    working = squared.copy()
    working[n:, n:] = np.inf
    while there[:n].sum() > n_max:
        i, j = divmod(int(np.argmin(np.where(np.triu(np.ones_like(working, dtype=bool)), working, np.inf))), size)
        loser = i
        if j < n:
            rest = there.copy()
            rest[[i, j]] = False
            of_i, of_j = (np.min(squared[k][rest], initial=np.inf) for k in (i, j))
            loser = i if of_i < of_j else j
        there[loser] = False
        working[loser] = working[:, loser] = np.inf
    return np.flatnonzero(there[:n])


def lattice(n, k):
    """Return all points of a cubic lattice."""
    return np.stack(np.meshgrid(*[np.arange(n)] * k, indexing="ij"), axis=-1).reshape(-1, k) / 8


SETS = {
    "uniform": lambda k: RNG.random((150, k)),
    "clusters": lambda k: np.concatenate([RNG.normal(c, s, (40, k)) for c, s in ((0, 1e-6), (1, 1e-2), (0.5, 0.3))]),
    "duplicates": lambda k: RNG.random((25, k))[RNG.integers(25, size=120)],
    "all equal": lambda k: np.full((60, k), 0.3),
    "collinear": lambda k: np.linspace(0, 1, 80)[:, None] * np.ones(k),
    "equally spaced on an axis": lambda k: np.eye(1, k) * np.arange(64)[RNG.permutation(64), None],
    "lattice": lambda k: RNG.permutation(lattice(12 if k == 2 else 5, k)),
    "rounded": lambda k: np.round(RNG.random((150, k)), 1),
    "circle and centre": lambda k: np.vstack(
        [np.zeros(k), *[np.r_[np.cos(a), np.sin(a), np.zeros(k - 2)] for a in np.arange(90) * (2 * np.pi / 90)]]
    ),
    "log-normal": lambda k: np.exp(RNG.normal(0, 6, (120, k))),
}


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize("n_fixed", [0, 1, 30])
def test_thin_equals_brute_force(name, k, n_fixed):
    """The fast version keeps the same indices as the definition, on sets with and without ties."""
    for _ in range(2):
        points = SETS[name](k)
        fixed = np.vstack([RNG.permutation(points)[: n_fixed // 2], SETS[name](k)[: n_fixed - n_fixed // 2]])
        for n_max in (1, 2, 10, len(points) // 2, len(points) - 1):
            assert np.array_equal(thin(points, n_max, fixed), brute_force(points, n_max, fixed)), n_max


@pytest.mark.parametrize("k", [1, 2, 3, 4, 6])
def test_thin_equals_brute_force_in_any_dimension(k):
    """The number of axes is free."""
    for points in (RNG.random((70, k)), RNG.integers(0, 3, (90, k)).astype(float)):
        fixed = RNG.integers(0, 3, (5, k)).astype(float)
        for n_max in (1, 7, 40):
            assert np.array_equal(thin(points, n_max, fixed), brute_force(points, n_max, fixed))


def test_thin_equals_brute_force_on_random_sets():
    """Two hundred small sets of random size, spacing and number of fixed points agree."""
    for seed in range(200):
        rng = np.random.default_rng(seed)
        n, m, k = rng.integers(1, 60), rng.integers(0, 20), rng.integers(1, 4)
        digits = int(rng.choice([1, 2, 16]))
        points, fixed = np.round(rng.random((n, k)), digits), np.round(rng.random((m, k)), digits)
        n_max = int(rng.integers(1, n + 2))
        assert np.array_equal(thin(points, n_max, fixed), brute_force(points, n_max, fixed)), seed


def test_thin_equals_brute_force_over_several_rounds():
    """A set large enough for several rounds of neighbour lists agrees."""
    points = np.vstack([RNG.random((500, 2)), RNG.normal(0.5, 1e-4, (150, 2)), RNG.normal(0.2, 1e-7, (50, 2))])
    for n_max in (3, 500):
        assert np.array_equal(thin(points, n_max), brute_force(points, n_max))


def test_thin_of_three_collinear_points_removes_the_crowded_one():
    """Of the closest pair 0 and 1 the one with the nearer other neighbour, 1, goes."""
    assert thin([[0.0], [1.0], [2.5]], 2).tolist() == [0, 2]


def test_thin_keeps_the_lower_index_on_a_tie():
    """Two points that are alone tie; the higher index goes."""
    assert thin([[0.0, 0.0], [1.0, 0.0]], 1).tolist() == [0]


def test_thin_removes_the_candidate_next_to_a_fixed_point():
    """A candidate gives way to a fixed point although its other neighbours are far."""
    assert thin([[0.0, 0.0], [0.5, 0.5], [0.52, 0.52]], 2, fixed=[[0.01, 0.0]]).tolist() == [1, 2]


def test_thin_never_compares_fixed_points_among_themselves():
    """Fixed points on top of each other do not stop the removal of candidates."""
    assert len(thin(RNG.random((20, 2)), 5, fixed=np.zeros((50, 2)))) == 5


def test_thin_keeps_all_if_there_are_no_more_than_asked_for():
    """With n_max at or above n nothing goes, duplicates included."""
    assert thin(np.zeros((4, 2)), 4, fixed=np.zeros((1, 2))).tolist() == [0, 1, 2, 3]


def test_thin_of_nothing_is_nothing():
    """No candidates give no indices."""
    assert thin(np.empty((0, 2)), 3, fixed=RNG.random((4, 2))).tolist() == []


def test_thin_leaves_no_pair_closer_than_the_last_removed():
    """Removals are nested, and the closest pair left is farther apart after each."""
    points = RNG.random((600, 2))
    kept, one_more = thin(points, 100), thin(points, 101)
    closest = [min(np.sum((a - b) ** 2) for a, b in combinations(points[k], 2)) for k in (kept, one_more)]
    assert set(kept) < set(one_more)
    assert closest[0] > closest[1]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_thin_names_the_frame_that_is_not_finite(value):
    """A coordinate that is no number is refused with its frame."""
    points = RNG.random((9, 2))
    points[6, 1] = value
    with pytest.raises(InputError, match="frame 6"):
        thin(points, 3)


@pytest.mark.parametrize("n_max", [0, -1, 1.5, True])
def test_thin_refuses_a_count_that_is_none(n_max):
    """The number of points to keep is a positive whole number."""
    with pytest.raises(InputError, match="n_max"):
        thin(RNG.random((9, 2)), n_max)


def test_thin_refuses_fixed_points_of_another_width():
    """Candidates and fixed points live in one space."""
    with pytest.raises(InputError, match="columns"):
        thin(RNG.random((9, 2)), 3, fixed=RNG.random((4, 3)))
