"""What every registered selector must do, and tests of the simple ones."""

from __future__ import annotations

import numpy as np
import pytest

from aiida_nnpgen.common import plugins
from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.screening.base import select
from aiida_nnpgen.screening.selectors.farthest_point import farthest_point
from aiida_nnpgen.screening.selectors.random import random_choice

SELECTORS = plugins.names("nnpgen.selectors")
RNG = np.random.default_rng(5)
POINTS, FIXED = RNG.random((40, 2)), RNG.random((10, 2))


@pytest.mark.parametrize("name", SELECTORS)
@pytest.mark.parametrize("fixed", [None, FIXED, FIXED[:0]])
def test_selector_keeps_as_many_as_asked_for(name, fixed):
    """Indices are different, sorted, and n_max in number."""
    kept = select(name, POINTS, 7, fixed, seed=1)
    assert len(kept) == 7
    assert (np.diff(kept) > 0).all()
    assert kept[-1] < 40


@pytest.mark.parametrize("name", SELECTORS)
def test_selector_keeps_all_if_there_are_no_more(name):
    """With n_max at or above n nothing goes."""
    assert select(name, POINTS[:5], 6, FIXED).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("name", SELECTORS)
def test_selector_of_nothing_gives_nothing(name):
    """No candidates give no indices."""
    assert select(name, np.empty((0, 2)), 6, FIXED).tolist() == []


@pytest.mark.parametrize("name", SELECTORS)
def test_selector_repeats_itself_for_the_same_seed(name):
    """Equal input, equal choice."""
    assert np.array_equal(select(name, POINTS, 9, FIXED, seed=3), select(name, POINTS, 9, FIXED, seed=3))


@pytest.mark.parametrize("name", SELECTORS)
def test_selector_takes_coinciding_points(name):
    """Duplicates are no error, and none is kept twice."""
    assert len(set(select(name, np.zeros((9, 2)), 4, FIXED).tolist())) == 4


@pytest.mark.parametrize("name", SELECTORS)
def test_selector_refuses_a_point_that_is_not_finite(name):
    """The message names the frame."""
    points = POINTS.copy()
    points[3, 1] = np.nan
    with pytest.raises(InputError, match="frame 3"):
        select(name, points, 5)


@pytest.mark.parametrize("name", SELECTORS)
def test_selector_refuses_to_keep_nothing(name):
    """n_max is positive."""
    with pytest.raises(InputError, match="n_max"):
        select(name, POINTS, 0)


def test_select_refuses_an_unknown_keyword():
    """A misspelt keyword is named."""
    with pytest.raises(InputError, match="sed"):
        select("random", POINTS, 3, keywords={"sed": 1})


def test_select_refuses_an_unknown_selector():
    """The message lists those that are registered."""
    with pytest.raises(InputError, match="closest_pair"):
        select("closest", POINTS, 3)


def test_select_gives_the_seed_only_to_those_that_declare_it():
    """Another seed changes the random choice; thinning, which takes none, works with any."""
    assert not np.array_equal(select("random", POINTS, 9, seed=1), select("random", POINTS, 9, seed=2))
    assert np.array_equal(select("closest_pair", POINTS, 9, seed=1), select("closest_pair", POINTS, 9, seed=2))


def test_farthest_point_takes_the_ends_of_a_line_first():
    """Of equally spaced points the two ends, then the middle."""
    line = np.linspace(0, 1, 9)[:, None]
    assert farthest_point(line, 2).tolist() == [0, 8]
    assert farthest_point(line, 3).tolist() == [0, 4, 8]


def test_farthest_point_stays_away_from_fixed_points():
    """With one end fixed the other end is taken first."""
    assert farthest_point(np.linspace(0, 1, 9)[:, None], 1, fixed=[[0.0]]).tolist() == [8]


def test_random_choice_draws_all_points_equally_often():
    """Over many seeds each of ten points is drawn half of the time when five are drawn."""
    counts = np.bincount(np.concatenate([random_choice(POINTS[:10], 5, seed=seed) for seed in range(400)]))
    assert counts == pytest.approx(np.full(10, 200), abs=50)
