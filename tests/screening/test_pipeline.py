"""Tests of screening as a whole, on plain arrays and frames."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from scipy.spatial import cKDTree

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.screening import thin
from aiida_nnpgen.screening.description import FrameFeatures
from aiida_nnpgen.screening.flaws import CandidateFlaw
from aiida_nnpgen.screening.geometry import GeometrySettings
from aiida_nnpgen.screening.pipeline import geometry_flaws, screen
from aiida_nnpgen.screening.settings import (
    FeatureSettings,
    QuantitySettings,
    ReducerSettings,
    ScreeningSettings,
    SelectorSettings,
)

RNG = np.random.default_rng(9)


def settings(n_max, *weights, **changes):
    """Return settings with an axis of its own length for each weight."""
    quantities = [QuantitySettings(name="volume", weight=weight) for weight in weights]
    return ScreeningSettings(n_max=n_max, quantities=quantities, **changes)


def clusters_and_tail():
    """Return features, O-H distances and the tail's mask: two dense clusters, and a thin tail of short distances.

    The tail is spread over the clusters as the model's features see it; only the distance tells it apart.
    """
    centres = RNG.normal(size=(2, 12)) * 3
    features = centres[RNG.integers(2, size=3060)] + RNG.normal(size=(3060, 12)) * 0.5
    distances = RNG.normal(0.97, 0.01, 3060)
    tail = np.arange(3060) >= 3000
    distances[tail] = RNG.uniform(0.75, 0.92, 60)
    return features, distances, tail


def test_screen_in_3d_selects_more_of_a_thin_tail_than_in_2d():
    """At least twice as many tail frames at equal n_max."""
    features, distances, tail = clusters_and_tail()
    dataset, known = features[:300], distances[:300]
    flat = screen(FrameFeatures(features[300:]), FrameFeatures(dataset), settings(150))
    deep = screen(
        FrameFeatures(features[300:], distances[300:, None]), FrameFeatures(dataset, known[:, None]), settings(150, 1.0)
    )
    in_tail = [int(tail[300:][screened.selected].sum()) for screened in (flat, deep)]
    assert in_tail[1] >= 2 * in_tail[0]
    assert in_tail[1] >= 30
    for screened in (flat, deep):
        candidates, fixed = screened.candidate_points, screened.dataset_points
        with_the_last_removed = thin(candidates, 151, fixed)
        assert set(screened.selected) < set(with_the_last_removed)
        assert closest(candidates[with_the_last_removed], fixed) <= closest(candidates[screened.selected], fixed)


def closest(points, fixed):
    """Return the distance of the closest pair with a candidate in it."""
    tree = cKDTree(np.vstack([points, fixed]))
    return tree.query(points, k=2)[0][:, 1].min()


def test_screen_keeps_away_from_the_dataset():
    """Candidates that are in the dataset already are the first to go."""
    features = RNG.normal(size=(60, 4))
    screened = screen(FrameFeatures(features), FrameFeatures(features[:40]), settings(20))
    assert screened.selected.tolist() == list(range(40, 60))


def test_screen_leaves_dropped_candidates_out():
    """Their features are not looked at, their coordinates are NaN, and indices still count them."""
    features = RNG.normal(size=(12, 4))
    codes = np.zeros(12, dtype=np.int8)
    codes[[0, 5]] = [CandidateFlaw.OVERLAP, CandidateFlaw.NOT_FINITE]
    features[5] = np.nan
    screened = screen(FrameFeatures(features), FrameFeatures(np.empty((0, 4))), settings(10), flaws=codes)
    assert screened.selected.tolist() == [1, 2, 3, 4, 6, 7, 8, 9, 10, 11]
    assert np.isnan(screened.candidate_points).all(axis=1).tolist() == (codes > 0).tolist()
    assert screened.count_dropped() == {"not_finite": 1, "overlap": 1}


def test_screen_gives_normalised_axes_and_weights():
    """Axes of the map span 0 to 1, that of a quantity its weight."""
    quantities = RNG.normal(size=(40, 1))
    screened = screen(
        FrameFeatures(RNG.normal(size=(30, 4)), quantities[:30]),
        FrameFeatures(RNG.normal(size=(10, 4)), quantities[30:]),
        settings(5, 3.0),
    )
    both = np.concatenate([screened.candidate_points, screened.dataset_points])
    assert both.min(axis=0) == pytest.approx([0, 0, 0])
    assert both.max(axis=0) == pytest.approx([1, 1, 3])


def test_screen_selects_what_thin_selects():
    """The selection is that of the selector on the coordinates that are returned."""
    screened = screen(FrameFeatures(RNG.normal(size=(80, 4))), FrameFeatures(RNG.normal(size=(15, 4))), settings(9))
    assert np.array_equal(screened.selected, thin(screened.candidate_points, 9, screened.dataset_points))


@pytest.mark.parametrize(("n", "m"), [(0, 5), (5, 0), (0, 0), (1, 0), (1, 1)])
def test_screen_works_on_empty_sets(n, m):
    """No candidates select nothing; no dataset is the first iteration."""
    empty = np.empty((0, 0))
    new, old = (RNG.normal(size=(size, 6)) if size else empty for size in (n, m))
    screened = screen(FrameFeatures(new, np.zeros((n, 1))), FrameFeatures(old, np.zeros((m, 1))), settings(3, 1.0))
    assert len(screened.selected) == min(n, 3)
    assert screened.candidate_points.shape == (n, 3)
    assert screened.dataset_points.shape == (m, 3)


def test_screen_passes_on_reducer_selector_and_seed():
    """Another reducer changes the map, another seed the random choice."""
    sets = FrameFeatures(RNG.normal(size=(40, 6))), FrameFeatures(RNG.normal(size=(10, 6)))
    chance = settings(8, selector=SelectorSettings(name="random"))
    first = screen(*sets, chance, seed=1)
    assert not np.array_equal(first.selected, screen(*sets, chance, seed=2).selected)
    tsne = ReducerSettings(method="tsne", keywords={"perplexity": 5.0})
    other = screen(*sets, settings(8, reducer=tsne, features=FeatureSettings(pca_dims=3)))
    assert not np.allclose(first.candidate_points, other.candidate_points)


@pytest.mark.parametrize(
    ("new", "old", "flaws"),
    [
        (np.zeros((10, 1)), np.zeros((5, 1)), np.zeros(3)),
        (np.zeros((10, 1)), np.zeros((5, 0)), None),
        (np.zeros((9, 1)), np.zeros((5, 1)), None),
        (np.zeros((10, 1)), np.zeros((5, 2)), None),
        (np.zeros((10, 2)), np.zeros((5, 2)), None),
        (np.full((10, 1), np.nan), np.zeros((5, 1)), None),
        (np.zeros((10, 1)), np.full((5, 1), np.nan), None),
    ],
)
def test_screen_refuses_input_that_does_not_match(new, old, flaws):
    """Lengths, missing quantities and values that are not finite are refused."""
    features = RNG.normal(size=(10, 4)), RNG.normal(size=(5, 4))
    with pytest.raises(InputError):
        screen(FrameFeatures(features[0], new), FrameFeatures(features[1], old), settings(3, 1.0), flaws=flaws)


def test_screen_drops_what_has_no_place_on_the_map():
    """A feature or a quantity that is not finite costs that frame alone, and is counted; so in the dataset."""
    features, known = RNG.normal(size=(10, 4)), RNG.normal(size=(3, 4))
    quantities, old = np.ones((10, 1)), np.ones((3, 1))
    features[6, 0], quantities[2], old[1] = np.inf, np.nan, np.inf
    dropped = np.zeros(10)
    dropped[1] = CandidateFlaw.OVERLAP
    screened = screen(FrameFeatures(features, quantities), FrameFeatures(known, old), settings(10, 1.0), flaws=dropped)
    assert screened.selected.tolist() == [0, 3, 4, 5, 7, 8, 9]
    assert screened.count_dropped() == {"overlap": 1, "no_features": 1, "no_quantity": 1}
    assert np.isnan(screened.dataset_points).all(axis=1).tolist() == [False, True, False]


def test_screen_refuses_candidates_of_which_none_has_features():
    """The message counts them."""
    features = np.full((10, 4), np.nan)
    with pytest.raises(InputError, match="features of all 10 candidates"):
        screen(FrameFeatures(features), FrameFeatures(np.empty((0, 4))), settings(3))


FILTERS = {
    "overlap": 0.5,
    "torn_bond": 1.6,
    "detached": 4.5,
    "hole": 8.0,
    "min_density": 1e-4,
    "max_density": 50.0,
}


@pytest.mark.parametrize("name", FILTERS)
def test_geometry_filters_do_not_stop_at_one_impossible_frame(name):
    """A lone atom, a cell without volume and a composition without a start leave the others alone."""
    water = Frames(numbers=[8, 1], positions=[[[0, 0, 0], [0, 0, 0.97]]] * 3, cells=[np.eye(3) * 4] * 3)
    water.cells[1] = 0
    atom = Frames(numbers=[18], positions=[[[0, 0, 0]]], cells=[np.eye(3) * 4])
    chosen = GeometrySettings(**{"overlap": None, name: FILTERS[name]})
    lone = CandidateFlaw.NO_START if name == "torn_bond" else CandidateFlaw.NONE
    found = geometry_flaws([atom, water], [water[[0]]], chosen).tolist()
    assert found == [lone, CandidateFlaw.NONE, CandidateFlaw.NOT_FINITE, CandidateFlaw.NONE]


def test_geometry_flaws_refuse_torn_bonds_where_no_composition_has_a_start():
    """The setting is named."""
    atom = Frames(numbers=[18], positions=[[[0, 0, 0]]], cells=[np.eye(3) * 4])
    with pytest.raises(InputError, match="`torn_bond`"):
        geometry_flaws([atom], [], GeometrySettings(torn_bond=1.6))


def test_geometry_flaws_find_the_start_of_each_composition():
    """The first dataset frame with the same atoms is the intact one."""
    water = Frames(numbers=[8, 1], positions=[[[0, 0, 0], [0, 0, 0.97]]], cells=[np.eye(3) * 9])
    torn = Frames(numbers=[8, 1], positions=[[[0, 0, 0], [0, 0, 2.5]]], cells=[np.eye(3) * 9])
    other = Frames(numbers=[6, 6, 8], positions=RNG.random((1, 3, 3)) * 9, cells=[np.eye(3) * 9])
    assert geometry_flaws([torn, water], [other, water], GeometrySettings(torn_bond=1.6)).tolist() == [3, 0]
    assert geometry_flaws([torn], [], None).tolist() == [0]


def test_screening_imports_no_heavy_library():
    """Maps, pictures and AiiDA are loaded only where they are used."""
    code = (
        "import sys, aiida_nnpgen.screening;"
        "print(sorted({'aiida', 'matplotlib', 'numba', 'openTSNE', 'pydantic', 'umap'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
