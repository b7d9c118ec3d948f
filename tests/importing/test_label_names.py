"""Labels under the names that other programs write."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import ase.db
import ase.io
import numpy as np
import pytest
from ase import Atoms

from aiida_nnpgen.importing import LabelKeys, read

NAMES = Path(__file__).parents[1] / "fixtures" / "existing" / "names"
VOLUME = 3.61**3

Maker = Callable[..., list[Atoms]]


@pytest.mark.parametrize(
    ("file", "names"),
    [
        ("energy_capital.xyz", "`Energy`, `forces`"),
        ("mace.xyz", "`REF_energy`, `REF_forces`"),
        ("mace_virials.xyz", "`energy`, `forces`, `virials`"),
        ("nep.xyz", "`energy`, `force`"),
        ("quip.xyz", "`dft_energy`, `dft_force`, `dft_virial`"),
    ],
)
def test_common_names_are_labels(file: str, names: str) -> None:
    """Energy, forces and virial are taken, and the report says under which names."""
    data = read(NAMES / file)
    [frames] = data.labelled
    np.testing.assert_allclose(frames.energies, [0.11426554, 0.15322233])
    np.testing.assert_allclose(frames.forces[0, 0], [-0.44398583, 0.27039460, -0.63367556])
    assert any(f"2 frames: the labels are those named {names}" in note for note in data.reports[0].notes)
    if "virial" in names:
        np.testing.assert_allclose(frames.stresses[:, 0], -1 / VOLUME)
    else:
        assert np.isnan(frames.stresses).all()


def write(path: Path, images: list[Atoms], energy: str, forces: str, scale: float = 1.0) -> Path:
    """Write images that hold their labels under other names, too; the own ones stay where a scale is given."""
    for atoms in images:
        results = atoms.calc.results
        atoms.info[energy] = scale * results["energy"]
        atoms.new_array(forces, scale * results["forces"])
        if scale == 1.0:
            atoms.calc = None
    ase.io.write(path, images, format="extxyz")
    return path


@pytest.mark.parametrize(
    ("energy", "forces"), [("castep_energy", "castep_forces"), ("energy_dft", "Forces"), ("DFT-energy", "dft_force")]
)
def test_names_are_known_in_any_case_and_order(energy: str, forces: str, tmp_path: Path, generate_water: Maker) -> None:
    """The origin stands before or behind, in small or capital letters."""
    path = write(tmp_path / "a.extxyz", generate_water(), energy, forces)
    data = read(path)
    [wanted] = read(path, keys=LabelKeys(energy=energy, forces=forces)).labelled
    np.testing.assert_array_equal(data.labelled[0].energies, wanted.energies)
    np.testing.assert_array_equal(data.labelled[0].forces, wanted.forces)


def test_names_of_headers_in_small_letters_are_known(tmp_path: Path, generate_water: Maker) -> None:
    """NEP accepts `lattice` and `properties`, which ASE does not."""
    ase.io.write(tmp_path / "a.extxyz", generate_water())
    text = (tmp_path / "a.extxyz").read_text()
    (tmp_path / "b.xyz").write_text(text.replace("Lattice=", "lattice=").replace("Properties=", "properties="))
    np.testing.assert_array_equal(
        read(tmp_path / "b.xyz").labelled[0].forces, read(tmp_path / "a.extxyz").labelled[0].forces
    )


@pytest.mark.parametrize("name", ["mace_energy", "energy_per_atom", "atomization_energy"])
def test_other_quantities_are_no_labels(name: str, tmp_path: Path, generate_water: Maker) -> None:
    """What a model predicted, or is per atom, is not taken; the report names it."""
    data = read(write(tmp_path / "a.extxyz", generate_water(), name, "mace_forces"))
    assert not data.labelled
    assert f"`{name}`" in data.reports[0].notes[-1]
    assert "set `keys`" in data.reports[0].notes[-1]


def test_the_user_names_the_keys(tmp_path: Path, generate_water: Maker) -> None:
    """Any name can be given; one that is nowhere gives no label."""
    images = generate_water()
    path = write(tmp_path / "a.extxyz", images, "my_e", "my_f")
    assert not read(path).labelled
    [frames] = read(path, keys=LabelKeys(energy="my_e", forces="my_f")).labelled
    np.testing.assert_allclose(frames.energies, [atoms.info["my_e"] for atoms in images])
    np.testing.assert_allclose(frames.forces, [atoms.arrays["my_f"] for atoms in images], atol=1e-8)
    assert not read(path, keys=LabelKeys(energy="my_e", forces="none")).labelled


def test_two_names_that_differ_are_told(tmp_path: Path, generate_water: Maker) -> None:
    """ASE's own names come first, and the others are named; the user can choose them."""
    path = write(tmp_path / "a.extxyz", generate_water(), "REF_energy", "REF_forces", scale=0.99)
    data = read(path, units={})
    [frames] = data.labelled
    assert any("`REF_energy`, `REF_forces` could be the label too" in note for note in data.reports[0].notes)
    [other] = read(path, units={}, keys=LabelKeys(energy="REF_energy", forces="REF_forces")).labelled
    np.testing.assert_allclose(other.energies, 0.99 * frames.energies)
    np.testing.assert_allclose(other.forces, 0.99 * frames.forces, atol=1e-7)


def test_energy_and_forces_of_one_origin_belong_together(tmp_path: Path, generate_water: Maker) -> None:
    """An energy without forces of the same origin is not put beside the forces of another."""
    images = generate_water()
    for atoms in images:
        atoms.info["REF_energy"] = atoms.calc.results["energy"] - 7.0
        atoms.new_array("REF_forces", atoms.calc.results.pop("forces"))
    ase.io.write(tmp_path / "a.extxyz", images)
    [frames] = read(tmp_path / "a.extxyz").labelled
    np.testing.assert_allclose(frames.energies, [atoms.info["REF_energy"] for atoms in images])


def test_databases_hold_names_in_their_rows(tmp_path: Path, generate_water: Maker) -> None:
    """Key-value pairs and data of a row are looked into."""
    images = generate_water()
    with ase.db.connect(tmp_path / "a.db") as connection:
        for atoms in images:
            results = atoms.calc.results
            bare = Atoms(atoms.numbers, positions=atoms.positions, cell=atoms.cell, pbc=True)
            connection.write(bare, ref_energy=results["energy"], data={"ref_forces": results["forces"]})
    [frames] = read(tmp_path / "a.db").labelled
    np.testing.assert_allclose(frames.forces, [atoms.calc.results["forces"] for atoms in images])
    np.testing.assert_allclose(frames.energies, [atoms.calc.results["energy"] for atoms in images])
