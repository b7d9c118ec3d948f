"""Displaced structures."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from aiida import orm

from aiida_nnpgen.calculations.functions import perturb_structure

pytestmark = pytest.mark.usefixtures("aiida_profile")


def settings(seed: int = 3) -> orm.Dict:
    """Return settings of two displaced copies."""
    return orm.Dict({"perturb": {"count": 2, "amplitude": 0.1, "strain": 0.02}, "seed": seed})


def test_perturb_structure_displaces_atoms_and_cell(generate_structure: Callable[..., orm.StructureData]) -> None:
    """Copies are numbered through, each with its origin, each another."""
    made = perturb_structure(settings(), orm.Str("a"), generate_structure())
    assert sorted(made["structures"]) == ["frame_0000", "frame_0001"]
    reasons = [entry["reason"] for entry in made["record"].get_dict().values()]
    assert reasons == ["random displacement of `a`"] * 2
    images = [made["structures"][key].get_ase() for key in ("frame_0000", "frame_0001")]
    assert np.abs(images[0].positions - images[1].positions).max() > 1e-3
    assert np.abs(np.array(images[0].cell) - np.array(images[1].cell)).max() > 1e-3


def test_perturb_structure_depends_on_seed_and_name(generate_structure: Callable[..., orm.StructureData]) -> None:
    """Equal seeds and names give equal copies, others give others."""
    structure = generate_structure().store()
    first, second, other, named = (
        perturb_structure(settings(seed), orm.Str(name), structure)["structures"]["frame_0000"].get_ase()
        for seed, name in ((3, "a"), (3, "a"), (4, "a"), (3, "b"))
    )
    np.testing.assert_array_equal(first.positions, second.positions)
    assert np.abs(first.positions - other.positions).max() > 1e-3
    assert np.abs(first.positions - named.positions).max() > 1e-3
