"""The archive that travels to the compute node."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk

from aiida_nnpgen import __version__
from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.jobs.archive import FILENAME, build_archive
from aiida_nnpgen.jobs.files import write_frames

IMPORT_ALL = """
import importlib, pkgutil, sys

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("aiida", "pydantic", "click", "yaml"):
            raise ImportError(f"{name} is blocked")

sys.meta_path.insert(0, Block())
sys.path.insert(0, sys.argv[1])
import aiida_nnpgen.jobs
for module in pkgutil.walk_packages(aiida_nnpgen.jobs.__path__, "aiida_nnpgen.jobs."):
    assert sys.argv[1] in importlib.import_module(module.name).__file__
    print(module.name)
"""


def start(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the archive in a folder, as a scheduler does, and without the user's environment."""
    (folder / FILENAME).write_bytes(build_archive())
    command = [sys.executable, "-I", FILENAME, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def write_job(folder: Path, **config: object) -> None:
    """Write a job that labels one crystal of copper."""
    values = {"calculator": "ase.calculators.emt:EMT", "keys": ["frame_0000"]}
    (folder / "config.json").write_text(json.dumps(values | config))
    write_frames(folder, "frames", [Frames.from_atoms([bulk("Cu", cubic=True)])])


def test_archive_of_equal_sources_is_equal() -> None:
    """Two builds give the same bytes."""
    assert build_archive() == build_archive()


def test_archive_holds_nothing_that_differs_between_machines() -> None:
    """Members are sorted and bear neither date, nor compression, nor rights of the machine."""
    with zipfile.ZipFile(io.BytesIO(build_archive())) as archive:
        members = archive.infolist()
        assert archive.comment == f"aiida-nnpgen {__version__}".encode()
    assert [member.filename for member in members] == sorted(member.filename for member in members)
    assert {member.date_time for member in members} == {(1980, 1, 1, 0, 0, 0)}
    assert {member.compress_type for member in members} == {zipfile.ZIP_STORED}
    assert {(member.create_system, member.external_attr >> 16) for member in members} == {(3, 0o644)}


def test_archive_holds_the_science_layer_only() -> None:
    """What needs AiiDA or the user's configuration stays behind."""
    with zipfile.ZipFile(io.BytesIO(build_archive())) as archive:
        parts = {name.split("/")[1] for name in archive.namelist() if name.startswith("aiida_nnpgen/")}
    assert parts == {"__init__.py", "common", "dft", "jobs", "models", "properties", "samplers", "screening"}


def test_every_job_imports_from_the_archive_alone(tmp_path: Path) -> None:
    """Each job finds all it needs in the archive, without AiiDA and what comes with it."""
    path = tmp_path / FILENAME
    path.write_bytes(build_archive())
    command = [sys.executable, "-I", "-c", IMPORT_ALL, str(path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "aiida_nnpgen.jobs.label" in done.stdout.split()


def test_archive_runs_a_job(tmp_path: Path) -> None:
    """A job ends with a result and exit code 0."""
    write_job(tmp_path)
    done = start(tmp_path, "label")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads((tmp_path / "result.json").read_text()) == {"failed": 0, "labelled": 1}
    with np.load(tmp_path / "labels" / "frame_0000.npz") as label:
        assert label["forces"].shape == (4, 3)


@pytest.mark.parametrize("arguments", [[], ["unknown"], ["label", "twice"]])
def test_archive_refuses_an_unknown_program(tmp_path: Path, arguments: list[str]) -> None:
    """The message lists the programs, and the exit code is 2."""
    done = start(tmp_path, *arguments)
    assert done.returncode == 2
    assert "choose one of deviation, diagnose, evaluate, label, md, sample, screen, train" in done.stderr


def test_archive_tells_an_input_error_in_one_line(tmp_path: Path) -> None:
    """A wrong input gives one line and exit code 1, a record of the error, and no result, not even an old one."""
    write_job(tmp_path, calculator="EMT")
    (tmp_path / "result.json").write_text("{}")
    done = start(tmp_path, "label")
    assert done.returncode == 1
    assert done.stderr.startswith("InputError: `EMT` is no import path")
    assert done.stderr.count("\n") == 1
    assert json.loads((tmp_path / "error.json").read_text())["type"] == "InputError"
    assert not (tmp_path / "result.json").exists()


def test_archive_shows_the_traceback_of_what_it_does_not_know(tmp_path: Path) -> None:
    """An unforeseen error keeps its traceback and is recorded too."""
    write_job(tmp_path)
    (tmp_path / "config.json").write_text("{")
    done = start(tmp_path, "label")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert json.loads((tmp_path / "error.json").read_text())["type"] == "JSONDecodeError"
