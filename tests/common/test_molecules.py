"""Tests of bonds and molecules under periodic boundary conditions."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.common.molecules import Molecules, bonds, cell_heights


def first_bonds(atoms):
    """Return pairs and shifts of one structure."""
    return next(iter(bonds(Frames.from_atoms([atoms]))))


def wrapped_water(cell):
    """Return a water molecule that lies across the corner of its cell, wrapped."""
    atoms = molecule("H2O")
    atoms.set_cell(cell)
    atoms.pbc = True
    atoms.positions -= atoms.positions[0] - 0.05
    atoms.wrap()
    return atoms


@pytest.mark.parametrize("cell", [np.eye(3) * 9, [[9, 0, 0], [4, 8, 0], [-3, 2, 7.5]], np.eye(3) * 3])
def test_bonds_of_water_across_the_boundary(cell):
    """Two bonds are found in a large, a skewed and a small cell, and the molecule is made whole."""
    atoms = wrapped_water(cell)
    pairs, shifts = first_bonds(atoms)
    assert sorted(map(tuple, pairs.tolist())) == [(0, 1), (0, 2)]
    molecules = Molecules.from_bonds(3, pairs, shifts)
    whole = atoms.positions + molecules.offsets @ np.array(atoms.cell)
    assert np.linalg.norm(whole[1:] - whole[0], axis=1) == pytest.approx([0.9686, 0.9686], abs=1e-3)
    assert not molecules.endless.any()


def test_bonds_of_a_small_cell_are_those_of_its_supercell():
    """The primitive cell of diamond has the four bonds of two atoms, the 2x2x2 supercell eight times as many."""
    diamond = bulk("C", "diamond", a=3.57)
    assert len(first_bonds(diamond)[0]) == 4
    assert len(first_bonds(diamond.repeat(2))[0]) == 32


def test_molecules_of_a_crystal_are_endless():
    """A network that is bonded to its own images has no inside and outside."""
    pairs, shifts = first_bonds(bulk("C", "diamond", a=3.57))
    assert Molecules.from_bonds(2, pairs, shifts).endless.all()


def test_molecules_count_fragments():
    """Two waters and a lone argon make three."""
    atoms = molecule("H2O") + Atoms("Ar", [[5, 0, 0]]) + Atoms("OH2", molecule("H2O").positions + np.array([0, 5, 0]))
    atoms.set_cell(np.eye(3) * 12)
    molecules = Molecules.from_bonds(7, *first_bonds(atoms))
    assert molecules.labels.tolist() == [0, 0, 0, 1, 2, 2, 2]


def test_an_image_of_a_molecule_is_another_molecule():
    """Only the copy of an atom that bonds lead to is in the same molecule."""
    molecules = Molecules.from_bonds(3, *first_bonds(wrapped_water(np.eye(3) * 9)))
    beside = molecules.offsets[1] - molecules.offsets[0]
    pair = np.array([0, 0]), np.array([1, 1])
    assert molecules.are_one(*pair, np.array([beside, beside + np.array([0, 0, 1])])).tolist() == [True, False]


def test_cell_height_of_a_skewed_cell_is_less_than_its_edges():
    """A cell sheared by 45 degrees keeps its height along the shear, and loses it across."""
    cells = np.array([[[4.0, 0, 0], [4.0, 4.0, 0], [0, 0, 10]]])
    assert cell_heights(cells) == pytest.approx([4 / np.sqrt(2)])


def test_cell_height_refuses_a_flat_cell():
    """The message names the frame."""
    with pytest.raises(InputError, match="frame 1"):
        cell_heights(np.array([np.eye(3), np.diag([1.0, 1.0, 0.0])]))
