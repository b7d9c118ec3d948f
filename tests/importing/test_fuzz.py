"""Damaged files give the right label, or a reason for its absence: never another label, never a traceback."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import ase.io
import numpy as np
import pytest
from ase import Atoms

from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.dft.label import LabelChecks
from aiida_nnpgen.importing import read as read_existing

FIXTURES = Path(__file__).parents[1] / "fixtures"
CHECKS = LabelChecks(max_net_force=None)
FLIPS = 60
# Fixture folder, the file that is read, and the one that is damaged.
RUNS = [
    ("existing/qe/scf", "pw.out", "pw.out"),
    ("existing/qe/md", "pw.out", "pw.out"),
    ("existing/qe/scf", "h2.xml", "h2.xml"),
    ("existing/qe/md", "h2.xml", "h2.xml"),
    ("existing/qe_fixed_atoms", "pw.out", "pw.out"),
    ("existing/cp2k/single_point", "sp.out", "sp.out"),
    ("existing/cp2k/md", "md.out", "md.out"),
    ("existing/cp2k/md", "md.out", "md-pos-1.xyz"),
    ("existing/cp2k/md", "md.out", "md-frc-1.xyz"),
    ("existing/cp2k/md", "md.out", "md-1.cell"),
    ("existing/cp2k/before_2023", "v7.1.out", "v7.1.out"),
    ("existing/cp2k/forces_in_log", "p.out", "p.out"),
    ("existing/cp2k/forces_in_log", "p.out", "p-pos-1.xyz"),
    ("existing/cp2k/cell_beside", "p.out", "p-1.cell"),
    ("cpmd/single_point_pg", "cpmd.out", "GEOMETRY"),
]
MADE = ["a.extxyz", "a.traj", "vasprun.xml", "OUTCAR"]

Maker = Callable[..., list[Atoms]]


def truncated(data: bytes) -> Iterator[bytes]:
    """Yield a file cut before and within lines, at most some 150 of them, and empty."""
    ends = [0, *(place + 1 for place, byte in enumerate(data) if byte == 10)]
    stride = max(1, len(ends) // 150)
    for first, second in zip(ends[::stride], [*ends[1::stride], len(data)], strict=False):
        yield data[:first]
        yield data[: (first + second) // 2]


def damaged(data: bytes) -> Iterator[bytes]:
    """Yield a file with a byte replaced by one that stands in no number."""
    rng = np.random.default_rng(len(data))
    for place in rng.integers(len(data), size=FLIPS):
        changed = bytearray(data)
        changed[place] = int(rng.choice([0, 255, ord("*"), ord("?"), ord("x"), ord("<")]))
        yield bytes(changed)


def assert_right_or_dropped(path: Path, good: Frames, what: str) -> None:
    """Read a file: every labelled frame is a frame of the intact file."""
    data = read_existing(path, checks=CHECKS)
    for frames in data.labelled:
        for row in range(len(frames)):
            assert_known(frames[[row]], good, what)


def assert_known(frame: Frames, good: Frames, what: str) -> None:
    """Check that a frame is one of the good ones, to the digits that a file has; a stress may be missing."""
    assert frame.n_atoms == good.n_atoms, what
    row = int(np.abs(good.positions - frame.positions).max(axis=(1, 2)).argmin())
    np.testing.assert_array_equal(frame.numbers, good.numbers, err_msg=what)
    for name, tolerance in {"positions": 1e-6, "cells": 1e-5, "energies": 1e-6, "forces": 1e-6}.items():
        np.testing.assert_allclose(getattr(frame, name)[0], getattr(good, name)[row], atol=tolerance, err_msg=what)
    if np.isfinite(frame.stresses).any():
        np.testing.assert_allclose(frame.stresses[0], good.stresses[row], atol=1e-6, err_msg=what)


@pytest.mark.slow
@pytest.mark.parametrize(("folder", "read", "file"), RUNS, ids=lambda value: value.rpartition("/")[2])
def test_outputs_survive_truncation_and_damage(folder: str, read: str, file: str, tmp_path: Path) -> None:
    """A run with a file that was cut or damaged gives its own frames or none."""
    copy = shutil.copytree(FIXTURES / folder, tmp_path / "run")
    [good] = read_existing(copy / read, checks=CHECKS).labelled
    data = (copy / file).read_bytes()
    for number, content in enumerate([*truncated(data), *damaged(data)]):
        (copy / file).write_bytes(content)
        assert_right_or_dropped(copy / read, good, f"case {number}")


@pytest.fixture
def make(
    tmp_path: Path, generate_water: Maker, frames_of: Callable[[list[Atoms]], Frames], vasp_files: ModuleType
) -> Callable[[str], tuple[Path, Frames]]:
    """Return a function that writes a file of a name and returns its path and frames."""

    def write(name: str) -> tuple[Path, Frames]:
        path = tmp_path / name
        frames = frames_of(generate_water(3, molecules=1))
        if name == "vasprun.xml":
            path.write_text(vasp_files.vasprun(frames, [3] * 3))
        elif name == "OUTCAR":
            path.write_text(vasp_files.outcar(frames, [3] * 3, [True] * 3, {"O": 1, "H": 2}))
        else:
            ase.io.write(path, generate_water(3, molecules=1))
        [good] = read_existing(path).labelled
        return path, good

    return write


@pytest.mark.parametrize("name", MADE)
def test_files_survive_truncation(name: str, make: Callable[[str], tuple[Path, Frames]]) -> None:
    """A file that was cut gives its own frames or none."""
    path, good = make(name)
    for number, content in enumerate(truncated(path.read_bytes())):
        path.write_bytes(content)
        assert_right_or_dropped(path, good, f"case {number}")


@pytest.mark.parametrize("name", MADE)
def test_files_survive_damage(name: str, make: Callable[[str], tuple[Path, Frames]]) -> None:
    """Damaged bytes end in no traceback; where numbers are text they change no label either."""
    path, good = make(name)
    for number, content in enumerate(damaged(path.read_bytes())):
        path.write_bytes(content)
        if name == "a.traj":
            read_existing(path)
        else:
            assert_right_or_dropped(path, good, f"case {number}")


def test_deepmd_survives_damage(tmp_path: Path, generate_water: Maker) -> None:
    """Arrays that were cut, of another size, or pickled, are refused with the name of the file."""
    images = generate_water(4, molecules=1)
    part = tmp_path / "system" / "set.000"
    part.mkdir(parents=True)
    (part.parent / "type.raw").write_text("1\n0\n0\n")
    (part.parent / "type_map.raw").write_text("H\nO\n")
    np.save(part / "coord.npy", np.array([atoms.positions.ravel() for atoms in images]))
    np.save(part / "box.npy", np.array([atoms.cell.array.ravel() for atoms in images]))
    np.save(part / "energy.npy", np.array([atoms.calc.results["energy"] for atoms in images]))
    np.save(part / "force.npy", np.array([atoms.calc.results["forces"].ravel() for atoms in images]))
    assert len(read_existing(tmp_path / "system").labelled_sources) == 4
    files = [*part.glob("*.npy"), part.parent / "type.raw", part.parent / "type_map.raw"]
    for file in files:
        content = file.read_bytes()
        for bad in (b"", content[: len(content) // 2], content[:-8], b"\x80\x04]." + content, bytes(range(256))):
            file.write_bytes(bad)
            data = read_existing(tmp_path / "system", format="deepmd")
            assert not data.labelled, (file.name, bad[:20])
            assert data.reports[0].detail or data.reports[0].dropped
        file.write_bytes(content)


def test_files_of_another_code_are_not_mixed_up(tmp_path: Path, generate_water: Maker) -> None:
    """Every reader refuses every other format's file, noise and nothing."""
    ase.io.write(tmp_path / "a.extxyz", generate_water(2))
    ase.io.write(tmp_path / "a.traj", generate_water(2))
    (tmp_path / "noise").write_bytes(bytes(range(256)) * 40)
    (tmp_path / "empty").write_bytes(b"")
    samples = {
        "extxyz": tmp_path / "a.extxyz",
        "traj": tmp_path / "a.traj",
        "qe_output": FIXTURES / "existing/qe/scf/pw.out",
        "qe_xml": FIXTURES / "existing/qe/scf/h2.xml",
        "cp2k": FIXTURES / "existing/cp2k/single_point/sp.out",
        "cpmd": FIXTURES / "cpmd/single_point_pg/cpmd.out",
        "noise": tmp_path / "noise",
        "empty": tmp_path / "empty",
    }
    for format in ("extxyz", "traj", "db", "vasprun", "outcar", "qe_output", "qe_xml", "cp2k", "cpmd", "deepmd"):
        for name, path in samples.items():
            data = read_existing(path, format=format, checks=CHECKS)
            if name != format:
                assert len(data) == 0, (format, name)
                assert data.reports[0].detail or data.reports[0].dropped or name == "empty", (format, name)
