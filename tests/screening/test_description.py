"""Tests of how frames are described."""

from __future__ import annotations

import numpy as np
import pytest

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.screening.description import FrameFeatures, describe, measure_all, structure_features
from aiida_nnpgen.screening.flaws import CandidateFlaw
from aiida_nnpgen.screening.settings import FeatureSettings, QuantitySettings, ScreeningSettings


def some_frames(symbols, n, seed):
    """Return random frames of one composition."""
    rng = np.random.default_rng(seed)
    return Frames(numbers=symbols, positions=rng.random((n, len(symbols), 3)) * 9, cells=[np.eye(3) * 9] * n)


def descriptors(frames):
    """Return positions and number of atoms as features of atoms."""
    return np.concatenate([frames.positions, np.full((*frames.positions.shape[:2], 1), frames.n_atoms)], axis=2)


def test_structure_features_line_up_over_compositions():
    """Frames of two compositions give rows of one width, in order; dropped ones are NaN and never described."""
    parts = [some_frames([8, 1], 3, 1), some_frames([6, 6, 8], 2, 2)]
    parts[0].positions[1] = np.nan
    features = structure_features(
        parts, descriptors, FeatureSettings(reduction="both"), ["C", "H", "O"], [0, 1, 0, 0, 0]
    )
    assert features.shape == (5, 16)
    assert np.isnan(features).all(axis=1).tolist() == [False, True, False, False, False]
    assert features[:, 3].tolist()[2:] == [2.0, 3.0, 3.0]
    assert features[4, :3] == pytest.approx(parts[1].positions[1].mean(axis=0))


def test_structure_features_come_in_chunks():
    """Many frames are never described at once, and the chunks join seamlessly."""
    sizes = []

    def spy(frames):
        sizes.append(frames.positions.size)
        return descriptors(frames)

    part = some_frames([1] * 500, 40, 3)
    features = structure_features([part], spy, FeatureSettings(), ["H"])
    assert max(sizes) < part.positions.size / 4
    assert features[:, :3] == pytest.approx(part.positions.mean(axis=1))


def test_measure_all_gives_a_column_per_quantity():
    """Dropped frames are NaN, also where the quantity would refuse them."""
    part = some_frames([8, 1], 3, 4)
    part.cells[1] = 0.0
    quantities = [QuantitySettings(name="volume"), QuantitySettings(name="min_distance", keywords={"pair": ["O", "H"]})]
    values = measure_all([part], quantities, [0, CandidateFlaw.NOT_FINITE, 0])
    assert np.isnan(values).tolist() == [[False, False], [True, True], [False, False]]
    assert values[0, 0] == pytest.approx(729.0)


def test_describe_gives_features_and_quantities_of_the_same_frames():
    """Both leave out frames with a flaw, and follow the settings."""
    both = FeatureSettings(reduction="both")
    wanted = ScreeningSettings(n_max=5, features=both, quantities=[QuantitySettings(name="volume")])
    made = describe([some_frames([8, 1], 3, 6)], descriptors, wanted, ["H", "O"], [0, CandidateFlaw.OVERLAP, 0])
    assert (made.features.shape, made.quantities.shape, len(made)) == ((3, 12), (3, 1), 3)
    assert np.isnan(made.features).all(axis=1).tolist() == [False, True, False]
    assert np.isnan(made.quantities[:, 0]).tolist() == [False, True, False]


def test_frame_features_without_quantities_have_no_further_axis():
    """Left out, they are none; of another length they are refused."""
    assert FrameFeatures(np.zeros((3, 2))).quantities.shape == (3, 0)
    with pytest.raises(InputError, match=r"expected \(3, n_quantities\)"):
        FrameFeatures(np.zeros((3, 2)), np.zeros((2, 1)))
