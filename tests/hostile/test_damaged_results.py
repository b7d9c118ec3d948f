"""Whatever became of the files of a job, its parser ends with an exit code, and keeps what is whole."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiida import orm
from damage import MUTATIONS, foreign_arrays, foreign_texts, mutate, truncations
from finished_jobs import KINDS, STANDINS, Job, Jobs, add_node, read

COUNT = "NNPGEN_DAMAGES"
"""Environment variable with the number of cuts, and of other damages, of each file in the slow test."""
FEW = 5

pytestmark = pytest.mark.usefixtures("pair_backend")


@pytest.fixture
def make(
    monkeypatch: pytest.MonkeyPatch,
    generate_potential: Callable[..., Any],
    python_code: orm.InstalledCode,
    tmp_path: Path,
) -> Callable[[str], Job]:
    """Return a function that makes a good job of a kind."""
    monkeypatch.syspath_prepend(str(STANDINS))
    folder = tmp_path / "job"
    folder.mkdir()
    return lambda kind: add_node(getattr(Jobs(folder, generate_potential), kind)(), python_code)


def damaged(path: Path, count: int) -> Iterator[bytes]:
    """Yield damaged contents of a file: few of them, or else everything."""
    data = path.read_bytes()
    yield from truncations(data, count)
    yield from (content for _, content in mutate(data, 0, max(count, len(MUTATIONS))))
    if count > FEW and path.suffix == ".json":
        yield from foreign_texts()
    if count > FEW and path.suffix == ".npz":
        yield from foreign_arrays(data)


def parse_all(job: Job, count: int) -> int:
    """Parse a job with each of its files damaged in many ways; return how often."""
    tried = 0
    for name in job.files:
        path = job.folder / name
        data = path.read_bytes()
        for content in damaged(path, count):
            path.write_bytes(content)
            read(job)
            tried += 1
        path.unlink()
        read(job)
        path.mkdir()
        read(job)
        path.rmdir()
        path.write_bytes(data)
    return tried


@pytest.mark.parametrize("kind", KINDS)
def test_no_parser_raises_on_damaged_files(make: Callable[[str], Job], kind: str) -> None:
    """A few damages of each kind of each file; the whole of it is the slow test."""
    job = make(kind)
    outputs, status, message = read(job)
    assert (status, message) == (0, "")
    assert outputs
    assert job.files
    assert parse_all(job, FEW) > 15 * len(job.files)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_no_parser_raises_on_any_cut(
    make: Callable[[str], Job], kind: str, record_property: Callable[[str, object], None]
) -> None:
    """Each length of small files, some of large ones, and as many other damages; the variable asks for more."""
    job = make(kind)
    tried = parse_all(job, int(os.environ.get(COUNT, "50")))
    record_property("tried", tried)
    assert tried > 50 * len(job.files)
