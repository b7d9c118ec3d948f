"""Damaged outputs of CPMD give the right label or an error of ours, nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from aiida_nnpgen.common.exceptions import NnpgenError
from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.dft.cpmd import read_md, read_single_point, salvage_md

FIXTURES = Path(__file__).parents[2] / "fixtures" / "cpmd"
RUNS = {"single_point_h2o": read_single_point, "single_point_pg": read_single_point, "md_restart_pg": read_md}
CASES = [(run, path.name) for run in RUNS for path in sorted((FIXTURES / run).iterdir())]
# What is printed once only cannot be checked better than its neighbours or another table allow.
TOLERANCES = {"positions": 1e-6, "cells": 1e-4, "energies": 3e-3, "forces": 3e-2}


def assert_right_or_refused(read: Callable[[Path], Frames], folder: Path, good: Frames) -> None:
    """Read a folder; anything but our own errors or the right label fails."""
    try:
        frames = read(folder)
    except NnpgenError:
        return
    np.testing.assert_array_equal(frames.numbers, good.numbers)
    for name, tolerance in TOLERANCES.items():
        np.testing.assert_allclose(getattr(frames, name), getattr(good, name), rtol=0, atol=tolerance, err_msg=name)


def truncated(data: bytes) -> Iterator[bytes]:
    """Yield the file cut before each line, within each line, and empty."""
    lines = data.splitlines(keepends=True)
    for number, line in enumerate(lines):
        yield b"".join(lines[:number])
        yield b"".join(lines[:number]) + line[: len(line) // 2]


def flipped(data: bytes, count: int) -> Iterator[bytes]:
    """Yield the file with one bit, or one digit, changed."""
    rng = np.random.default_rng(len(data))
    digits = [place for place, byte in enumerate(data) if chr(byte).isdigit()]
    for _ in range(count):
        damaged = bytearray(data)
        damaged[rng.integers(len(data))] ^= 1 << rng.integers(8)
        yield bytes(damaged)
        damaged = bytearray(data)
        damaged[rng.choice(digits)] = ord(str(rng.integers(10)))
        yield bytes(damaged)


@pytest.mark.parametrize(("run", "file"), CASES)
def test_readers_survive_truncation_at_every_line(run: str, file: str, tmp_path: Path) -> None:
    """A file that was cut never gives a wrong label."""
    folder = shutil.copytree(FIXTURES / run, tmp_path / run)
    good = RUNS[run](folder)
    for data in truncated((FIXTURES / run / file).read_bytes()):
        (folder / file).write_bytes(data)
        assert_right_or_refused(RUNS[run], folder, good)


@pytest.mark.parametrize(("run", "file"), CASES)
def test_readers_survive_changed_bytes(run: str, file: str, tmp_path: Path) -> None:
    """A flipped bit or digit never gives a wrong energy, force, position, cell or species."""
    folder = shutil.copytree(FIXTURES / run, tmp_path / run)
    good = RUNS[run](folder)
    for data in flipped((FIXTURES / run / file).read_bytes(), 100):
        (folder / file).write_bytes(data)
        assert_right_or_refused(RUNS[run], folder, good)


@pytest.mark.parametrize("file", ["cpmd.out", "FTRAJECTORY", "ENERGIES", "STRESS", "TRAJECTORY"])
def test_salvage_md_keeps_only_right_frames(file: str, tmp_path: Path) -> None:
    """Whatever the cut, the frames that are salvaged are frames of the run."""
    folder = shutil.copytree(FIXTURES / "md_pg", tmp_path / "md_pg")
    good = read_md(folder)
    for data in truncated((FIXTURES / "md_pg" / file).read_bytes()):
        (folder / file).write_bytes(data)
        try:
            frames, problems = salvage_md(folder)
        except NnpgenError:
            continue
        assert problems or len(frames) == len(good)
        rows = [int(np.flatnonzero(good.energies == energy)[0]) for energy in frames.energies]
        np.testing.assert_array_equal(frames.forces, good.forces[rows])


@pytest.mark.parametrize("run", RUNS)
def test_readers_survive_files_of_another_run(run: str, tmp_path: Path) -> None:
    """Files of another run, binary noise and nothing at all are refused or harmless."""
    good = RUNS[run](FIXTURES / run)
    foreign = [(FIXTURES / "failed_not_converged" / name).read_bytes() for name in ("cpmd.out", "GEOMETRY", "cpmd.inp")]
    for file in sorted(path.name for path in (FIXTURES / run).iterdir()):
        folder = shutil.copytree(FIXTURES / run, tmp_path / file)
        for data in [*foreign, bytes(range(256)) * 20, b"", b"\n\n"]:
            (folder / file).write_bytes(data)
            assert_right_or_refused(RUNS[run], folder, good)
