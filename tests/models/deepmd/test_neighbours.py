"""Numbers of neighbours."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.models.deepmd.neighbours import count_neighbours, estimate_sel


@pytest.fixture
def salt() -> Frames:
    """Return rock salt with a distance of 2 Å between unlike ions."""
    return Frames.from_atoms([bulk("NaCl", "rocksalt", a=4.0)])


def test_count_neighbours_sees_images(salt: Frames) -> None:
    """In the primitive cell of rock salt every ion has 6 unlike and 12 like neighbours in two shells."""
    counts = count_neighbours(salt, ["Na", "Cl"], 3.0)
    np.testing.assert_array_equal(counts[0], [[12, 6], [6, 12]])


def test_count_neighbours_follows_order_of_elements(salt: Frames) -> None:
    """Columns stand in the order of the elements given."""
    counts = count_neighbours(salt, ["Cl", "Na"], 3.0)
    np.testing.assert_array_equal(counts[0], [[6, 12], [12, 6]])


def test_estimate_sel_rounds_up(salt: Frames) -> None:
    """Within 3 / 0.7^(1/3) = 3.38 Å there are 12 like and 6 unlike neighbours; 12 is a multiple of 4 already."""
    assert estimate_sel([salt], ["Na", "Cl"], 3.0) == (12, 12)
    assert estimate_sel([salt], ["Na", "Cl"], 3.0, margin=1.01) == (16, 16)


def test_estimate_sel_holds_when_compressed() -> None:
    """No ion of a crystal compressed to 70 % of its volume has more neighbours than estimated."""
    loose = bulk("NaCl", "rocksalt", a=5.6)
    dense = loose.copy()
    dense.set_cell(loose.cell * 0.7 ** (1 / 3), scale_atoms=True)
    sel = estimate_sel([Frames.from_atoms([loose])], ["Na", "Cl"], 6.0)
    counts = count_neighbours(Frames.from_atoms([dense]), ["Na", "Cl"], 6.0)
    assert (counts.max(axis=(0, 1)) <= sel).all()


def test_estimate_sel_applies_margin(salt: Frames) -> None:
    """A margin of 2 doubles what is needed."""
    assert estimate_sel([salt], ["Na", "Cl"], 3.0, margin=2.0) == (24, 24)


def test_estimate_sel_counts_densest_frame() -> None:
    """Whatever the order and number of frames, the smallest volume is among those counted."""
    images = [bulk("NaCl", "rocksalt", a=8.0) for _ in range(60)]
    images[37] = bulk("NaCl", "rocksalt", a=4.0)
    assert estimate_sel([Frames.from_atoms(images)], ["Na", "Cl"], 3.0) == (12, 12)


def test_estimate_sel_leaves_room_for_absent_element(salt: Frames) -> None:
    """An element of the model that no frame holds gets the smallest number."""
    assert estimate_sel([salt], ["Na", "Cl", "K"], 3.0)[2] == 4


def test_estimate_sel_refuses_foreign_element(salt: Frames) -> None:
    """An element that the model lacks is named."""
    with pytest.raises(InputError, match="Cl"):
        estimate_sel([salt], ["Na"], 3.0)


def test_estimate_sel_refuses_no_frames() -> None:
    """There must be something to count in."""
    with pytest.raises(InputError, match="no frames"):
        estimate_sel([], ["Na"], 3.0)
