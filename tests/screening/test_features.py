"""Tests of features of structures."""

from __future__ import annotations

import numpy as np
import pytest

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.screening.features import reduce_descriptors

WATER = [8, 1, 1]
DESCRIPTORS = np.array([[[1.0, 10.0], [2.0, 20.0], [6.0, 60.0]]])


def test_reduction_mean_is_over_all_atoms():
    """All atoms weigh the same."""
    assert reduce_descriptors(DESCRIPTORS, WATER).tolist() == [[3.0, 30.0]]


def test_reduction_per_element_follows_the_order_of_the_elements():
    """Blocks stand in the order of the elements given, zeros where one is absent."""
    reduced = reduce_descriptors(DESCRIPTORS, WATER, reduction="mean_per_element", elements=["H", "C", "O"])
    assert reduced.tolist() == [[4.0, 40.0, 0.0, 0.0, 1.0, 10.0]]


def test_reduction_both_puts_the_overall_mean_first():
    """The means of the elements follow the mean over all."""
    reduced = reduce_descriptors(DESCRIPTORS, WATER, reduction="both", elements=["O", "H"])
    assert reduced.tolist() == [[3.0, 30.0, 1.0, 10.0, 4.0, 40.0]]


def test_reduction_does_not_depend_on_the_order_of_atoms():
    """A permutation of the atoms gives the same features."""
    one = reduce_descriptors(DESCRIPTORS, WATER, reduction="both", elements=["O", "H"])
    two = reduce_descriptors(DESCRIPTORS[:, ::-1], WATER[::-1], reduction="both", elements=["O", "H"])
    assert np.array_equal(one, two)


def test_reduction_refuses_an_element_that_is_not_listed():
    """Atoms of another element would be lost silently."""
    with pytest.raises(InputError, match="`8`"):
        reduce_descriptors(DESCRIPTORS, WATER, reduction="mean_per_element", elements=["H"])


@pytest.mark.parametrize("elements", [None, [], ["Zz"], ["X"]])
def test_reduction_refuses_elements_that_are_none(elements):
    """Elements are needed, and must exist."""
    with pytest.raises(InputError):
        reduce_descriptors(DESCRIPTORS, WATER, reduction="both", elements=elements)


def test_reduction_refuses_an_unknown_name():
    """The message lists the reductions."""
    with pytest.raises(InputError, match="mean_per_element"):
        reduce_descriptors(DESCRIPTORS, WATER, reduction="median")


def test_reduction_refuses_lengths_that_do_not_match():
    """Descriptors belong to the atoms given."""
    with pytest.raises(InputError, match="shape"):
        reduce_descriptors(DESCRIPTORS, [8, 1])


def test_reduction_names_the_frame_that_is_not_finite():
    """A NaN in one atom is traced to its frame."""
    descriptors = np.repeat(DESCRIPTORS, 3, axis=0)
    descriptors[2, 1, 0] = np.nan
    with pytest.raises(InputError, match="frame 2"):
        reduce_descriptors(descriptors, WATER)
