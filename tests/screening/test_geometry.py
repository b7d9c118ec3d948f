"""Tests of the geometry filters."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.screening.flaws import CandidateFlaw
from aiida_nnpgen.screening.geometry import GeometrySettings, check_geometry, largest_hole


def waters(n=2, spacing=3.0):
    """Return water molecules on a line in a box that they fill."""
    atoms = Atoms()
    for place in range(n):
        one = molecule("H2O")
        one.positions += [place * spacing, 0, 0]
        atoms += one
    atoms.set_cell([n * spacing, 4.0, 4.0])
    atoms.pbc = True
    return atoms


def moved(atoms, index, vector):
    """Return a copy with one atom moved."""
    copy = atoms.copy()
    copy.positions[index] += vector
    return copy


def codes(images, start=None, **options):
    """Return the reasons for some structures."""
    settings = GeometrySettings(**options)
    return check_geometry(Frames.from_atoms(images), settings, None if start is None else Frames.from_atoms([start]))


def test_geometry_keeps_intact_frames():
    """A fine structure passes all filters together."""
    every = {"torn_bond": 1.5, "detached": 4.0, "hole": 3.0, "min_density": 0.5, "max_density": 2.0}
    assert codes([waters()], waters(), **every).tolist() == [CandidateFlaw.NONE]


@pytest.mark.parametrize("box", [4.0, 20.0])
def test_geometry_drops_overlapping_atoms(box):
    """Half the sum of the radii is the default; across the boundary too, and in a small cell."""
    near = Atoms("OH", [[0.05, 0, 0], [box - 0.35, 0, 0]], cell=np.eye(3) * box, pbc=True)
    fine = Atoms("OH", [[0.05, 0, 0], [box - 0.55, 0, 0]], cell=np.eye(3) * box, pbc=True)
    assert codes([near, fine]).tolist() == [CandidateFlaw.OVERLAP, CandidateFlaw.NONE]


def test_geometry_drops_an_atom_on_its_own_image():
    """A cell that has collapsed brings an atom onto itself."""
    assert codes([Atoms("O", cell=[5, 5, 0.4], pbc=True)]).tolist() == [CandidateFlaw.OVERLAP]


def test_geometry_drops_a_torn_bond():
    """A bond of the start stretched to 1.7 Å is torn at 1.5 times the radii, one of 1.3 Å is not."""
    start = waters()
    direction = (start.positions[1] - start.positions[0]) / start.get_distance(0, 1)
    images = [moved(start, 1, direction * (length - start.get_distance(0, 1))) for length in (1.3, 1.7)]
    assert codes(images, start, torn_bond=1.5).tolist() == [CandidateFlaw.NONE, CandidateFlaw.DISSOCIATED]


def test_geometry_of_a_bond_across_the_boundary_is_not_torn():
    """Wrapping a molecule does not tear it."""
    wrapped = waters()
    wrapped.positions -= [0.5, 0.2, 0.1]
    wrapped.wrap()
    assert codes([wrapped], waters(), torn_bond=1.5).tolist() == [CandidateFlaw.NONE]


def test_geometry_needs_a_start_for_torn_bonds():
    """The filter cannot act without knowing what was bonded, and to whom."""
    with pytest.raises(InputError, match="start"):
        codes([waters()], torn_bond=1.5)
    with pytest.raises(InputError, match="atoms"):
        codes([waters()], waters(3), torn_bond=1.5)


def test_geometry_drops_a_detached_molecule():
    """A water that left the others is found; one in contact is not."""
    start = waters()
    start.set_cell(np.eye(3) * 30)
    away = start.copy()
    away.positions[3:] += [10, 0, 0]
    assert codes([start, away], detached=4.0).tolist() == [CandidateFlaw.NONE, CandidateFlaw.DETACHED]


def test_geometry_drops_a_hole():
    """A slab in a long cell has vacuum beside it."""
    slab = waters()
    slab.set_cell([6.0, 4.0, 14.0])
    assert codes([waters(), slab], hole=3.5).tolist() == [CandidateFlaw.NONE, CandidateFlaw.VACUUM]


def test_geometry_drops_absurd_densities():
    """Both bounds act."""
    images = [waters(), waters(), waters()]
    images[1].set_cell(np.eye(3) * 12)
    images[2].set_cell([3.0, 2.5, 2.5])
    assert codes(images, overlap=None, min_density=0.3, max_density=2.0).tolist() == [0, 6, 6]


def test_geometry_drops_what_is_not_finite():
    """NaN and a flat cell are dropped under any settings, and do not disturb the others."""
    frames = Frames.from_atoms([waters()] * 3)
    frames.positions[1, 0, 0] = np.nan
    frames.cells[2, 0] = 0.0
    every = GeometrySettings(detached=4.0, hole=3.0, min_density=0.1)
    assert check_geometry(frames, every).tolist() == [
        CandidateFlaw.NONE,
        CandidateFlaw.NOT_FINITE,
        CandidateFlaw.NOT_FINITE,
    ]


def test_geometry_gives_the_first_reason():
    """A frame with an overlap and a torn bond counts once, as overlap."""
    bad = moved(waters(), 1, waters().positions[3] - waters().positions[1] + 0.1)
    assert codes([bad], waters(), torn_bond=1.5).tolist() == [CandidateFlaw.OVERLAP]


def test_largest_hole_of_a_cubic_crystal_is_half_its_diagonal():
    """In a simple cubic lattice the body centre is farthest, sqrt(3)/2 a; in fcc the octahedral hole, a/2."""
    cubic, fcc = Atoms("Po", cell=np.eye(3) * 4, pbc=True), bulk("Al", "fcc", a=4.0)
    holes = [largest_hole(Frames.from_atoms([atoms]), spacing=0.25)[0] for atoms in (cubic, fcc)]
    assert holes == pytest.approx([np.sqrt(3) * 2, 2.0], abs=0.02)


@pytest.mark.parametrize(
    "options",
    [{"overlap": 0.0}, {"overlap": 1.0}, {"torn_bond": 1.0}, {"hole": -1.0}, {"min_density": 2.0, "max_density": 1.0}],
)
def test_geometry_settings_refuse_values_out_of_range(options):
    """The wrong value is named by its key."""
    with pytest.raises(InputError, match=next(iter(options))):
        GeometrySettings(**options)
