"""What every reducer must do."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from ..common.exceptions import InputError
from ..screening.embedding import embed
from .named import NamedSuite

__all__ = ["FEATURES", "GROUPS", "ReducerSuite", "same_group_share"]

_RNG = np.random.default_rng(3)
GROUPS: NDArray[np.int64] = np.repeat(np.arange(3), 30)
"""Group of each frame."""
FEATURES: NDArray[np.float64] = _RNG.normal(size=(3, 20))[GROUPS] * 4 + _RNG.normal(size=(90, 20)) * 0.3
"""Features of frames in three well separated groups, (90, 20)."""


def same_group_share(points: NDArray[np.float64], groups: NDArray[np.int64]) -> float:
    """Return the share of points whose nearest neighbour is in their own group."""
    distances = np.linalg.norm(points[:, None] - points[None], axis=-1)
    np.fill_diagonal(distances, np.inf)
    return float(np.mean(groups[distances.argmin(axis=1)] == groups))


class ReducerSuite(NamedSuite):
    """Tests of one reducer: ``class TestMine(ReducerSuite): NAME = "mine"``.

    :cvar NAME: registered name or import path ``module:attribute``.
    """

    def test_reducer_keeps_neighbourhoods(self, name: str) -> None:
        """Three well separated groups stay separate on the map."""
        assert same_group_share(embed(FEATURES, name), GROUPS) == 1.0

    def test_reducer_gives_equal_maps_for_equal_seeds(self, name: str) -> None:
        """The seed is the only source of chance."""
        assert np.array_equal(embed(FEATURES, name, seed=5), embed(FEATURES, name, seed=5))

    def test_reducer_leaves_the_global_random_state_alone(self, name: str) -> None:
        """Maps neither use nor move numpy's global generator."""
        first = embed(FEATURES, name)
        np.random.seed(1)  # noqa: NPY002
        before = np.random.get_state(legacy=False)["state"]  # noqa: NPY002
        assert np.array_equal(embed(FEATURES, name), first)
        after = np.random.get_state(legacy=False)["state"]  # noqa: NPY002
        assert np.array_equal(before["key"], after["key"])
        assert before["pos"] == after["pos"]

    @pytest.mark.parametrize("n_frames", [1, 2, 3, 4, 9, 10, 11, 16, 17])
    def test_reducer_places_any_number_of_frames(self, name: str, n_frames: int) -> None:
        """Fewer frames than neighbours are no error."""
        points = embed(FEATURES[:n_frames], name)
        assert points.shape == (n_frames, 2)
        assert np.isfinite(points).all()

    @pytest.mark.parametrize("n_dims", [1, 3])
    def test_reducer_gives_the_number_of_coordinates_asked_for(self, name: str, n_dims: int) -> None:
        """The map may have one or three dimensions, also if there are fewer features."""
        assert embed(FEATURES[:, :2], name, n_dims=n_dims).shape == (90, n_dims)

    def test_reducer_places_equal_frames(self, name: str) -> None:
        """Features without any variance give a finite map."""
        assert np.isfinite(embed(np.ones((20, 3)), name)).all()

    def test_reducer_places_further_frames_among_their_like(self, name: str) -> None:
        """Frames that were not fitted land in their own group."""
        points = embed(FEATURES, name, fit_size=45)
        assert same_group_share(points, GROUPS) == 1.0

    @pytest.mark.parametrize("n_frames", [1, 2, 12])
    def test_reducer_places_few_points_that_are_equal(self, name: str, n_frames: int) -> None:
        """Equal frames, fewer than neighbours, give a finite map."""
        assert np.isfinite(embed(np.ones((n_frames, 3)), name)).all()

    def test_reducer_is_never_given_a_feature_that_is_not_finite(self, name: str) -> None:
        """The frame is named before."""
        features = FEATURES.copy()
        features[4, 2] = np.nan
        with pytest.raises(InputError, match="frame 4"):
            embed(features, name)

    def test_reducer_refuses_an_unknown_keyword(self, name: str) -> None:
        """A misspelt keyword is named."""
        with pytest.raises(InputError, match="no_such_keyword"):
            embed(FEATURES, name, no_such_keyword=4)
