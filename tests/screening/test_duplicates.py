"""Tests of the search for equal candidates."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.screening.duplicates import duplicate_flaws
from aiida_nnpgen.screening.flaws import CandidateFlaw

IN_DATASET, REPEATED = CandidateFlaw.DUPLICATE_OF_DATASET, CandidateFlaw.DUPLICATE_OF_CANDIDATE
RNG = np.random.default_rng(4)
CELL = np.array([[7.0, 0, 0], [1.0, 8.0, 0], [0, -0.5, 9.0]])


def frame(positions, cell=CELL, numbers=(8, 1, 1, 6)) -> Frames:
    """Return one frame."""
    return Frames(numbers=numbers, positions=[positions], cells=[cell])


POSITIONS = RNG.random((4, 3)) @ CELL
TURN = np.linalg.qr(RNG.normal(size=(3, 3)))[0]
SAME = {
    "itself": frame(POSITIONS),
    "outside of the cell": frame(POSITIONS + np.array([[1, 0, 0], [0, -2, 0], [0, 0, 0], [1, 1, 1]]) @ CELL),
    "moved as a whole": frame(POSITIONS + np.array([0.3, -2.0, 11.0])),
    "turned": frame(POSITIONS @ TURN, CELL @ TURN),
    "like atoms in another order": frame(POSITIONS[[0, 2, 1, 3]]),
    "unlike atoms in another order": frame(POSITIONS[[3, 0, 1, 2]], numbers=(6, 8, 1, 1)),
    "within the tolerance": frame(POSITIONS + 4e-4 * np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, 0, -1]])),
}
OTHER = {
    "beyond the tolerance": frame(POSITIONS + np.array([[5e-3, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0]])),
    "another cell": frame(POSITIONS, CELL * 1.001),
    "elements exchanged": frame(POSITIONS[[3, 1, 2, 0]]),
    "another composition": frame(POSITIONS, numbers=(8, 1, 1, 1)),
}


@pytest.mark.parametrize("name", SAME)
def test_duplicate_flaws_find_a_frame_of_the_dataset(name):
    """However it is described."""
    assert duplicate_flaws([SAME[name]], [SAME["itself"]], 1e-3, [0]).tolist() == [IN_DATASET]


@pytest.mark.parametrize("name", OTHER)
def test_duplicate_flaws_leave_other_frames_alone(name):
    """What would have another label is kept."""
    assert duplicate_flaws([OTHER[name]], [SAME["itself"]], 1e-3, [0]).tolist() == [0]


def test_duplicate_flaws_keep_the_first_of_equal_candidates():
    """Flawed candidates are no twins of anything, parts are searched together, and None compares nothing."""
    parts = [SAME["itself"], OTHER["another cell"], SAME["moved as a whole"], SAME["turned"]]
    assert duplicate_flaws(parts, [], 1e-3, [0, 0, 0, 0]).tolist() == [0, 0, REPEATED, REPEATED]
    overlap = CandidateFlaw.OVERLAP
    assert duplicate_flaws(parts, [], 1e-3, [overlap, 0, 0, 0]).tolist() == [overlap, 0, 0, REPEATED]
    assert duplicate_flaws(parts, [], None, [0, 0, 0, 0]).tolist() == [0, 0, 0, 0]
    assert duplicate_flaws([], [SAME["itself"]], 1e-3, []).tolist() == []


def test_duplicate_flaws_leave_frames_of_one_atom_apart_by_their_cells():
    """One atom in a cell is the same wherever it is."""
    images = [Atoms("Ar", positions=[[x, 0, 0]], cell=np.eye(3) * a, pbc=True) for x, a in ((0, 5), (1, 5), (0, 5.1))]
    assert duplicate_flaws([Frames.from_atoms(images)], [], 1e-3, [0, 0, 0]).tolist() == [0, REPEATED, 0]


@pytest.mark.parametrize("spread", [0.0, 0.02, 0.3])
def test_duplicate_flaws_of_thousands_of_frames(spread):
    """Thousands of equal, nearly equal and different frames of a crystal are told apart."""
    atoms = bulk("Cu", cubic=True) * (2, 2, 2)
    noise = np.random.default_rng(1).normal(scale=spread, size=(4000, len(atoms), 3))
    cells = np.repeat(np.array(atoms.cell)[None], 4000, axis=0)
    frames = Frames(numbers=atoms.numbers, positions=atoms.positions + noise, cells=cells)
    found = duplicate_flaws([frames], [frames[:2000]], 1e-3, np.zeros(4000))
    assert (found[:2000] == IN_DATASET).all()
    assert (found[2000:] == (IN_DATASET if spread == 0 else 0)).all()


def test_duplicate_flaws_of_few_candidates_against_many_frames() -> None:
    """The dataset may be larger than the set of candidates."""
    atoms = bulk("Cu", cubic=True)
    rng = np.random.default_rng(0)
    cells = np.tile(atoms.cell.array, (9, 1, 1))
    positions = atoms.positions + rng.normal(scale=0.1, size=(9, 4, 3))
    dataset = Frames(numbers=atoms.numbers, positions=positions, cells=cells)
    flaws = duplicate_flaws([dataset[[7]], dataset[[2]]], [dataset[:7]], 1e-3, [0, 0])
    assert flaws.tolist() == [CandidateFlaw.NONE, CandidateFlaw.DUPLICATE_OF_DATASET]
