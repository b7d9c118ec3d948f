"""Distances that end a run: torn bonds and atoms on top of each other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ase.build import molecule

from aiida_nnpgen.common.contacts import check_contact_limits
from aiida_nnpgen.common.dynamics import Conditions, MdRun
from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.common.ranges import cut_to_ranges
from aiida_nnpgen.common.types import RunEnd

CONDITIONS = {"ensemble": "nvt", "temperature": 300.0, "timestep": 1.0, "steps": 2, "stride": 1}


def generate_run(displacement: float) -> MdRun:
    """Return a run of two water molecules; one hydrogen moves along its bond in the last frame.

    The first molecule lies across the border of the cell.
    """
    water = molecule("H2O")
    far = water.copy()
    far.positions += [4.0, 0.0, 0.0]
    start = water + far
    start.set_cell([8.0, 8.0, 8.0])
    start.pbc = True
    moved = start.copy()
    bond = moved.positions[1] - moved.positions[0]
    moved.positions[1] += displacement * bond / np.linalg.norm(bond)
    frames = replace(Frames.from_atoms([start, start, moved]), energies=np.zeros(3))
    return MdRun(frames=frames, steps=np.arange(3), end=RunEnd.COMPLETED, message="done")


@pytest.mark.parametrize(
    ("limits", "displacement", "text"),
    [
        ({"torn_bond": 1.8}, 0.9, "the bond between atoms 0 (O) and 1 (H) is 1.87 Å long (`torn_bond`)"),
        ({"overlap": 0.5}, -0.6, "atoms 0 (O) and 1 (H) are 0.37 Å apart (`overlap`)"),
    ],
)
def test_contacts_end_a_run(limits: dict[str, float], displacement: float, text: str) -> None:
    """The run ends before the frame with the distance that cannot be, and the message names the atoms."""
    run = generate_run(displacement)
    cut = cut_to_ranges(run, Conditions(**CONDITIONS, **limits))  # type: ignore[arg-type]
    assert (cut.end, cut.failure_time, len(cut.frames)) == (RunEnd.UNPHYSICAL, 2.0, 2)
    assert text in cut.message
    assert cut_to_ranges(run, Conditions(**CONDITIONS)) is run  # type: ignore[arg-type]


def test_contacts_follow_a_bond_over_the_border() -> None:
    """A molecule that moves through the border of the cell as a whole stays whole."""
    run = generate_run(0.0)
    run.frames.positions[2] += [5.0, 5.0, 5.0]
    assert cut_to_ranges(run, Conditions(**CONDITIONS, torn_bond=1.3, overlap=0.5)) is run  # type: ignore[arg-type]


@pytest.mark.parametrize(("torn_bond", "overlap"), [(1.2, None), (None, 1.0), (None, -0.1), (np.inf, None)])
def test_check_contact_limits_names_the_value(torn_bond: float | None, overlap: float | None) -> None:
    """A limit that no structure could keep is refused."""
    with pytest.raises(InputError, match="must"):
        check_contact_limits(torn_bond, overlap)
