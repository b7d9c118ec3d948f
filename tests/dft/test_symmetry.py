"""Forces that symmetry forbids."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT

from aiida_nnpgen.dft.symmetry import symmetry_forbids_forces


@pytest.mark.parametrize(
    ("atoms", "is_forbidden"),
    [
        (bulk("Cu", cubic=True), True),
        (bulk("Si"), True),
        (bulk("NaCl", "rocksalt", a=5.64, cubic=True), True),
        (bulk("Mg"), True),
        (bulk("ZnO", "wurtzite", a=3.25, c=5.2, u=0.4), False),
        (bulk("Cu", cubic=True, a=3.3) * (2, 1, 1), True),
    ],
    ids=["fcc", "diamond", "rocksalt", "hcp", "wurtzite", "supercell"],
)
def test_symmetry_forbids_forces_in_crystals(atoms: Atoms, is_forbidden: bool) -> None:
    """Sites without a direction have no force; a displaced atom, or a polar crystal, has."""

    def ask(atoms: Atoms) -> bool:
        return symmetry_forbids_forces(atoms.numbers, atoms.positions, atoms.cell.array)

    assert ask(atoms) is is_forbidden
    moved = atoms.copy()
    moved.positions = np.round(moved.positions, 5)
    assert ask(moved) is is_forbidden
    moved.positions[0, 0] += 0.02
    assert not ask(moved)


def test_symmetry_agrees_with_a_potential() -> None:
    """Where it forbids forces, an independent potential has none."""
    atoms = bulk("Cu", cubic=True).repeat((2, 1, 1))
    atoms.calc = EMT()
    np.testing.assert_allclose(atoms.get_forces(), 0, atol=1e-10)
    assert symmetry_forbids_forces(atoms.numbers, atoms.positions, atoms.cell.array)
