"""How a selector is called, and the simple ones; what every selector must do is in ``aiida_nnpgen.testing``."""

from __future__ import annotations

import numpy as np
import pytest

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.screening.base import select
from aiida_nnpgen.screening.selectors.farthest_point import farthest_point
from aiida_nnpgen.screening.selectors.random import random_choice
from aiida_nnpgen.testing.selectors import POINTS


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
