"""Systems of DeePMD in the shapes that people have."""

from __future__ import annotations

import builtins
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.importing import FileStatus, read

FIXTURES = Path(__file__).parents[1] / "fixtures" / "existing" / "deepmd"

WriteSystem = Callable[[Path, str, Frames], None]


@pytest.fixture
def frames(generate_water: Callable[..., list[Atoms]], frames_of: Callable[[list[Atoms]], Frames]) -> Frames:
    """Return labelled frames."""
    return frames_of(generate_water())


@pytest.fixture
def write_system() -> WriteSystem:
    """Return a function that writes a system with dpdata, whose idea of a format is the independent one."""
    dpdata = pytest.importorskip("dpdata")

    def write(path: Path, format: str, frames: Frames) -> None:
        xx, yy, zz, yz, xz, xy = frames.stresses.T
        tensor = np.stack([xx, xy, xz, xy, yy, yz, xz, yz, zz], axis=1).reshape(-1, 3, 3)
        data = {
            "atom_names": ["H", "O"],
            "atom_numbs": [frames.symbols.count(name) for name in ("H", "O")],
            "atom_types": np.array([("H", "O").index(symbol) for symbol in frames.symbols]),
            "orig": np.zeros(3),
            "cells": frames.cells,
            "coords": frames.positions,
            "energies": frames.energies,
            "forces": frames.forces,
            "virials": -tensor * frames.volumes[:, None, None],
        }
        dpdata.LabeledSystem(data=data).to(format, str(path))

    return write


def assert_equal(found: Frames, expected: Frames, tolerance: float = 1e-6) -> None:
    """Compare frames to the digits that a file has."""
    np.testing.assert_array_equal(found.numbers, expected.numbers)
    for name in ("positions", "cells", "energies", "forces", "stresses"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=0, atol=tolerance, err_msg=name)


def test_arrays_of_three_axes_are_read() -> None:
    """Positions as (frames, atoms, 3) are what forces of that shape are."""
    data = read(FIXTURES / "three_axes")
    assert data.reports[0].labelled == 1
    assert data.labelled[0].symbols == ["Si", "Si"]


def test_all_arrays_may_have_their_own_axes(tmp_path: Path, frames: Frames, write_system: WriteSystem) -> None:
    """Boxes and virials as matrices, and energies as a column, are read too."""
    write_system(tmp_path / "a", "deepmd/npy", frames)
    shapes = {"coord": (-1, 6, 3), "force": (-1, 6, 3), "box": (-1, 3, 3), "virial": (-1, 3, 3), "energy": (-1, 1)}
    for name, shape in shapes.items():
        path = tmp_path / "a" / "set.000" / f"{name}.npy"
        np.save(path, np.load(path).reshape(shape))
    assert_equal(read(tmp_path / "a").labelled[0], frames)


def test_types_without_names_are_named_by_the_user() -> None:
    """The message says which setting; with it the frame is a label of that element."""
    [report] = [report for report in read(FIXTURES / "no_type_map").reports if report.detail]
    assert report.status is FileStatus.UNREADABLE
    assert "set `type_map`" in report.detail
    data = read(FIXTURES / "no_type_map", type_map=["Si"])
    assert data.labelled[0].symbols == ["Si", "Si"]
    with pytest.raises(InputError, match="`Qq` in `type_map` is no element"):
        read(FIXTURES / "no_type_map", type_map=["Qq"])


def test_names_of_the_user_come_first(tmp_path: Path) -> None:
    """Names that are no elements, or other ones, give way, and the report says so."""
    shutil.copytree(FIXTURES / "three_axes", tmp_path / "a")
    (tmp_path / "a" / "type_map.raw").write_text("Type_0\n")
    assert "set `type_map`" in read(tmp_path / "a").reports[0].detail
    data = read(tmp_path / "a", type_map=["Ge"])
    assert data.labelled[0].symbols == ["Ge", "Ge"]
    assert "Type_0" in data.reports[0].notes[0]


def test_raw_folders_are_read(tmp_path: Path, frames: Frames, write_system: WriteSystem) -> None:
    """A system as text gives its frames."""
    write_system(tmp_path / "a", "deepmd/raw", frames)
    data = read(tmp_path)
    assert data.reports[0].format == "deepmd"
    assert_equal(data.labelled[0], frames)


@pytest.mark.parametrize("name", ["energy", "coord", "box", "force"])
def test_raw_files_that_were_cut_are_refused(
    name: str, tmp_path: Path, frames: Frames, write_system: WriteSystem
) -> None:
    """A number that lost its last digit is no other number."""
    write_system(tmp_path / "a", "deepmd/raw", frames)
    path = tmp_path / "a" / f"{name}.raw"
    text = path.read_bytes()
    lines = text.splitlines(keepends=True)
    for content in (text[:-2], text[: len(text) // 2], b"x" + text, b"".join(lines[:-1])):
        path.write_bytes(content)
        assert not read(tmp_path / "a").labelled


def test_hdf5_files_are_read(tmp_path: Path, frames: Frames, write_system: WriteSystem) -> None:
    """Systems in groups of one file give their frames, with running numbers."""
    h5py = pytest.importorskip("h5py")
    write_system(tmp_path / "a.hdf5", "deepmd/hdf5", frames)
    assert_equal(read(tmp_path / "a.hdf5").labelled[0], frames)
    with h5py.File(tmp_path / "b.hdf5", "w") as both:
        for name, part in (("first", frames[:2]), ("second", frames[2:])):
            write_system(tmp_path / f"{name}.hdf5", "deepmd/hdf5", part)
            with h5py.File(tmp_path / f"{name}.hdf5") as file:
                file.copy(file, both, name)
    data = read(tmp_path / "b.hdf5")
    assert_equal(data.labelled[0], frames)
    assert [source.index for source in data.labelled_sources] == [0, 1, 2, 3, 4, 5]


def test_hdf5_files_that_are_something_else_are_told(tmp_path: Path) -> None:
    """A file without a system, and one that was cut, are named as such."""
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["anything"] = np.zeros(2000)
    assert "holds no system of DeePMD" in read(tmp_path).reports[0].detail
    (tmp_path / "a.h5").write_bytes((tmp_path / "a.h5").read_bytes()[:600])
    assert "or cut" in read(tmp_path).reports[0].detail


def test_hdf5_without_its_library_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the library and the way around it."""
    (tmp_path / "a.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    original = builtins.__import__

    def refuse(name: str, *arguments: object, **keywords: object) -> object:
        if name == "h5py":
            raise ImportError(name)
        return original(name, *arguments, **keywords)

    monkeypatch.setattr(builtins, "__import__", refuse)
    assert "h5py, which is not installed" in read(tmp_path / "a.h5").reports[0].detail
