"""Tests of embedding and normalisation."""

from __future__ import annotations

import numpy as np
import pytest

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.screening.embedding import diverse_subset, embed, normalise

RNG = np.random.default_rng(4)


def test_embed_by_pca_finds_the_plane_of_the_data():
    """Distances in a plane, turned into five dimensions, come back."""
    plane = RNG.normal(size=(50, 2)) * [3, 1]
    turn = np.linalg.qr(RNG.normal(size=(5, 5)))[0][:2]
    points = embed(plane @ turn + 7.0)
    assert np.linalg.norm(points[:-1] - points[1:], axis=1) == pytest.approx(
        np.linalg.norm(np.diff(plane, axis=0), axis=1)
    )


def test_embed_by_pca_orders_axes_by_variance():
    """The first coordinate varies most."""
    points = embed(RNG.normal(size=(200, 4)) * [1, 5, 2, 0.1], n_dims=3)
    assert points.std(axis=0) == pytest.approx([5, 2, 1], rel=0.2)


def test_embed_by_pca_is_the_same_for_wide_and_tall_features():
    """The two ways of solving for the directions agree."""
    features = RNG.normal(size=(30, 29)) * np.linspace(1, 3, 29)
    padded = np.hstack([features, np.zeros((30, 10))])
    assert embed(features) == pytest.approx(embed(padded))


def test_embed_loads_a_reducer_by_import_path():
    """A compute node without entry points gets the same map."""
    features = RNG.normal(size=(20, 4))
    assert np.array_equal(embed(features, "aiida_nnpgen.screening.reducers.pca:PcaReducer"), embed(features, "pca"))


def test_embed_of_nothing_is_empty():
    """No frames give no coordinates."""
    assert embed(np.empty((0, 5))).shape == (0, 2)


def test_embed_with_a_fit_size_fits_to_that_many():
    """Principal axes of a subset differ from those of all, and a fit size of all changes nothing."""
    features = RNG.normal(size=(60, 6))
    assert not np.allclose(embed(features, fit_size=8), embed(features))
    assert np.array_equal(embed(features, fit_size=60), embed(features))


def test_embed_names_the_frame_that_is_not_finite():
    """A NaN feature is traced to its frame."""
    features = RNG.normal(size=(10, 3))
    features[4, 2] = np.nan
    with pytest.raises(InputError, match="frame 4"):
        embed(features)


@pytest.mark.parametrize("options", [{"n_dims": 0}, {"fit_size": 0}, {"method": "isomap"}])
def test_embed_refuses_wrong_options(options):
    """No dimensions, no frames to fit and unknown reducers are refused."""
    with pytest.raises(InputError):
        embed(RNG.normal(size=(10, 3)), **options)


def test_diverse_subset_takes_the_outlier():
    """One frame far off in many is among the few."""
    features = RNG.normal(size=(300, 20))
    features[123] += 50
    assert 123 in diverse_subset(features, 5)


def test_normalise_scales_both_sets_by_their_common_range():
    """The lowest value of either is 0, the highest 1."""
    candidates, dataset = normalise([[1.0, 5.0], [3.0, 5.0]], [[5.0, 5.0]])
    assert candidates.tolist() == [[0.0, 0.0], [0.5, 0.0]]
    assert dataset.tolist() == [[1.0, 0.0]]


def test_normalise_multiplies_an_axis_by_its_weight():
    """A weight of two makes an axis twice as long."""
    candidates, dataset = normalise([[0.0, 0.0], [4.0, 4.0]], np.empty((0, 2)), weights=[1.0, 2.0])
    assert candidates.tolist() == [[0.0, 0.0], [1.0, 2.0]]
    assert dataset.shape == (0, 2)


@pytest.mark.parametrize("weight", [0.0, -1.0, np.nan])
def test_normalise_refuses_a_weight_that_is_none(weight):
    """Weights are positive."""
    with pytest.raises(InputError, match="weights"):
        normalise([[0.0], [1.0]], [[2.0]], weights=[weight])


def test_normalise_refuses_different_widths():
    """Candidates and dataset have the same axes."""
    with pytest.raises(InputError, match="columns"):
        normalise([[0.0, 1.0]], [[2.0]])
