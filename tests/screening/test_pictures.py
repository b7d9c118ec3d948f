"""Tests of the pictures: what is in them; that they look well was seen by eye."""

from __future__ import annotations

import io

import numpy as np
import pytest

from aiida_nnpgen.screening.pictures import plot_histogram, plot_map, plot_volume

RNG = np.random.default_rng(8)
CANDIDATES, DATASET, SELECTED = RNG.random((50, 3)), RNG.random((20, 3)), [3, 7, 9]


def sizes(axes):
    """Return how many points each scatter of a panel has."""
    return [len(collection.get_offsets()) for collection in axes.collections]


def is_png(figure):
    """Return whether a figure can be written."""
    target = io.BytesIO()
    figure.savefig(target, format="png")
    return target.getvalue()[:4] == b"\x89PNG"


def test_plot_map_shows_both_stages():
    """Before: sampled and labelled; after: labelled and selected. A dropped candidate is not shown."""
    candidates = CANDIDATES.copy()
    candidates[0] = np.nan
    figure = plot_map(candidates, DATASET, SELECTED)
    assert [sizes(axes) for axes in figure.axes] == [[49, 20], [20, 3]]


def test_plot_volume_shows_perspective_and_projections():
    """All three kinds of points are in each of four panels, the third axis upright in the side views."""
    figure = plot_volume(CANDIDATES, DATASET, SELECTED, quantity="O-H")
    assert [sizes(axes) for axes in figure.axes] == [[50, 20, 3]] * 4
    assert [axes.get_ylabel() for axes in figure.axes[2:]] == ["O-H", "O-H"]
    assert np.allclose(figure.axes[2].collections[2].get_offsets(), CANDIDATES[SELECTED][:, [0, 2]])


def test_plot_histogram_has_unit_area():
    """Each distribution is a density over the common range."""
    figure = plot_histogram(CANDIDATES[:, 2], DATASET[:, 2], SELECTED, quantity="O-H (Å)", bins=10)
    _, labels = figure.axes[0].get_legend_handles_labels()
    assert sorted(labels) == ["labelled so far (20)", "sampled (50)", "selected (3)"]


@pytest.mark.parametrize("dataset", [DATASET, DATASET[:0]])
def test_pictures_of_an_empty_selection_can_be_drawn(dataset):
    """No candidates, and not even a dataset, still give pictures."""
    for draw in (plot_map, plot_volume):
        assert is_png(draw(CANDIDATES[:0], dataset, []))
    assert is_png(plot_histogram([], dataset[:, 0], []))
