"""The orientation that LAMMPS demands."""

from __future__ import annotations

import numpy as np
import pytest

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.samplers.lammps.cell import RestrictedCell

SKEWED = np.array([[1.0, 7.0, 2.0], [6.0, -1.0, 3.0], [2.0, 2.0, 9.0]])


@pytest.mark.parametrize("cell", [SKEWED, SKEWED[[1, 0, 2]]], ids=["left-handed", "right-handed"])
def test_restricted_cell_keeps_metric(cell: np.ndarray) -> None:
    """The restricted form is lower triangular with positive diagonal; lengths and angles are kept."""
    restricted = RestrictedCell.from_cell(cell)
    assert not np.triu(restricted.cell, 1).any()
    assert (np.diag(restricted.cell) > 0).all()
    np.testing.assert_allclose(restricted.cell @ restricted.cell.T, cell @ cell.T, atol=1e-12)


@pytest.mark.parametrize("cell", [SKEWED, SKEWED[[1, 0, 2]]], ids=["left-handed", "right-handed"])
def test_restricted_cell_rotates_properly(cell: np.ndarray) -> None:
    """The rotation is proper, so that a chiral molecule stays what it is."""
    rotation = RestrictedCell.from_cell(cell).rotation
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(rotation) == pytest.approx(1.0)


@pytest.mark.parametrize("cell", [SKEWED, SKEWED[[1, 0, 2]]], ids=["left-handed", "right-handed"])
def test_restricted_cell_turns_back(cell: np.ndarray) -> None:
    """Cell and vectors come back as they were."""
    restricted = RestrictedCell.from_cell(cell)
    vectors = np.random.default_rng(0).normal(size=(4, 5, 3))
    np.testing.assert_allclose(restricted.restore_cells(restricted.cell), cell, atol=1e-12)
    np.testing.assert_allclose(restricted.rotate_back(restricted.rotate(vectors)), vectors, atol=1e-12)


def test_restricted_cell_leaves_triangular_cell() -> None:
    """A cell that already is as LAMMPS wants it is not touched, not even by rounding."""
    cell = np.array([[7.1, 0, 0], [1.3, 6.2, 0], [0.4, 0.5, 9.3]])
    restricted = RestrictedCell.from_cell(cell)
    assert np.array_equal(restricted.cell, cell)
    assert np.array_equal(restricted.rotation, np.eye(3))


@pytest.mark.parametrize("cell", [np.zeros((3, 3)), np.full((3, 3), np.nan), np.ones((3, 3))])
def test_restricted_cell_refuses_flat_cell(cell: np.ndarray) -> None:
    """Three dependent vectors are refused."""
    with pytest.raises(InputError, match="is no cell"):
        RestrictedCell.from_cell(cell)
