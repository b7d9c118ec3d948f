"""What every selector must do."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from ..common.exceptions import InputError
from ..screening.base import select
from .named import NamedSuite

__all__ = ["FIXED", "POINTS", "SelectorSuite"]

_RNG = np.random.default_rng(5)
POINTS: NDArray[np.float64] = _RNG.random((40, 2))
"""Candidates to choose from."""
FIXED: NDArray[np.float64] = _RNG.random((10, 2))
"""Points of the present dataset."""


class SelectorSuite(NamedSuite):
    """Tests of one selector: ``class TestMine(SelectorSuite): NAME = "mine"``.

    :cvar NAME: registered name or import path ``module:attribute``.
    """

    @pytest.mark.parametrize("fixed", [None, FIXED, FIXED[:0]], ids=["none", "some", "empty"])
    def test_selector_keeps_as_many_as_asked_for(self, name: str, fixed: NDArray[np.float64] | None) -> None:
        """Indices are different, sorted, and n_max in number."""
        kept = select(name, POINTS, 7, fixed, seed=1)
        assert len(kept) == 7
        assert (np.diff(kept) > 0).all()
        assert kept[-1] < 40

    def test_selector_keeps_all_if_there_are_no_more(self, name: str) -> None:
        """With n_max at or above n nothing goes."""
        assert select(name, POINTS[:5], 6, FIXED).tolist() == [0, 1, 2, 3, 4]

    def test_selector_of_nothing_gives_nothing(self, name: str) -> None:
        """No candidates give no indices."""
        assert select(name, np.empty((0, 2)), 6, FIXED).tolist() == []

    def test_selector_repeats_itself_for_the_same_seed(self, name: str) -> None:
        """Equal input, equal choice."""
        assert np.array_equal(select(name, POINTS, 9, FIXED, seed=3), select(name, POINTS, 9, FIXED, seed=3))

    def test_selector_takes_coinciding_points(self, name: str) -> None:
        """Duplicates are no error, and none is kept twice."""
        assert len(set(select(name, np.zeros((9, 2)), 4, FIXED).tolist())) == 4

    @pytest.mark.parametrize("fixed", [None, FIXED], ids=["none", "some"])
    def test_selector_takes_a_single_point(self, name: str, fixed: NDArray[np.float64] | None) -> None:
        """One candidate has no neighbour."""
        assert select(name, POINTS[:1], 1, fixed).tolist() == [0]

    def test_selector_takes_points_that_coincide_with_the_dataset(self, name: str) -> None:
        """All distances are zero."""
        assert len(select(name, np.zeros((6, 2)), 2, np.zeros((3, 2)))) == 2

    def test_selector_refuses_a_point_that_is_not_finite(self, name: str) -> None:
        """The message names the frame."""
        points = POINTS.copy()
        points[3, 1] = np.nan
        with pytest.raises(InputError, match="frame 3"):
            select(name, points, 5)

    def test_selector_refuses_to_keep_nothing(self, name: str) -> None:
        """n_max is positive."""
        with pytest.raises(InputError, match="n_max"):
            select(name, POINTS, 0)
