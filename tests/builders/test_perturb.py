"""Random displacements."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from aiida_nnpgen.builders.perturb import perturb
from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.common.frames import Frames


def generate_structure() -> Atoms:
    """Return a crystal of 32 copper atoms."""
    return bulk("Cu", cubic=True) * (2, 2, 2)


def test_perturb_amplitude_is_the_rms_length_of_the_displacements() -> None:
    """Over many displacements the mean square length is the amplitude squared."""
    start = generate_structure()
    displacements = perturb(start, 200, 0.1, seed=1).positions - start.positions
    assert np.sqrt((displacements**2).sum(axis=-1).mean()) == pytest.approx(0.1, rel=0.02)
    assert displacements.std(axis=(0, 1)) == pytest.approx(np.full(3, 0.1 / np.sqrt(3)), rel=0.04)


def test_perturb_strain_is_symmetric_and_bounded() -> None:
    """The cell deforms by a symmetric strain within its amplitude, and fractional coordinates stay."""
    start = generate_structure()
    frames = perturb(start, 200, 0.0, seed=1, strain=0.04)
    strains = np.linalg.inv(start.cell.array) @ frames.cells - np.eye(3)
    assert strains == pytest.approx(strains.transpose(0, 2, 1), abs=1e-12)
    diagonal = strains[:, [0, 1, 2], [0, 1, 2]]
    sides = strains[:, [1, 0, 0], [2, 2, 1]]
    assert 0.035 < np.abs(diagonal).max() <= 0.04
    assert 0.0175 < np.abs(sides).max() <= 0.02
    fractions = frames.positions @ np.linalg.inv(frames.cells)
    assert fractions == pytest.approx(np.tile(start.get_scaled_positions(wrap=False), (200, 1, 1)), abs=1e-12)


def test_perturb_scales_the_volume_within_its_range() -> None:
    """The volume factors fill the range."""
    start = generate_structure()
    ratios = perturb(start, 200, 0.0, seed=1, volume_range=(0.9, 1.2)).volumes / start.get_volume()
    assert 0.9 <= ratios.min() < 0.91
    assert 1.19 < ratios.max() <= 1.2


def test_perturb_same_seed_gives_same_frames() -> None:
    """Equal seeds agree, others do not."""
    first, again, other = (perturb(generate_structure(), 2, 0.1, seed=seed).positions for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)


def test_perturb_keeps_the_smallest_distance() -> None:
    """Frames with a contact are drawn again."""
    start = Atoms("H2", positions=[[0, 0, 0], [0, 0, 1.0]], cell=[6] * 3, pbc=True)
    distances = np.linalg.norm(np.diff(perturb(start, 100, 0.4, seed=3, min_distance=0.9).positions, axis=1), axis=-1)
    assert distances.min() >= 0.9


def test_perturb_gives_up_where_every_draw_has_a_contact() -> None:
    """An impossible distance is named, not tried for ever."""
    with pytest.raises(InputError, match="`min_distance`"):
        perturb(generate_structure(), 1, 0.1, seed=1, min_distance=2.6)


def test_perturb_takes_frames_of_one_structure() -> None:
    """Frames that hold one structure do as well, labels or not."""
    start = generate_structure()
    frames = perturb(Frames.from_atoms([start]), 3, 0.1, seed=1)
    np.testing.assert_array_equal(frames.positions, perturb(start, 3, 0.1, seed=1).positions)
    with pytest.raises(InputError, match="`3`"):
        perturb(frames, 1, 0.1, seed=1)


def test_perturb_refuses_a_structure_without_a_box() -> None:
    """The dataset is periodic."""
    with pytest.raises(InputError, match="periodic"):
        perturb(Atoms("H"), 1, 0.1, seed=1)


@pytest.mark.parametrize(
    "changes",
    [{"n": 0}, {"amplitude": -0.1}, {"amplitude": np.nan}, {"strain": 0.6}, {"volume_range": (1.1, 0.9)}],
)
def test_perturb_names_the_argument_that_is_out_of_range(changes: dict[str, object]) -> None:
    """The error names argument and value."""
    with pytest.raises(InputError, match=f"`{next(iter(changes))}`"):
        perturb(generate_structure(), **({"n": 1, "amplitude": 0.1, "seed": 1} | changes))
