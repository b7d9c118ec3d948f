"""The level of theory in words that every code shares."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.dft.method import Dispersion, Method, merge


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"dispersion": "d4"}, "`dispersion` must be none, d2 or d3, not `d4`"),
        ({"cutoff": -1.0}, "`cutoff` must be positive"),
        ({"kpoints_spacing": float("nan")}, "`kpoints_spacing` must be positive"),
        ({"kpoints": (1, 0, 1)}, "`kpoints` must be three numbers"),
        ({"kpoints": (1, 1, 1), "kpoints_spacing": 0.3}, "not both"),
        ({"multiplicity": 0}, "`multiplicity` must be at least 1"),
        ({"xc": "PBE"}, "`xc` is no part of a method"),
    ],
)
def test_method_refuses(values: dict[str, Any], message: str) -> None:
    """An impossible value is named."""
    with pytest.raises(InputError, match=message):
        Method.from_dict(values)


def test_method_survives_being_written_down() -> None:
    """Plain values give the same method again."""
    method = Method(functional="PBE", dispersion=Dispersion.D3, kpoints=(1, 2, 3), parameters={"A": {"b": 1}})
    assert Method.from_dict(method.to_dict()) == method


def test_mesh_by_spacing_is_never_wider_than_asked() -> None:
    """The reciprocal vectors of a skewed cell, divided by the mesh, are no longer than the spacing."""
    cell = np.array([[5.0, 0.0, 0.0], [1.5, 6.0, 0.0], [0.5, -1.0, 12.0]])
    mesh = Method(kpoints_spacing=0.3).mesh(cell)
    lengths = np.linalg.norm(2 * np.pi * np.linalg.inv(cell).T, axis=1)
    assert (lengths / mesh <= 0.3 + 1e-9).all()
    assert (lengths / (np.array(mesh) - 1 + 1e-12) > 0.3).all()


def test_mesh_without_words_is_the_gamma_point() -> None:
    """No mesh and no spacing: one point."""
    assert Method().mesh(np.eye(3)) == (1, 1, 1)


def test_merge_goes_into_sections() -> None:
    """A value replaces a value, a section is merged; neither input changes."""
    base = {"a": {"x": 1, "y": 2}, "b": [1, 2]}
    assert merge(base, {"a": {"y": 3}, "b": [4]}) == {"a": {"x": 1, "y": 3}, "b": [4]}
    assert base == {"a": {"x": 1, "y": 2}, "b": [1, 2]}


@pytest.mark.parametrize(
    ("base", "override"),
    [({"kpoints": [2, 2, 2]}, {"kpoints_spacing": 0.2}), ({"kpoints_spacing": 0.2}, {"kpoints": [1, 1, 1]})],
)
def test_merge_keeps_one_of_mesh_and_spacing(base: dict[str, Any], override: dict[str, Any]) -> None:
    """Mesh and spacing exclude each other: the last one named stays."""
    assert merge(base, override) == override
