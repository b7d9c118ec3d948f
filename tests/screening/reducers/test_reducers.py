"""What every registered reducer must do."""

from __future__ import annotations

import numpy as np
import pytest

from aiida_nnpgen.common import plugins
from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.screening import embed

COMPILED = {"densmap", "umap"}  # numba compiles them anew in every process, for some 20 s
METHODS = [
    pytest.param(name, marks=pytest.mark.slow) if name in COMPILED else name
    for name in plugins.names("nnpgen.reducers")
]
RNG = np.random.default_rng(3)
GROUPS = np.repeat(np.arange(3), 30)
FEATURES = RNG.normal(size=(3, 20))[GROUPS] * 4 + RNG.normal(size=(90, 20)) * 0.3


def same_group_share(points, groups):
    """Return the share of points whose nearest neighbour is in their own group."""
    distances = np.linalg.norm(points[:, None] - points[None], axis=-1)
    np.fill_diagonal(distances, np.inf)
    return np.mean(groups[distances.argmin(axis=1)] == groups)


def test_reducers_are_the_four_of_the_package():
    """All of them are found by their entry points."""
    assert {"densmap", "pca", "tsne", "umap"} <= set(plugins.names("nnpgen.reducers"))


@pytest.mark.parametrize("method", METHODS)
def test_reducer_keeps_neighbourhoods(method):
    """Three well separated groups stay separate on the map."""
    assert same_group_share(embed(FEATURES, method), GROUPS) == 1.0


@pytest.mark.parametrize("method", METHODS)
def test_reducer_gives_equal_maps_for_equal_seeds(method):
    """The seed is the only source of chance."""
    assert np.array_equal(embed(FEATURES, method, seed=5), embed(FEATURES, method, seed=5))


@pytest.mark.parametrize("method", METHODS)
def test_reducer_leaves_the_global_random_state_alone(method):
    """Maps neither use nor move numpy's global generator."""
    first = embed(FEATURES, method)
    np.random.seed(1)  # noqa: NPY002
    before = np.random.get_state()[1:3]  # noqa: NPY002
    assert np.array_equal(embed(FEATURES, method), first)
    after = np.random.get_state()[1:3]  # noqa: NPY002
    assert np.array_equal(before[0], after[0])
    assert before[1] == after[1]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n_frames", [1, 2, 3, 4, 9, 10, 11, 16, 17])
def test_reducer_places_any_number_of_frames(method, n_frames):
    """Fewer frames than neighbours are no error."""
    points = embed(FEATURES[:n_frames], method)
    assert points.shape == (n_frames, 2)
    assert np.isfinite(points).all()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n_dims", [1, 3])
def test_reducer_gives_the_number_of_coordinates_asked_for(method, n_dims):
    """The map may have one or three dimensions, also if there are fewer features."""
    assert embed(FEATURES[:, :2], method, n_dims=n_dims).shape == (90, n_dims)


@pytest.mark.parametrize("method", METHODS)
def test_reducer_places_equal_frames(method):
    """Features without any variance give a finite map."""
    assert np.isfinite(embed(np.ones((20, 3)), method)).all()


@pytest.mark.parametrize("method", METHODS)
def test_reducer_places_further_frames_among_their_like(method):
    """Frames that were not fitted land in their own group."""
    points = embed(FEATURES, method, fit_size=45)
    assert same_group_share(points, GROUPS) == 1.0


@pytest.mark.parametrize("method", METHODS)
def test_reducer_refuses_an_unknown_keyword(method):
    """A misspelt keyword is named."""
    with pytest.raises(InputError, match="n_neighbours"):
        embed(FEATURES, method, n_neighbours=4)


@pytest.mark.parametrize(
    ("method", "keywords"),
    [("umap", {"n_neighbors": 1}), ("densmap", {"min_dist": -1.0}), ("tsne", {"perplexity": 0.0})],
)
def test_reducer_refuses_a_value_out_of_range(method, keywords):
    """The wrong value is named before the library sees it."""
    with pytest.raises(InputError, match=next(iter(keywords))):
        embed(FEATURES, method, **keywords)
