"""Tests of quantities against numbers known otherwise."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from ase.neighborlist import neighbor_list

from aiida_nnpgen.common import plugins
from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.screening.base import measure
from aiida_nnpgen.screening.quantities import density, energy, energy_per_atom, max_force, min_distance, volume

RNG = np.random.default_rng(6)


def frames_of(*images):
    """Return frames of one composition."""
    return Frames.from_atoms(list(images))


def two_waters(apart, box=12.0):
    """Return two water molecules whose oxygens are some distance apart along x."""
    one, two = molecule("H2O"), molecule("H2O")
    two.positions += [apart, 0, 0]
    atoms = one + two
    atoms.set_cell(np.eye(3) * box)
    atoms.pbc = True
    return atoms


def labelled():
    """Return two frames of two atoms with labels."""
    return Frames(
        numbers=[8, 1],
        positions=np.zeros((2, 2, 3)),
        cells=np.eye(3) * np.array([2.0, 3.0])[:, None, None],
        energies=[-3.0, 1.0],
        forces=[[[3.0, 0, 4.0], [0, 0, 0]], [[0, 0, 0], [0, -2.0, 0]]],
    )


def test_energy_quantities_are_the_labels():
    """Energy per atom is energy over the number of atoms."""
    assert energy(labelled()).tolist() == [-3.0, 1.0]
    assert energy_per_atom(labelled()).tolist() == [-1.5, 0.5]


def test_max_force_is_a_length():
    """The largest vector counts, not the largest component."""
    assert max_force(labelled()).tolist() == [5.0, 2.0]


@pytest.mark.parametrize("quantity", [energy, energy_per_atom, max_force])
def test_label_quantities_need_labels(quantity):
    """Bare frames are refused."""
    with pytest.raises(InputError, match="carry no"):
        quantity(labelled().without_labels())


def test_volume_and_density_of_ice_like_box():
    """One water molecule in 29.915 Å³ has a density of 1 g/cm³."""
    frames = Frames(numbers=[8, 1, 1], positions=np.zeros((1, 3, 3)), cells=[np.diag([29.915, 1, 1])])
    assert volume(frames) == pytest.approx([29.915])
    assert density(frames) == pytest.approx([1.0], rel=1e-4)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("pair", [None, ("O", "H"), ("H", "O"), ("C", "C"), ("O", "O")])
def test_min_distance_in_any_cell_is_that_of_a_neighbour_list(seed, pair):
    """Random atoms in random, skewed and small cells, with atoms far outside: self-images count too."""
    rng = np.random.default_rng(seed)
    cell = rng.normal(size=(3, 3)) * rng.choice([1.5, 4, 8]) + np.eye(3) * rng.choice([1.0, 3.0])
    atoms = Atoms("OHCH", rng.normal(size=(4, 3)) * 20, cell=cell, pbc=True)
    i, j, d = neighbor_list("ijd", atoms, np.linalg.norm(atoms.cell, axis=1).sum())
    symbols = np.array(atoms.get_chemical_symbols())
    wanted = np.ones(len(i), dtype=bool)
    if pair is not None:
        wanted = ((symbols[i] == pair[0]) & (symbols[j] == pair[1])) | (
            (symbols[i] == pair[1]) & (symbols[j] == pair[0])
        )
    assert min_distance(frames_of(atoms), pair) == pytest.approx([d[wanted].min()])


def test_min_distance_of_one_atom_is_its_nearest_image():
    """The primitive cell of aluminium has one atom, sqrt(1/2) a from its images."""
    assert min_distance(frames_of(bulk("Al", "fcc", a=4.05)), ("Al", "Al")) == pytest.approx([4.05 / np.sqrt(2)])


def test_min_distance_within_and_between_molecules():
    """The O-H bond is intramolecular, the shortest O-H between two waters is not."""
    atoms = two_waters(3.0)
    frames = frames_of(atoms)
    between = np.linalg.norm(atoms.positions[[0, 0, 3, 3]] - atoms.positions[[4, 5, 1, 2]], axis=1).min()
    assert min_distance(frames, ("O", "H"), "intra") == pytest.approx([atoms.get_distance(0, 1)])
    assert min_distance(frames, ("O", "H"), "inter") == pytest.approx([between])
    assert min_distance(frames, ("O", "H")) == pytest.approx([atoms.get_distance(0, 1)])


def test_min_distance_does_not_depend_on_wrapping_or_origin():
    """Moving the whole across the boundary changes nothing."""
    atoms = two_waters(3.0)
    moved = atoms.copy()
    moved.positions += [11.5, 0.3, 6.0]
    moved.wrap()
    for scope in ("all", "intra", "inter"):
        values = min_distance(frames_of(atoms, moved), ("H", "H"), scope)
        assert values[0] == pytest.approx(values[1])


def test_min_distance_between_a_molecule_and_its_own_image():
    """One water in a cell of 3.5 Å: its image is another molecule."""
    atoms = molecule("H2O")
    atoms.set_cell(np.eye(3) * 3.5)
    atoms.pbc = True
    assert min_distance(frames_of(atoms), ("O", "O"), "inter") == pytest.approx([3.5])
    assert min_distance(frames_of(atoms), ("H", "H"), "intra") == pytest.approx([atoms.get_distance(1, 2)])


def test_min_distance_within_a_molecule_is_not_shortened_by_the_cell():
    """The ends of a chain that nearly meets its image are far apart along the chain."""
    chain = Atoms("HCCCCH", [[x, 0, 0] for x in (0.0, 1.1, 2.3, 3.5, 4.7, 5.8)], cell=[7.5, 9, 9], pbc=True)
    assert min_distance(frames_of(chain), ("H", "H"), "intra") == pytest.approx([5.8])
    assert min_distance(frames_of(chain), ("H", "H"), "inter") == pytest.approx([1.7])


def test_min_distance_names_an_element_that_is_absent():
    """A pair that is not there is an error of the input."""
    with pytest.raises(InputError, match="`N`"):
        min_distance(frames_of(two_waters(3.0)), ("N", "H"))


@pytest.mark.parametrize("pair", ["OH", ("O",), ("O", "H", "H"), ("O", "Zz")])
def test_min_distance_refuses_a_pair_that_is_none(pair):
    """A pair is two chemical symbols."""
    with pytest.raises(InputError):
        min_distance(frames_of(two_waters(3.0)), pair)


def test_min_distance_refuses_an_unknown_scope():
    """The message lists the scopes."""
    with pytest.raises(InputError, match="inter"):
        min_distance(frames_of(two_waters(3.0)), scope="outer")


def test_min_distance_refuses_a_pair_that_no_molecule_has():
    """A molecule with one oxygen has no distance between two."""
    with pytest.raises(InputError, match="frame 0"):
        min_distance(frames_of(two_waters(3.0)), ("O", "O"), "intra")


def test_min_distance_of_no_frames_is_empty():
    """An empty selection has no distances."""
    for scope in ("all", "intra", "inter"):
        assert min_distance(frames_of(two_waters(3.0))[[]], ("O", "H"), scope).shape == (0,)


@pytest.mark.parametrize("name", plugins.names("nnpgen.quantities"))
def test_quantity_gives_one_finite_number_a_frame(name):
    """Every registered quantity keeps the contract on labelled frames."""
    images = [two_waters(x) for x in (2.8, 3.0, 3.3)]
    bare = frames_of(*images)
    frames = Frames(
        numbers=bare.numbers,
        positions=bare.positions,
        cells=bare.cells,
        energies=[1.0, 2.0, 3.0],
        forces=np.ones_like(bare.positions),
    )
    assert measure(name, frames, {}).shape == (3,)


def test_measure_refuses_a_value_that_is_not_finite():
    """A NaN energy cannot be an axis, and its frame is named."""
    frames = labelled()
    frames.energies[1] = np.nan
    with pytest.raises(InputError, match="frame 1"):
        measure("energy", frames, {})


def test_measure_refuses_an_unknown_keyword():
    """A misspelt keyword is named."""
    with pytest.raises(InputError, match="pairs"):
        measure("min_distance", labelled(), {"pairs": ("O", "H")})
