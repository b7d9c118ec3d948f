"""Structures in files."""

from __future__ import annotations

from pathlib import Path

import ase.io
import pytest
from ase import Atoms
from ase.build import bulk

from aiida_nnpgen.builders.files import read_images, read_starts
from aiida_nnpgen.common.exceptions import InputError

XYZ = '2\nLattice="5 0 0 0 5 0 0 0 5" Properties=species:S:1:pos:R:3 pbc="T T T"\n{0} 0 0 0\nO 1 1 {1}\n'
CIF = """data_a
_cell_length_a 5
_cell_length_b 5
_cell_length_c 5
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_symmetry_space_group_name_H-M 'P 1'
"""
SITES = """loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
{0}
"""
POSCAR = "x\n1.0\n5 0 0\n0 5 0\n0 0 5\nD O\n1 1\nDirect\n0 0 0\n.2 .2 .2\n"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("d.xyz", XYZ.format("D", 1), "`D` is no element here: write `H`"),
        ("POSCAR", POSCAR, "`D` is no element here: write `H`"),
        ("iron.xyz", XYZ.format("Fe1", 1), "`Fe1` is no element: write `Fe`"),
        ("ghost.xyz", XYZ.format("X", 1), "frame 0 of `ghost.xyz` has an atom of no element, `X` (number 0"),
        ("nan.xyz", XYZ.format("H", "nan"), "frame 0 of `nan.xyz` has positions or lattice vectors that are no"),
        ("slab.xyz", XYZ.format("H", 1).replace("T T T", "T T F"), "frame 0 of `slab.xyz` is not periodic"),
        ("empty.xyz", "", "`empty.xyz` cannot be read: UnknownFileTypeError"),
        ("none.cif", CIF, "no structure was found in `none.cif`"),
        ("text.cif", "# a letter\n", "no structure was found in `text.cif`"),
        ("alloy.cif", CIF + SITES.format("A1 Fe 0 0 0 0.5\nA2 Ni 0 0 0 0.5"), "occupied in part (Fe 0.5, Ni 0.5)"),
        ("holes.cif", CIF + SITES.format("A1 Fe 0 0 0 0.5\nA2 Ni .5 0 0 1"), "occupied in part (Fe 0.5)"),
        ("binary.cif", "\0\1\2\3data_\0", "`binary.cif`"),
    ],
)
def test_read_starts_refuses_what_is_no_crystal(tmp_path: Path, name: str, text: str, message: str) -> None:
    """What ASE raises, leaves out or makes of it becomes one line with the place."""
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_starts(path)
    assert message in str(caught.value)


def test_read_starts_reads_a_full_cif(tmp_path: Path) -> None:
    """Sites that are occupied by one element are what they seem."""
    path = tmp_path / "full.cif"
    path.write_text(CIF + SITES.format("A1 Fe3+ 0 0 0 1.0\nA2 O2- .5 0 0 1.0"))
    [atoms] = read_starts(path)
    assert atoms.get_chemical_formula() == "FeO"


def test_read_images_gives_a_list(tmp_path: Path) -> None:
    """One frame is a list of one, and frames that are not there are said."""
    path = tmp_path / "two.xyz"
    ase.io.write(path, [bulk("Cu"), bulk("Ag")])
    assert [atoms.get_chemical_formula() for atoms in read_images(path)] == ["Cu", "Ag"]
    assert [atoms.get_chemical_formula() for atoms in read_images(path, "-1")] == ["Ag"]
    with pytest.raises(InputError, match=r"no structure was found in `two.xyz` at `5:`"):
        read_images(path, "5:")
    with pytest.raises(InputError, match=r"`two.xyz` cannot be read"):
        read_images(path, "5")


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"magmoms": [2.0, -2.0]}, "has `initial_magmoms`, which are not used.*`reference.magmoms`"),
        ({"charges": [1.0, -1.0]}, "has `initial_charges`, which are not used.*`reference.charge`"),
        ({"masses": [2.014, 1.008]}, r"atom 0 \(from 0\), `H`, the mass `2.014` u: isotopes are not used"),
    ],
)
def test_read_starts_refuses_what_later_frames_would_lose(
    tmp_path: Path, state: dict[str, list[float]], message: str
) -> None:
    """Frames hold elements and positions; what else is said would be dropped in silence."""
    path = tmp_path / "state.traj"
    atoms = Atoms("H2", positions=[[0, 0, 0], [0.7, 0, 0]], cell=[5, 5, 5], pbc=True, **state)
    ase.io.write(path, atoms)
    with pytest.raises(
        InputError, match=f"frame 0 of `state.traj` {'' if 'masses' not in state else 'gives '}{message}"
    ):
        read_starts(path)


def test_read_starts_takes_masses_of_other_tables(tmp_path: Path) -> None:
    """Rounded masses and moments of zero say nothing."""
    path = tmp_path / "plain.traj"
    ase.io.write(
        path,
        Atoms("H2", positions=[[0, 0, 0], [0.7, 0, 0]], cell=[5, 5, 5], pbc=True, masses=[1.0, 1.0], magmoms=[0, 0]),
    )
    assert len(read_starts(path)) == 1
