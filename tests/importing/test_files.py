"""Files of ASE and DeePMD: every frame comes back, or its absence has a reason."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import ase.db
import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.constraints import FixAtoms

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.importing import FORMATS, DropReason, FileStatus, ImportedData, read

TEXTS = Path(__file__).parents[1] / "fixtures" / "existing" / "text"

FrameMaker = Callable[[list[Atoms]], Frames]
ImageMaker = Callable[..., list[Atoms]]


def write_database(path: Path, images: list[Atoms]) -> None:
    """Write an ASE database."""
    with ase.db.connect(path, append=False) as connection:
        for atoms in images:
            connection.write(atoms)


def write_deepmd(path: Path, frames: Frames) -> None:
    """Write a system with dpdata, so that its idea of a virial is the independent one."""
    dpdata = pytest.importorskip("dpdata")
    xx, yy, zz, yz, xz, xy = frames.stresses.T
    tensor = np.stack([xx, xy, xz, xy, yy, yz, xz, yz, zz], axis=1).reshape(-1, 3, 3)
    names = sorted(set(frames.symbols))
    data = {
        "atom_names": names,
        "atom_numbs": [frames.symbols.count(name) for name in names],
        "atom_types": np.array([names.index(symbol) for symbol in frames.symbols]),
        "orig": np.zeros(3),
        "cells": frames.cells,
        "coords": frames.positions,
        "energies": frames.energies,
        "forces": frames.forces,
        "virials": -tensor * frames.volumes[:, None, None],
    }
    dpdata.LabeledSystem(data=data).to("deepmd/npy", path, set_size=4)


def assert_equal(found: Frames, expected: Frames, tolerance: float = 1e-7) -> None:
    """Compare frames to the digits that a file has."""
    np.testing.assert_array_equal(found.numbers, expected.numbers)
    for name in ("positions", "cells", "energies", "forces", "stresses"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=0, atol=tolerance, err_msg=name)


def reasons(data: ImportedData) -> list[tuple[int, str]]:
    """Return what was dropped from the first file."""
    return sorted((item.index, str(item.reason)) for item in data.reports[0].dropped)


@pytest.mark.parametrize("name", ["a.extxyz", "a.xyz", "a.traj", "a.db", "a.json"])
def test_files_of_ase_keep_every_frame(
    name: str, tmp_path: Path, generate_water: ImageMaker, frames_of: FrameMaker
) -> None:
    """Energy, forces and stress come back in order and sign, whatever the format, without being told which it is."""
    images = generate_water()
    if name.endswith(("db", "json")):
        write_database(tmp_path / name, images)
    else:
        ase.io.write(tmp_path / name, images, format="extxyz" if "xyz" in name else "traj")
    data = read(tmp_path / name)
    [found] = data.labelled
    assert_equal(found, frames_of(images))
    assert [source.index for source in data.labelled_sources] == list(range(6))
    assert data.reports[0].labelled == 6
    assert not data.reports[0].dropped


def test_deepmd_folders_keep_every_frame(tmp_path: Path, generate_water: ImageMaker, frames_of: FrameMaker) -> None:
    """Systems of several compositions below a root come back, with the stress that dpdata's virial means."""
    wanted = {count: frames_of(generate_water(molecules=count)) for count in (1, 2)}
    for count, frames in wanted.items():
        write_deepmd(tmp_path / "root" / f"system_{count}", frames)
    data = read(tmp_path)
    assert sorted(part.n_atoms for part in data.labelled) == [3, 6]
    for part in data.labelled:
        assert_equal(part, wanted[part.n_atoms // 3], 1e-6)
    assert [report.status for report in data.reports[:1]] == [FileStatus.READ]
    assert not [report for report in data.reports if report.status is FileStatus.NOT_RECOGNISED]


def test_deepmd_mixed_frames_have_their_own_species(
    tmp_path: Path, generate_water: ImageMaker, frames_of: FrameMaker
) -> None:
    """A mixed system with padding is taken apart into compositions; without virials rows have no stress."""
    frames = frames_of(generate_water(n_frames=4, molecules=2))
    folder = tmp_path / "mixed" / "set.000"
    folder.mkdir(parents=True)
    (folder.parent / "type.raw").write_text("0\n" * 6)
    (folder.parent / "type_map.raw").write_text("H\nO\n")
    types = np.tile([1, 0, 0, 1, 0, 0], (4, 1))
    types[2:, 3:] = -1
    arrays = {"real_atom_types": types, "coord": frames.positions.reshape(4, -1), "box": frames.cells.reshape(4, 9)}
    arrays |= {"energy": frames.energies, "force": frames.forces.reshape(4, -1)}
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    data = read(tmp_path / "mixed")
    assert sorted((part.n_atoms, len(part)) for part in data.labelled) == [(3, 2), (6, 2)]
    assert all(np.isnan(part.stresses).all() for part in data.labelled)
    assert data.reports[0].no_stress == 4


def test_energy_is_the_one_that_forces_derive_from(tmp_path: Path, generate_water: ImageMaker) -> None:
    """Where ASE stored a free energy, the extrapolated one is not taken."""
    images = generate_water()
    for atoms in images:
        atoms.calc.results["free_energy"] = atoms.calc.results["energy"]
        atoms.calc.results["energy"] += 0.7
    ase.io.write(tmp_path / "a.traj", images)
    [found] = read(tmp_path / "a.traj").labelled
    np.testing.assert_allclose(found.energies, [atoms.calc.results["free_energy"] for atoms in images])


def test_forces_are_those_without_constraints(tmp_path: Path, generate_water: ImageMaker) -> None:
    """A fixed atom of a relaxation has its true force."""
    images = generate_water()
    forces = [atoms.calc.results["forces"].copy() for atoms in images]
    for atoms in images:
        atoms.set_constraint(FixAtoms([0]))
    ase.io.write(tmp_path / "a.traj", images)
    [found] = read(tmp_path / "a.traj").labelled
    np.testing.assert_allclose(found.forces, forces, atol=1e-12)


def test_stress_of_six_numbers_is_in_the_order_of_ase(tmp_path: Path, generate_water: ImageMaker) -> None:
    """Nine numbers are a matrix; six are xx, yy, zz, yz, xz, xy."""
    path = tmp_path / "a.extxyz"
    ase.io.write(path, generate_water(1), format="extxyz")
    [whole], text = read(path).labelled, path.read_text()
    [nine] = re.findall(r'stress="([^"]*)"', text)
    xx, yx, zx, xy, yy, zy, xz, yz, zz = nine.split()
    path.write_text(text.replace(nine, f"{xx} {yy} {zz} {yz} {xz} {xy}"))
    [found] = read(path).labelled
    np.testing.assert_array_equal(found.stresses, whole.stresses)
    assert len({yx, zx, zy, xy, xz, yz}) > 2


def test_missing_stress_is_allowed(tmp_path: Path, generate_water: ImageMaker) -> None:
    """Frames without stress are labels; their rows are NaN, and they are counted."""
    ase.io.write(tmp_path / "a.extxyz", generate_water(4) + generate_water(4, has_stress=False)[2:], format="extxyz")
    data = read(tmp_path / "a.extxyz")
    assert len(data.labelled_sources) == 4
    assert read(tmp_path / "a.extxyz").reports[0].no_stress == 0
    ase.io.write(tmp_path / "b.extxyz", generate_water(4, molecules=1, has_stress=False), format="extxyz")
    data = read(tmp_path / "b.extxyz")
    assert np.isnan(data.labelled[0].stresses).all()
    assert data.reports[0].no_stress == 4


def test_frames_without_forces_are_structures(tmp_path: Path, generate_water: ImageMaker) -> None:
    """What has no forces is unlabelled; the report says what is missing, and what looks like it."""
    images = generate_water()
    for atoms in images:
        atoms.new_array("my_forces", atoms.calc.results.pop("forces"))
    ase.io.write(tmp_path / "a.extxyz", images)
    data = read(tmp_path / "a.extxyz")
    assert not data.labelled
    assert len(data.unlabelled[0]) == data.reports[0].unlabelled == 6
    assert "no forces" in data.reports[0].notes[-1]
    assert "`my_forces`" in data.reports[0].notes[-1]


def test_every_dropped_frame_has_its_reason(tmp_path: Path, generate_water: ImageMaker) -> None:
    """Bad labels, open cells and repeated frames are dropped one by one, each with its reason and place."""
    images = generate_water(8)
    images[1].calc.results["forces"] = np.zeros((6, 3))
    images[2].calc.results["energy"] = np.nan
    images[3].calc.results["forces"][0] += 5.0
    images[4].pbc = [True, True, False]
    images[5].cell[:] = 0.0
    images[6] = images[0].copy()
    images[6].positions[2] += images[6].cell[1] + 1e-6
    images[6].calc = SinglePointCalculator(images[6], **images[0].calc.results)
    ase.io.write(tmp_path / "a.traj", images)
    data = read(tmp_path / "a.traj")
    assert [source.index for source in data.labelled_sources] == [0, 7]
    expected = ["all_zero", "not_finite", "net_force", "not_periodic", "not_periodic", "duplicate"]
    assert reasons(data) == list(zip(range(1, 7), expected, strict=True))
    report = data.reports[0].to_dict()
    assert report["dropped"] == 6
    assert report["reasons"] == {"all_zero": 1, "not_finite": 1, "net_force": 1, "not_periodic": 2, "duplicate": 1}


def test_duplicates_are_found_across_files(tmp_path: Path, generate_water: ImageMaker) -> None:
    """Of equal frames that with a label and a stress is kept, wherever it lies; other energies are told."""
    images, bare = generate_water(3), generate_water(3, has_stress=False)
    for atoms in bare:
        atoms.calc.results["energy"] += 2.0
    ase.io.write(tmp_path / "a.extxyz", bare)
    ase.io.write(tmp_path / "b.extxyz", [atoms.copy() for atoms in images])
    ase.io.write(tmp_path / "c.traj", images)
    data = read(tmp_path)
    assert {data.reports[source.file].path for source in data.labelled_sources} == {"c.traj"}
    assert not data.unlabelled
    reports = {report.path: report for report in data.reports}
    assert [item.reason for item in reports["a.extxyz"].dropped] == [DropReason.DUPLICATE] * 3
    assert "frame 0 of `c.traj`" in reports["a.extxyz"].dropped[0].detail
    assert "differs by -2 eV" in reports["a.extxyz"].dropped[0].detail
    assert len(reports["b.extxyz"].dropped) == 3


def test_small_displacements_are_no_duplicates(tmp_path: Path, generate_water: ImageMaker) -> None:
    """A finite difference of a thousandth of an Å, a strain, or a permutation of atoms is another frame."""
    [first] = generate_water(1)
    moved, strained, swapped = first.copy(), first.copy(), first.copy()
    moved.positions[0, 0] += 1e-3
    strained.set_cell(strained.cell * 1.0005, scale_atoms=True)
    swapped.positions[[1, 2]] = swapped.positions[[2, 1]]
    ase.io.write(tmp_path / "a.traj", [first.copy(), moved, strained, swapped])
    assert len(read(tmp_path / "a.traj").unlabelled_sources) == 4


def test_folders_are_searched_and_every_file_is_reported(tmp_path: Path, generate_water: ImageMaker) -> None:
    """What is not recognised is listed; a wanted format leaves the others out, and says so."""
    (tmp_path / "deep" / "er").mkdir(parents=True)
    ase.io.write(tmp_path / "deep" / "er" / "a.traj", generate_water(2, molecules=1))
    ase.io.write(tmp_path / "b.extxyz", generate_water(2))
    (tmp_path / "notes.txt").write_text("nothing\n")
    (tmp_path / "empty.xyz").write_text("")
    data = read(tmp_path)
    found = {report.path: report.status for report in data.reports}
    assert found == {
        "deep/er/a.traj": FileStatus.READ,
        "b.extxyz": FileStatus.READ,
        "notes.txt": FileStatus.NOT_RECOGNISED,
        "empty.xyz": FileStatus.NOT_RECOGNISED,
    }
    assert len(data) == 4
    only = read(tmp_path, format="traj")
    assert len(only) == 2
    assert "only `traj`" in next(report.detail for report in only.reports if report.path == "b.extxyz")


@pytest.mark.parametrize("file", ["latin1.xyz", "mark.xyz", "separator.xyz"])
def test_text_in_comments_costs_no_frame(file: str) -> None:
    """Letters of another encoding, a byte order mark, and a separator in a comment are no numbers."""
    data = read(TEXTS / file)
    assert data.reports[0].labelled == 2
    np.testing.assert_allclose(data.labelled[0].energies, [0.11426554, 0.15322233])


@pytest.mark.parametrize("letter", ["\f", "\v", "\u0085", "\u2029", "\x1c"])
def test_only_the_end_of_a_line_ends_it(letter: str, tmp_path: Path) -> None:
    """Whatever Python takes for the end of a line stands in comments."""
    text = (TEXTS / "mark.xyz").read_text("utf-8-sig").replace("pbc=", f'note="a{letter}b" pbc=')
    (tmp_path / "a.xyz").write_text(text, encoding="utf-8")
    assert read(tmp_path / "a.xyz").reports[0].labelled == 2


@pytest.mark.parametrize(("encoding", "end"), [("utf-8", "\r\n"), ("utf-16", "\n"), ("utf-8", "\r"), ("cp1252", "\n")])
def test_other_encodings_and_line_ends_are_read(encoding: str, end: str, tmp_path: Path) -> None:
    """Files that were written on other systems give their frames, also in a folder."""
    text = (TEXTS / "mark.xyz").read_text("utf-8-sig").replace("pbc=", "note=\u00e9 pbc=").replace("\n", end)
    (tmp_path / "a.xyz").write_bytes(text.encode(encoding))
    assert read(tmp_path).reports[0].labelled == 2


def test_an_unexpected_error_costs_one_file(
    tmp_path: Path, generate_water: ImageMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a reader raises stands in the report of its file, with type and message, and the next file is read."""
    ase.io.write(tmp_path / "a.traj", generate_water())
    ase.io.write(tmp_path / "b.extxyz", generate_water())

    def fail(path: Path, hints: object) -> None:
        raise ZeroDivisionError("by nothing")

    monkeypatch.setitem(FORMATS, "traj", replace(FORMATS["traj"], read=fail))
    data = read(tmp_path)
    assert len(data.labelled_sources) == 6
    [report] = [report for report in data.reports if report.path == "a.traj"]
    assert report.status is FileStatus.UNREADABLE
    assert report.detail == "ZeroDivisionError: by nothing"


def test_reports_name_no_temporary_folder(tmp_path: Path) -> None:
    """What the operating system refuses is told without the path where it happened."""
    shutil.copytree(TEXTS.parent / "deepmd" / "three_axes", tmp_path / "a")
    (tmp_path / "a" / "type_map.raw").unlink()
    (tmp_path / "a" / "type_map.raw").mkdir()
    [report] = read(tmp_path / "a").reports
    assert report.detail == "`type_map.raw` cannot be read: Is a directory"


def test_structures_of_any_kind_are_read_alone(tmp_path: Path, generate_water: ImageMaker) -> None:
    """A single CIF is a structure to be labelled; in a folder nobody guesses that."""
    ase.io.write(tmp_path / "a.cif", generate_water(1)[0])
    assert len(read(tmp_path / "a.cif").unlabelled_sources) == 1
    assert len(read(tmp_path)) == 0


def test_read_refuses_what_is_not_there(tmp_path: Path) -> None:
    """A missing path and an unknown format are named."""
    with pytest.raises(InputError, match="none"):
        read(tmp_path / "none")
    with pytest.raises(InputError, match=r"`pdb`.*extxyz"):
        read(tmp_path, format="pdb")
