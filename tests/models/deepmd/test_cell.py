"""Cells as DeePMD-kit can read them."""

from __future__ import annotations

import numpy as np

from aiida_nnpgen.models.deepmd.cell import right_handed

CELLS = np.random.default_rng(0).normal(size=(20, 3, 3))


def test_right_handed_turns_those_that_are_not() -> None:
    """About half of random cells are left-handed; afterwards none is, and the volumes are the same."""
    before, after = np.linalg.det(CELLS), np.linalg.det(right_handed(CELLS))
    assert 0 < (before < 0).sum() < 20
    np.testing.assert_allclose(after, np.abs(before))


def test_right_handed_keeps_the_lattice() -> None:
    """New vectors are whole-number combinations of the old ones, and cells that were right stay bit for bit."""
    after = right_handed(CELLS)
    combinations = after @ np.linalg.inv(CELLS)
    np.testing.assert_allclose(combinations, combinations.round(), atol=1e-9)
    right = np.linalg.det(CELLS) > 0
    np.testing.assert_array_equal(after[right], CELLS[right])
