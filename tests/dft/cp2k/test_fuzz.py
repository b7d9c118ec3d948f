"""Damaged outputs of CP2K give the right label or none, and no error but ours."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from aiida_nnpgen.common.dynamics import Conditions
from aiida_nnpgen.common.exceptions import NnpgenError
from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.common.types import Ensemble
from aiida_nnpgen.dft.cp2k.labels import read_batch, read_md

FIXTURES = Path(__file__).parents[2] / "fixtures" / "cp2k"
BATCH = ("cp2k.out", "cp2k-frc-1.xyz", "cp2k-pos-1.xyz", "cp2k-1.cell")
MD = ("cp2k.out", "cp2k-frc-1.xyz", "cp2k-pos-1.xyz", "cp2k-1.ener")
CASES = [("batch", name) for name in BATCH] + [("failed_not_converged", "cp2k.out")] + [("md", name) for name in MD]
# Copies have fewer digits than what is read: eV, eV/Å, eV/Å³, Å.
TOLERANCES = {"energies": 3e-8, "forces": 1e-6, "stresses": 1e-7, "positions": 1.5e-6}


def labels(folder: Path) -> dict[int, Frames]:
    """Return the label of each frame, or of each step."""
    start = Frames.load(folder / "frames.npz")
    if folder.name == "md":
        conditions = Conditions(ensemble=Ensemble.NVT, temperature=300.0, timestep=0.5, steps=4, stride=2)
        run = read_md(folder, start, conditions)
        numbers, frames = run.steps.tolist(), run.frames
    else:
        found = read_batch(folder, start)
        assert not set(found.rows) & set(found.failures)
        numbers, frames = found.rows, found.frames
    return {number: frames[[row]] for row, number in enumerate(numbers)}


def assert_right_or_refused(folder: Path, good: dict[int, Frames]) -> None:
    """Read a folder; a wrong label, or an error that is not ours, fails."""
    try:
        found = labels(folder)
    except NnpgenError:
        return
    for number, frame in found.items():
        assert number in good
        for name, tolerance in TOLERANCES.items():
            pair = getattr(frame, name), getattr(good[number], name)
            np.testing.assert_allclose(*pair, rtol=0, atol=tolerance, err_msg=f"{name} of {number}")


def truncated(data: bytes) -> Iterator[bytes]:
    """Yield the file cut before each line, within each line, and empty."""
    lines = data.splitlines(keepends=True)
    for number, line in enumerate(lines):
        yield b"".join(lines[:number])
        yield b"".join(lines[:number]) + line[: len(line) // 2]


def flipped(data: bytes, count: int) -> Iterator[bytes]:
    """Yield the file with one bit, one digit, or one line changed."""
    rng = np.random.default_rng(len(data))
    digits = [place for place, byte in enumerate(data) if chr(byte).isdigit()]
    lines = data.splitlines(keepends=True)
    for _ in range(count):
        damaged = bytearray(data)
        damaged[rng.integers(len(data))] ^= 1 << rng.integers(8)
        yield bytes(damaged)
        damaged = bytearray(data)
        damaged[rng.choice(digits)] = ord(str(rng.integers(10)))
        yield bytes(damaged)
        place = int(rng.integers(len(lines)))
        yield b"".join(lines[:place] + lines[place + 1 :])
        yield b"".join(lines[: place + 1] + lines[place:])


@pytest.mark.parametrize(("run", "file"), CASES)
def test_readers_survive_truncation_at_every_line(run: str, file: str, tmp_path: Path) -> None:
    """A file that was cut never gives a wrong label, and never more labels."""
    folder = shutil.copytree(FIXTURES / run, tmp_path / run)
    good = labels(folder)
    for data in truncated((FIXTURES / run / file).read_bytes()):
        (folder / file).write_bytes(data)
        assert_right_or_refused(folder, good)


@pytest.mark.parametrize(("run", "file"), CASES)
def test_readers_survive_changed_bytes(run: str, file: str, tmp_path: Path) -> None:
    """A flipped bit or digit, a lost or doubled line never gives a wrong label."""
    folder = shutil.copytree(FIXTURES / run, tmp_path / run)
    good = labels(folder)
    for data in flipped((FIXTURES / run / file).read_bytes(), 150):
        (folder / file).write_bytes(data)
        assert_right_or_refused(folder, good)


@pytest.mark.parametrize("run", ["batch", "md"])
def test_readers_survive_files_of_another_run(run: str, tmp_path: Path) -> None:
    """Files of another run or another code, binary noise and nothing at all are refused or harmless."""
    good = labels(FIXTURES / run)
    other = FIXTURES / ("md" if run == "batch" else "batch")
    foreign = [(other / name).read_bytes() for name in ("cp2k.out", "cp2k-frc-1.xyz", "cp2k-pos-1.xyz")]
    foreign += [path.read_bytes() for path in sorted((FIXTURES.parent / "cpmd" / "single_point_h2o").iterdir())]
    for file in BATCH if run == "batch" else MD:
        folder = shutil.copytree(FIXTURES / run, tmp_path / file / run)
        for data in [*foreign, bytes(range(256)) * 20, b"", b"\n\n"]:
            (folder / file).write_bytes(data)
            assert_right_or_refused(folder, good)
        (folder / file).unlink()
        assert_right_or_refused(folder, good)
