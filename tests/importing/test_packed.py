"""Compressed files are read as what they were made of."""

from __future__ import annotations

import bz2
import gzip
import lzma
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import ase.io
import numpy as np
import pytest
from ase import Atoms

from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.importing import FileStatus, packed, read

FIXTURES = Path(__file__).parents[1] / "fixtures" / "existing"
OPENERS = {"gz": gzip.open, "bz2": bz2.open, "xz": lzma.open}

Maker = Callable[..., list[Atoms]]


def pack(path: Path, suffix: str) -> Path:
    """Compress a file in its place, and return the new one."""
    target = path.with_name(f"{path.name}.{suffix}")
    with OPENERS[suffix](target, "wb") as file:
        file.write(path.read_bytes())
    path.unlink()
    return target


def test_a_compressed_file_has_its_labels() -> None:
    """As a file and in a folder the five frames are labels, under the name of the file that is there."""
    for path in (FIXTURES / "packed" / "train.xyz.gz", FIXTURES / "packed"):
        data = read(path)
        assert len(data.labelled_sources) == 5
        assert [(report.path, report.status) for report in data.reports] == [("train.xyz.gz", FileStatus.READ)]


@pytest.mark.parametrize("suffix", ["gz", "bz2", "xz"])
@pytest.mark.parametrize("name", ["vasprun.xml", "OUTCAR", "a.xyz", "a.traj"])
def test_files_of_codes_are_read_compressed(
    suffix: str,
    name: str,
    tmp_path: Path,
    generate_water: Maker,
    frames_of: Callable[[list[Atoms]], Frames],
    vasp_files: ModuleType,
) -> None:
    """Whatever the format and the compression, frames are those of the plain file."""
    images = generate_water(3, molecules=1)
    frames, path = frames_of(images), tmp_path / name
    if name == "vasprun.xml":
        path.write_text(vasp_files.vasprun(frames, [3] * 3))
    elif name == "OUTCAR":
        path.write_text(vasp_files.outcar(frames, [3] * 3, [True] * 3, {"O": 1, "H": 2}))
    else:
        ase.io.write(path, images, format="extxyz" if name == "a.xyz" else None)
    [good] = read(path).labelled
    made = pack(path, suffix)
    for target in (made, tmp_path):
        data = read(target)
        np.testing.assert_array_equal(data.labelled[0].forces, good.forces)
        assert data.reports[0].path == made.name


def test_runs_of_several_files_are_read_compressed(tmp_path: Path) -> None:
    """A run of CP2K whose files are compressed, all or some, gives its six frames."""
    shutil.copytree(FIXTURES / "cp2k" / "md", tmp_path / "runs" / "md")
    for name in ("md.out", "md-pos-1.xyz"):
        pack(tmp_path / "runs" / "md" / name, "gz")
    data = read(tmp_path / "runs")
    assert len(data.labelled_sources) == 6
    parts = {report.path: report.status for report in data.reports}
    assert parts["md/md.out.gz"] is FileStatus.READ
    assert parts["md/md-pos-1.xyz.gz"] is parts["md/md-frc-1.xyz"] is FileStatus.PART


def test_a_file_beside_its_archive_counts_once(tmp_path: Path) -> None:
    """The plain file is read, and the compressed one is named."""
    shutil.copy(FIXTURES / "packed" / "train.xyz.gz", tmp_path)
    (tmp_path / "train.xyz").write_bytes(gzip.decompress((tmp_path / "train.xyz.gz").read_bytes()))
    data = read(tmp_path)
    assert len(data.labelled_sources) == 5
    assert "`train.xyz` lies beside it" in {report.path: report.detail for report in data.reports}["train.xyz.gz"]


@pytest.mark.parametrize("name", ["a.tar.gz", "a.zip", "a.tgz", "a.xyz.zst"])
def test_archives_are_named(name: str, tmp_path: Path) -> None:
    """What is no single compressed file is to be unpacked first, alone or in a folder."""
    (tmp_path / name).write_bytes(gzip.compress(b"anything"))
    for path in (tmp_path / name, tmp_path):
        [report] = read(path).reports
        assert report.status is FileStatus.UNREADABLE
        assert report.path == name
        assert "unpack it first" in report.detail


@pytest.mark.parametrize("suffix", ["gz", "bz2", "xz"])
def test_a_damaged_archive_is_told_and_costs_no_other_file(suffix: str, tmp_path: Path, generate_water: Maker) -> None:
    """A cut file gives no frame; its neighbour is read."""
    for name in ("a.xyz", "b.xyz"):
        ase.io.write(tmp_path / name, generate_water(3, molecules=1 + (name == "b.xyz")), format="extxyz")
    made = pack(tmp_path / "a.xyz", suffix)
    for content in (made.read_bytes()[:-40], b"no such thing"):
        made.write_bytes(content)
        data = read(tmp_path)
        assert len(data.labelled_sources) == 3
        assert "cannot be unpacked" in {report.path: report.detail for report in data.reports}[made.name]


def test_what_grows_without_end_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small file of many zeros fills no disk."""
    monkeypatch.setattr(packed, "_MAX_FILE", 3 << 20)
    (tmp_path / "a.xyz.gz").write_bytes(gzip.compress(bytes(8 << 20)))
    [report] = read(tmp_path).reports
    assert report.status is FileStatus.UNREADABLE
    assert "more than 3 MiB when unpacked" in report.detail
