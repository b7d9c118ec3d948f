"""Frames of a run on disk: appended one by one, read back as far as they can be believed.

A job may be killed at any byte, and a disk may fail. Each record therefore is a length and a CRC-32 (4 bytes each,
little endian) before a ``.npz`` archive with the fields of a frame.
"""

from __future__ import annotations

import io
import os
import struct
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ...common.dynamics import Conditions
from ...common.units import BAR
from .md import THERMO, MdFrame

__all__ = ["append_frame", "read_frames"]

_HEAD = struct.Struct("<II")


def append_frame(handle: BinaryIO, frame: MdFrame) -> None:
    """Write one frame so that it is there whatever comes next."""
    buffer = io.BytesIO()
    np.savez(buffer, **{name: value for name, value in vars(frame).items() if value is not None})
    content = buffer.getvalue()
    handle.write(_HEAD.pack(len(content), zlib.crc32(content)) + content)
    handle.flush()


def read_frames(path: Path, n_atoms: int, conditions: Conditions) -> list[MdFrame]:
    """Return the frames up to the first that is damaged, out of order, or cannot be right.

    :param conditions: those of the run: a frame is expected every stride.
    :raises OSError: if there is no such file.
    """
    frames: list[MdFrame] = []
    with path.open("rb") as handle:
        for step in range(0, conditions.steps + 1, conditions.stride):
            frame = _read(handle)
            if frame is None or frame.step != step or not _is_sound(frame, n_atoms):
                break
            frames.append(frame)
    return frames


def _read(handle: BinaryIO) -> MdFrame | None:
    """Return the next frame; None if there is none, or its bytes are not those that were written."""
    head = handle.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    length, checksum = _HEAD.unpack(head)
    if length > os.fstat(handle.fileno()).st_size:
        return None
    content = handle.read(length)
    # Blocks that a crash left empty read as zeros, and zero is the checksum of nothing.
    if not content or len(content) < length or zlib.crc32(content) != checksum:
        return None
    try:
        return _decode(content)
    # A checksum can be forged, and there is no end to what zipfile and NumPy raise then.
    except Exception:
        return None


def _decode(content: bytes) -> MdFrame | None:
    """Return the frame in a record; None if an array is none that was written, or packed to be larger than it is."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if sum(member.file_size for member in archive.infolist()) > len(content):
            return None
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        fields = {name: arrays[name] for name in arrays.files}
    if any(array.dtype != (np.int64 if name == "step" else np.float64) for name, array in fields.items()):
        return None
    scalars = {name: fields.pop(name).item() for name in ("step", "deviation") if name in fields}
    return MdFrame(**scalars, **fields)


def _is_sound(frame: MdFrame, n_atoms: int) -> bool:
    """Return whether shapes fit, numbers are finite, and those that follow from others do."""
    shapes = ((n_atoms, 3), (n_atoms, 3), (3, 3), (6,), (len(THERMO),))
    arrays = (frame.positions, frame.forces, frame.cell, frame.stress, frame.thermo)
    if tuple(array.shape for array in arrays) != shapes:
        return False
    values = dict(zip(THERMO, frame.thermo.tolist(), strict=True))
    kinetic, volume = values["kinetic_energy"], values["volume"]
    numbers = [frame.positions, frame.forces, frame.cell]
    if np.isnan(frame.stress).all():
        del values["pressure"]  # no number where there is no stress
    else:
        numbers.append(frame.stress)
    if not all(np.isfinite(array).all() for array in (*numbers, np.array(list(values.values())))):
        return False
    pairs = [
        (values["total_energy"], values["potential_energy"] + kinetic),
        (volume, abs(np.linalg.det(frame.cell))),
    ]
    if "pressure" in values:
        pairs.append((values["pressure"] * BAR, (2 * kinetic / volume - frame.stress[:3].sum()) / 3))
    return volume > 0 and all(np.isclose(*pair) for pair in pairs)
