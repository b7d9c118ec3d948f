"""Other descriptions of a crystal are the same crystal."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.common.voigt import from_voigt
from aiida_nnpgen.testing.equivalents import EQUIVALENTS
from aiida_nnpgen.testing.pair_potential import label


def crystal() -> Atoms:
    """Return a rattled alloy without symmetry, in a cell without right angles."""
    atoms = bulk("CuAg", "rocksalt", a=5.3) * (2, 1, 2)
    atoms.set_cell(atoms.cell.array @ np.array([[1, 0.1, 0], [0, 1, 0.2], [0.05, 0, 0.9]]), scale_atoms=True)
    atoms.rattle(0.1, seed=1)
    return atoms


@pytest.mark.parametrize("name", sorted(EQUIVALENTS))
def test_equivalents_have_the_same_physics(name: str) -> None:
    """Energy, forces, stress and positions are those of the original, once restored."""
    atoms = crystal()
    other = EQUIVALENTS[name](atoms)
    expected, found = (label(Frames.from_atoms([item])) for item in (atoms, other.atoms))
    np.testing.assert_allclose(found.energies, expected.energies, atol=1e-9)
    np.testing.assert_allclose(other.restore_vectors(found.forces), expected.forces, atol=1e-9)
    np.testing.assert_allclose(
        other.restore_tensor(from_voigt(found.stresses)), from_voigt(expected.stresses), atol=1e-9
    )
    np.testing.assert_allclose(other.restore_positions(other.atoms.positions), atoms.positions, atol=1e-9)


def test_equivalents_are_other_descriptions() -> None:
    """Each but the first differs from the original, and one is left-handed."""
    atoms = crystal()
    others = {name: make(atoms).atoms for name, make in EQUIVALENTS.items()}
    for name, other in others.items():
        is_same = np.allclose(other.cell, atoms.cell) and np.allclose(other.positions, atoms.positions)
        assert is_same == (name == "unchanged")
    assert np.linalg.det(others["left_handed"].cell) < 0 < np.linalg.det(atoms.cell)
