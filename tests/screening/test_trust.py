"""Tests of the trust window."""

from __future__ import annotations

import numpy as np
import pytest

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.screening.trust import combine_trust_levels, count_levels, trust_levels


def test_trust_levels_take_the_lower_bound_in_and_the_upper_bound_out():
    """The window is [lo, hi)."""
    levels = trust_levels([0.09, 0.1, 0.2, 0.3, 0.31], 0.1, 0.3)
    assert levels.tolist() == [0, 1, 1, 2, 2]
    assert levels.dtype == np.int8


@pytest.mark.parametrize("value", [0.0, -0.0, np.nan, np.inf, -np.inf, -0.1])
@pytest.mark.parametrize("lo", [0.0, 0.1])
def test_trust_levels_of_an_unusable_deviation_are_failed(value, lo):
    """Zero, NaN, infinity and negative numbers are no deviations."""
    assert trust_levels([value], lo, 0.3).tolist() == [2]


def test_trust_levels_without_an_upper_bound_fail_only_the_unusable():
    """An infinite upper bound lets every finite deviation in."""
    assert trust_levels([1e9, np.inf], 0.1, np.inf).tolist() == [1, 2]


def test_trust_levels_in_an_empty_window_have_no_candidates():
    """Equal bounds are allowed."""
    assert trust_levels([0.1, 0.2, 0.3], 0.2, 0.2).tolist() == [0, 2, 2]


@pytest.mark.parametrize(("lo", "hi"), [(0.3, 0.1), (-0.1, 0.3), (np.nan, 0.3), (0.1, np.nan), (np.inf, np.inf)])
def test_trust_levels_refuse_bounds_that_are_none(lo, hi):
    """Bounds upside down, negative, NaN or infinite at the lower end are refused."""
    with pytest.raises(InputError):
        trust_levels([0.2], lo, hi)


def test_trust_levels_of_no_frames_are_none():
    """An empty trajectory is no error."""
    assert trust_levels([], 0.1, 0.3).tolist() == []


def test_combined_levels_are_those_of_the_worst_deviation():
    """Any failure fails a frame; else any candidate makes it one."""
    deviations = {
        "force": [0.05, 0.05, 0.2, 0.2, 9.0],
        "energy": [0.01, 0.03, 0.01, np.nan, 0.01],
        "stress": [np.nan] * 5,
    }
    windows = {"force": (0.1, 0.3), "energy": (0.02, 0.05)}
    assert combine_trust_levels(deviations, windows).tolist() == [0, 1, 1, 2, 2]


def test_combined_levels_need_each_deviation():
    """A window without its deviation is refused by name."""
    with pytest.raises(InputError, match="stress"):
        combine_trust_levels({"force": [0.1]}, {"stress": (0.0, 1.0)})


def test_combined_levels_need_equal_lengths():
    """Deviations of different numbers of frames are refused."""
    with pytest.raises(InputError, match="length"):
        combine_trust_levels({"a": [0.1], "b": [0.1, 0.2]}, {"a": (0.0, 1.0), "b": (0.0, 1.0)})


def test_count_levels_counts_all_three():
    """Levels that do not occur count zero."""
    assert count_levels([0, 0, 2]) == {"known": 2, "candidate": 0, "failed": 1}
