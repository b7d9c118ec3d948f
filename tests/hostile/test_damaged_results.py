"""Whatever became of the files of a job, its parser ends with an exit code, and keeps what is whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiida import orm
from damage import MUTATIONS, SEED, foreign_arrays, foreign_texts, mutate, truncations, wanted
from finished_jobs import KINDS, STANDINS, Job, Jobs, add_node, read

CUTS = 5
"""Of each file, unless more damages are asked for."""

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


def kinds_of_files(job: Job) -> list[str]:
    """Return the first file of each kind: two labels are written and read alike."""
    kinds: dict[tuple[Path, str], str] = {}
    for name in job.files:
        path = Path(name)
        kinds.setdefault((path.parent, path.suffix if path.parent.name else path.name), name)
    return list(kinds.values())


def damaged(path: Path) -> Iterator[bytes]:
    """Yield damaged contents of a file: cuts, each kind of damage, and what another program would have written."""
    data = path.read_bytes()
    yield from truncations(data, wanted(CUTS))
    yield from (content for _, content in mutate(data, SEED, wanted(len(MUTATIONS))))
    if path.suffix == ".json":
        yield from foreign_texts()
    if path.suffix == ".npz":
        yield from foreign_arrays(data)


@pytest.mark.parametrize("kind", KINDS)
def test_no_parser_raises_on_damaged_files(
    make: Callable[[str], Job], kind: str, record_property: Callable[[str, object], None]
) -> None:
    """Each file of a job is cut, damaged, foreign, missing and a folder, one after the other."""
    job = make(kind)
    outputs, status, message = read(job)
    assert (status, message) == (0, "")
    assert outputs
    tried, names = 0, kinds_of_files(job)
    assert names
    for name in names:
        path = job.folder / name
        data = path.read_bytes()
        for content in damaged(path):
            path.write_bytes(content)
            read(job)
            tried += 1
        path.unlink()
        read(job)
        path.mkdir()
        read(job)
        path.rmdir()
        path.write_bytes(data)
    record_property("tried", tried)
    assert tried > 15 * len(names)
