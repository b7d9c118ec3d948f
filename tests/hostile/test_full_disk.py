"""A disk that is full at any point of a job: what was finished is kept, the reason is told, and the job can go on."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiida import orm
from finished_jobs import STANDINS, Jobs, add_node, read

from aiida_nnpgen.jobs.errors import parse_error
from aiida_nnpgen.jobs.main import main

PROGRAMS = ("deviation", "evaluate", "label", "md", "sample", "screen", "train")
LEVELS = 10
PAGE = 4096

pytestmark = pytest.mark.usefixtures("pair_backend")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Return a disk of 4 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, check=False).returncode
    except OSError:
        done = 1
    if done:
        pytest.skip("no disk can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def free_pages(folder: Path) -> int:
    """Return how many pages a disk has left."""
    return os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize // PAGE


def leave_free(folder: Path, pages: int) -> None:
    """Fill a disk but for some pages."""
    (folder / "filler").write_bytes(bytes((free_pages(folder) - pages) * PAGE))


@pytest.mark.parametrize("program", PROGRAMS)
def test_full_disk_is_told_and_costs_nothing_that_was_finished(
    program: str,
    disk: Path,
    monkeypatch: pytest.MonkeyPatch,
    generate_potential: Callable[..., Any],
    python_code: orm.InstalledCode,
) -> None:
    """At each of ten fill levels the parser says so, keeps what there is, and with room the job ends well."""
    monkeypatch.syspath_prepend(str(STANDINS))
    ends, kept, needed = set(), [], 0
    for level in range(LEVELS + 1):
        folder = disk / f"level_{level}"
        folder.mkdir()
        job = getattr(Jobs(folder, generate_potential, runs=False), program)()
        add_node(job, python_code)
        monkeypatch.chdir(folder)
        before = free_pages(disk)
        if level:
            leave_free(folder, (level - 1) * needed // (LEVELS - 1))
        status = main([program])
        outputs, exit_status, message = read(job)
        kept.append(len(outputs["labels"].get_stepids()) if "labels" in outputs else 0)
        ends.add(exit_status)
        if status == 0:
            assert exit_status == 0, message
            needed = needed or before - free_pages(disk)
        else:
            assert (status, exit_status) == (3, 412), message
            error = parse_error((folder / "error.json").read_bytes())
            assert error is not None
            assert error.disk_full
            assert kept[-1] >= len(list(folder.glob("labels/*.npz")))
            (folder / "filler").unlink()
            assert main([program]) == 0
            assert read(job)[1] == 0
        (folder / "filler").unlink(missing_ok=True)
        monkeypatch.chdir(disk)
        shutil.rmtree(folder)
    assert ends == {0, 412}
    assert kept[1:] == sorted(kept[1:])
    if program in ("label", "md"):
        assert 0 in kept
        assert any(0 < count < kept[0] for count in kept)
