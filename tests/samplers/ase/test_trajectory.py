"""Frames on disk, and what is not believed of them."""

from __future__ import annotations

import io
import pickle
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from aiida_nnpgen.common.dynamics import Conditions
from aiida_nnpgen.samplers.ase.md import MdFrame
from aiida_nnpgen.samplers.ase.trajectory import append_frame, read_frames

N_ATOMS, N_FRAMES, STRIDE = 3, 6, 5
CONDITIONS = Conditions(ensemble="nvt", temperature=300.0, timestep=1.0, steps=STRIDE * (N_FRAMES - 1), stride=STRIDE)


def generate_frame(index: int, **changes: object) -> MdFrame:
    """Return a frame of random numbers."""
    generator = np.random.default_rng(index)
    frame = MdFrame(
        step=index * STRIDE,
        positions=generator.normal(size=(N_ATOMS, 3)),
        cell=8 * np.eye(3),
        forces=generator.normal(size=(N_ATOMS, 3)),
        stress=np.full(6, np.nan),
        thermo=np.array([300.0, -index, 0.1, 0.1 - index, np.nan, 512.0]),
        deviation=0.1 * (index + 1),
    )
    return replace(frame, **changes)


def write(path: Path, *frames: MdFrame) -> list[bytes]:
    """Write frames and return the bytes of each."""
    ends = [0]
    with path.open("wb") as handle:
        for frame in frames or [generate_frame(index) for index in range(N_FRAMES)]:
            append_frame(handle, frame)
            ends.append(handle.tell())
    content = path.read_bytes()
    return [content[first:last] for first, last in pairwise(ends)]


def assert_read(path: Path, n_frames: int) -> None:
    """Check that just the first frames are read, bit by bit."""
    found = read_frames(path, N_ATOMS, CONDITIONS)
    assert len(found) == n_frames
    for index, frame in enumerate(found):
        for name, value in vars(generate_frame(index)).items():
            np.testing.assert_array_equal(getattr(frame, name), value)


def test_read_frames_returns_what_was_written(tmp_path: Path) -> None:
    """All fields come back, a pressure that is no number too."""
    write(tmp_path / "run")
    assert_read(tmp_path / "run", N_FRAMES)


def test_read_frames_of_a_lone_model_has_no_deviation(tmp_path: Path) -> None:
    """What was not measured is None, not a number."""
    write(tmp_path / "run", generate_frame(0, deviation=None))
    assert read_frames(tmp_path / "run", N_ATOMS, CONDITIONS)[0].deviation is None


def test_read_frames_stops_at_every_cut(tmp_path: Path) -> None:
    """Wherever a killed job ended, the whole frames before are there."""
    records = write(tmp_path / "run")
    content = b"".join(records)
    for length in range(0, len(content), 97):
        (tmp_path / "run").write_bytes(content[:length])
        assert_read(tmp_path / "run", sum(len(b"".join(records[: n + 1])) <= length for n in range(N_FRAMES)))


def test_read_frames_sees_every_flipped_bit(tmp_path: Path) -> None:
    """A bit that fell over ends the run where it stands, be it in a length, a checksum or a number."""
    records = write(tmp_path / "run")
    for place in range(0, len(records[2]), 13):
        damaged = bytearray(records[2])
        damaged[place] ^= 1 << place % 8
        (tmp_path / "run").write_bytes(b"".join([*records[:2], bytes(damaged), *records[3:]]))
        assert_read(tmp_path / "run", 2)


@pytest.mark.slow
def test_read_frames_survives_every_cut_and_a_bit_of_every_byte(tmp_path: Path) -> None:
    """No cut and no flipped bit of a small file is believed; the bit goes from one to the next with the byte."""
    records = write(tmp_path / "run", generate_frame(0), generate_frame(1))
    content, path = bytearray(b"".join(records)), tmp_path / "run"
    for length in range(len(content)):
        path.write_bytes(content[:length])
        assert len(read_frames(path, N_ATOMS, CONDITIONS)) == (length >= len(records[0]))
    content = bytearray(records[0])
    for place in range(len(content)):
        content[place] ^= 1 << place % 8
        path.write_bytes(content)
        assert not read_frames(path, N_ATOMS, CONDITIONS)
        content[place] ^= 1 << place % 8


@pytest.mark.parametrize(
    ("damage", "n_frames"),
    [
        (lambda records: records[3:] + records[:3], 0),
        (lambda records: records[:1] * N_FRAMES, 1),
        (lambda records: records[:2] + records[3:], 2),
        (lambda records: [*records[:2], bytes(len(records[2])), *records[3:]], 2),
        (lambda records: [*records[:2], records[2][: len(records[2]) // 2], *records[3:]], 2),
        (lambda records: records + records, N_FRAMES),
        (lambda records: [record for record in records for _ in range(2)], 1),
        (lambda records: [records[place] for place in (0, 3, 1, 4, 2, 5)], 1),
        (lambda records: [record[half::2] for record in records for half in range(2)], 0),
    ],
    ids=[
        *("swapped halves", "one record six times", "a gap", "zeros", "half a record", "twice as long"),
        *("doubled", "interleaved", "bytes"),
    ],
)
def test_read_frames_stops_at_the_first_that_is_out_of_order(
    tmp_path: Path, damage: Callable[[list[bytes]], list[bytes]], n_frames: int
) -> None:
    """The steps must increase by the stride, from zero to the last."""
    (tmp_path / "run").write_bytes(b"".join(damage(write(tmp_path / "run"))))
    assert_read(tmp_path / "run", n_frames)


@pytest.mark.parametrize(
    "change",
    [
        {"positions": np.full((N_ATOMS, 3), np.nan)},
        {"forces": np.full((N_ATOMS, 3), np.inf)},
        {"cell": np.full((3, 3), np.nan)},
        {"positions": np.zeros((N_ATOMS + 1, 3))},
        {"thermo": np.array([300.0, -2.0, 0.1, 5.0, np.nan, 512.0])},
        {"thermo": np.array([np.nan, -2.0, 0.1, -1.9, np.nan, 512.0])},
        {"thermo": np.array([300.0, -2.0, 0.1, -1.9, np.nan, 513.0])},
        {"cell": np.diag([8.0, 8.0, 9.0])},
        {"stress": np.array([0.1, np.nan, 0.1, 0.0, 0.0, 0.0])},
        {"stress": np.full(6, 0.1), "thermo": np.array([300.0, -2.0, 0.1, -1.9, 1000.0, 512.0])},
        {"stress": np.full(7, np.nan)},
        {"thermo": np.zeros(5)},
        {"forces": np.zeros((N_ATOMS, 3), dtype=np.complex128)},
        {"positions": np.full((N_ATOMS, 3), "harm")},
        {"step": np.array([10, 10])},
        {"extra": 1},
    ],
    ids=[
        *(
            "positions",
            "forces",
            "cell",
            "atoms",
            "total energy",
            "temperature",
            "volume",
            "edge",
            "stress",
            "pressure",
        ),
        *("columns", "thermo", "complex", "text", "step", "field"),
    ],
)
def test_read_frames_stops_at_what_cannot_be_right(tmp_path: Path, change: dict[str, object]) -> None:
    """A frame with numbers that are none, of another size, or whose energies do not add up ends the run."""
    changed = SimpleNamespace(**(vars(generate_frame(2)) | change))
    write(tmp_path / "run", generate_frame(0), generate_frame(1), changed, generate_frame(3))
    assert_read(tmp_path / "run", 2)


@pytest.mark.parametrize(
    "content", [b"harm", b"PK\x05\x06" + bytes(18), pickle.dumps([1])], ids=["text", "zip", "pickle"]
)
def test_read_frames_stops_at_a_record_that_is_none(tmp_path: Path, content: bytes) -> None:
    """A right checksum alone does not make a frame."""
    records = write(tmp_path / "run")
    forged = struct.pack("<II", len(content), zlib.crc32(content)) + content
    (tmp_path / "run").write_bytes(b"".join([*records[:2], forged, *records[3:]]))
    assert_read(tmp_path / "run", 2)


def test_read_frames_unpacks_nothing(tmp_path: Path) -> None:
    """An array that is larger than the record holds zeros, or whatever fills a memory."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **{**vars(generate_frame(0)), "positions": np.zeros((10**6, 3))})
    content = buffer.getvalue()
    (tmp_path / "run").write_bytes(struct.pack("<II", len(content), zlib.crc32(content)) + content)
    assert_read(tmp_path / "run", 0)
