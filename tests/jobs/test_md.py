"""Molecular dynamics on the compute node."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT

from aiida_nnpgen.common.dynamics import Conditions, MdRun
from aiida_nnpgen.common.exceptions import InputError, OutputError
from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.common.types import RunEnd
from aiida_nnpgen.jobs.dynamics import TRAJECTORY, read_run
from aiida_nnpgen.jobs.files import write_frames
from aiida_nnpgen.jobs.md import main
from aiida_nnpgen.samplers.ase.md import run_md

CONDITIONS = {"ensemble": "nvt", "temperature": 300.0, "timestep": 2.0, "steps": 20, "stride": 5}
NUMBERS = np.array([79, 29, 29, 29])


def write_job(folder: Path, **config: object) -> Atoms:
    """Write a job on a crystal of copper and gold and return the start."""
    atoms = bulk("Cu", cubic=True)
    atoms.numbers[0] = 79
    values = {"calculator": "ase.calculators.emt:EMT", "conditions": CONDITIONS, "seed": 4}
    (folder / "config.json").write_text(json.dumps(values | config))
    write_frames(folder, "frames", [Frames.from_atoms([atoms])])
    return atoms


def read_md(folder: Path, **changes: object) -> MdRun:
    """Return the run that a job has left; changes are those of its conditions."""
    return read_run(folder, NUMBERS, Conditions(**(CONDITIONS | changes)))


def assert_equal(first: MdRun, second: MdRun, n_frames: int) -> None:
    """Check that the first frames of two runs agree in every array."""
    for name in ("positions", "cells", "energies", "forces", "stresses"):
        np.testing.assert_array_equal(getattr(first.frames, name), getattr(second.frames, name)[:n_frames])
    np.testing.assert_array_equal(first.frames.numbers, second.frames.numbers)
    np.testing.assert_array_equal(first.steps, second.steps[:n_frames])
    assert first.deviation is second.deviation is None
    for name, column in first.thermo.items():
        np.testing.assert_array_equal(column, second.thermo[name][:n_frames])


def test_read_md_returns_what_was_run(tmp_path: Path) -> None:
    """The files hold the run bit by bit."""
    atoms = write_job(tmp_path)
    main(tmp_path)
    run = read_md(tmp_path)
    expected = run_md(atoms, EMT(), Conditions(**CONDITIONS), seed=4)
    assert_equal(run, expected, 5)
    assert (run.end, run.message, run.failure_time) == (RunEnd.COMPLETED, "all 20 steps done", None)


def test_read_md_keeps_the_good_part_of_a_damaged_run(tmp_path: Path) -> None:
    """Where fewer frames can be read than were written, the run counts as interrupted, and the report says why."""
    write_job(tmp_path)
    main(tmp_path)
    whole = read_md(tmp_path)
    content = (tmp_path / TRAJECTORY).read_bytes()
    (tmp_path / TRAJECTORY).write_bytes(content[: len(content) // 2])
    run = read_md(tmp_path)
    assert run.end is RunEnd.INTERRUPTED
    assert "2 of its 5 frames" in run.message
    assert_equal(run, whole, 2)


@pytest.mark.parametrize("lost", [1, 300])
def test_read_md_keeps_the_good_part_of_a_killed_job(tmp_path: Path, lost: int) -> None:
    """Without a result the run was interrupted; a frame that is not whole is left out."""
    write_job(tmp_path)
    main(tmp_path)
    whole = read_md(tmp_path)
    (tmp_path / "result.json").unlink()
    (tmp_path / TRAJECTORY).write_bytes((tmp_path / TRAJECTORY).read_bytes()[:-lost])
    run = read_md(tmp_path)
    assert run.end is RunEnd.INTERRUPTED
    assert_equal(run, whole, 4)


def test_md_writes_frames_as_they_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that ends in the middle has its frames on disk by then."""
    write_job(tmp_path)
    calculate, calls = EMT.calculate, iter(range(100))

    def interrupted(*args: object, **kwargs: object) -> None:
        if next(calls) == 12:
            raise KeyboardInterrupt
        calculate(*args, **kwargs)

    monkeypatch.setattr(EMT, "calculate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        main(tmp_path)
    assert read_md(tmp_path).steps.tolist() == [0, 5, 10]


def test_md_tells_how_a_run_failed(tmp_path: Path) -> None:
    """A run that gets too hot is a result, with the time of failure and the frames before it."""
    changes = {"timestep": 30.0, "max_temperature": 400.0}
    write_job(tmp_path, conditions=CONDITIONS | changes)
    main(tmp_path)
    run = read_md(tmp_path, **changes)
    assert run.end is RunEnd.UNPHYSICAL
    assert "exceeds 400 K" in run.message
    assert run.failure_time is not None
    assert run.steps[-1] * 30.0 < run.failure_time <= 600.0


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ({"conditions": CONDITIONS | {"temperatur": 3.0}}, "unknown key `temperatur`"),
        ({"conditions": CONDITIONS | {"temperature": -3.0}}, "`temperature` must be positive"),
        ({"conditions": CONDITIONS | {"ensemble": "npt", "pressure": 1.0, "thermostat": "langevin"}}, "not offered"),
        ({"calculator": "EMT"}, "`EMT`"),
        ({"sed": 3}, "`sed`"),
    ],
)
def test_md_names_the_wrong_setting(tmp_path: Path, config: dict[str, object], text: str) -> None:
    """Wrong settings are input errors."""
    write_job(tmp_path, **config)
    with pytest.raises(InputError, match=text):
        main(tmp_path)


def test_md_needs_a_start_structure(tmp_path: Path) -> None:
    """A folder without frames is an input error."""
    write_job(tmp_path)
    (tmp_path / "frames.npz").unlink()
    with pytest.raises(InputError, match=r"`frames.npz` is missing"):
        main(tmp_path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (TRAJECTORY, None),
        (TRAJECTORY, b""),
        (TRAJECTORY, bytes(1000)),
    ],
)
def test_read_md_refuses_files_that_do_not_fit(tmp_path: Path, name: str, content: bytes | None) -> None:
    """Broken, missing or empty files of a finished job are output errors."""
    write_job(tmp_path)
    main(tmp_path)
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(OutputError):
        read_md(tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"{", b'{"end": "completely", "message": "", "failure_time": null, "frames": 5}']
)
def test_read_md_keeps_the_frames_where_the_result_is_damaged(tmp_path: Path, content: bytes) -> None:
    """Nobody knows then how the run ended: it counts as interrupted, and the message names the file."""
    write_job(tmp_path)
    main(tmp_path)
    whole = read_md(tmp_path)
    (tmp_path / "result.json").write_bytes(content)
    run = read_md(tmp_path)
    assert run.end is RunEnd.INTERRUPTED
    assert "`result.json`" in run.message
    assert_equal(run, whole, 5)
