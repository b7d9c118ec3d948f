"""Boxes of several volumes: what scales and what stays."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.properties import volume_scan

RATIOS = np.linspace(0.94, 1.06, 7)


def liquid() -> tuple[Atoms, list[int]]:
    """Return three molecules in a skewed box, one of which lies across a corner, and whose each atom is."""
    atoms = Atoms(cell=[[7.0, 0.0, 0.0], [2.0, 8.0, 0.0], [0.0, -1.0, 9.0]], pbc=True)
    for place in ((0.1, 0.1, 0.1), (3.5, 4.0, 4.5), (1.0, 5.0, 2.0)):
        part = molecule("CH3OH")
        part.translate(np.array(place) - part.get_center_of_mass())
        atoms += part
    return atoms, np.repeat([4, 2, 9], 6).tolist()


def test_volume_scan_moves_atoms_with_the_box() -> None:
    """Volumes are the ratios asked for, and fractional coordinates stay."""
    atoms, _ = liquid()
    frames = volume_scan(Frames.from_atoms([atoms]), RATIOS)
    assert frames.volumes == pytest.approx(atoms.cell.volume * RATIOS)
    for image in frames.to_atoms():
        assert image.get_scaled_positions(wrap=False) == pytest.approx(atoms.get_scaled_positions(wrap=False))


@pytest.mark.parametrize("wrapped", [False, True])
def test_volume_scan_keeps_molecules_rigid(wrapped: bool) -> None:
    """Distances within a molecule stay, its centre moves with the box, and the boundary makes no difference."""
    atoms, molecules = liquid()
    torn = atoms.copy()
    if wrapped:
        torn.wrap()
        assert not np.allclose(torn.positions, atoms.positions)
    for image in volume_scan(Frames.from_atoms([torn]), RATIOS, molecules).to_atoms():
        for start in (0, 6, 12):
            part, whole = image[start : start + 6], atoms[start : start + 6]
            assert part.get_all_distances() == pytest.approx(whole.get_all_distances())
            shift = part.get_center_of_mass(scaled=True) - whole.get_center_of_mass() @ np.linalg.inv(atoms.cell)
            assert shift == pytest.approx(np.rint(shift), abs=1e-9)


def test_volume_scan_of_a_chain_longer_than_half_the_box() -> None:
    """A chain that is coiled through the box is made whole along its bonds."""
    chain = Atoms("C12", positions=[[1.5 * index, 0.3 * index, 0.0] for index in range(12)], cell=[9.0] * 3, pbc=True)
    known = chain.get_all_distances()
    chain.wrap()
    image = volume_scan(Frames.from_atoms([chain]), [1.2], [0] * 12).to_atoms()[0]
    assert image.get_all_distances() == pytest.approx(known)


def test_volume_scan_refuses() -> None:
    """More than one frame, a volume that is none, a molecule that has no end."""
    atoms, molecules = liquid()
    one = Frames.from_atoms([atoms])
    for frame, ratios, labels, message in (
        (Frames.from_atoms([atoms] * 2), RATIOS, None, "one frame, not from 2"),
        (one, [1.0, 0.0], None, "positive numbers"),
        (one, [], None, "`ratios` has shape"),
        (one, [np.nan], None, "`ratios` of point 0 is `nan`"),
        (one, RATIOS, molecules[1:], r"`molecules` has shape \(17,\)"),
        (Frames.from_atoms([Atoms("H")]), RATIOS, None, "no volume"),
        (
            Frames.from_atoms([bulk("Cu", cubic=True) * (2, 2, 2)]),
            RATIOS,
            [0] * 32,
            "molecule `0` is joined to its own",
        ),
    ):
        with pytest.raises(InputError, match=message):
            volume_scan(frame, ratios, labels)
