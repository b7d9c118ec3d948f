"""Run molecular dynamics with an ASE calculator.

``config.json`` names calculator, conditions and seed; the start structure is the first frame of ``frames_000.npz``.
Each good frame is appended to ``trajectory.bin`` as it comes, so a killed job keeps them; ``trajectory.json`` holds the
species. Started again in its folder, the job runs from the beginning.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..common.dynamics import Conditions, MdRun
from ..common.exceptions import InputError, OutputError
from ..common.types import RunEnd
from ..dft.ase.calculator import load_calculator
from ..samplers.ase.md import THERMO, MdFrame, assemble_run, run_md
from .config import build
from .files import RESULT, read_config, read_frames, write_result

__all__ = ["HEADER", "TRAJECTORY", "MdConfig", "main", "read_md"]

HEADER = "trajectory.json"
TRAJECTORY = "trajectory.bin"


@dataclass(frozen=True, kw_only=True)
class MdConfig:
    """Configuration of the job.

    :ivar calculator: import path of the calculator's class.
    :ivar conditions: fields of :class:`~..common.dynamics.Conditions`.
    :ivar seed: seed of velocities and Langevin noise.
    :ivar keywords: keyword arguments of the calculator.
    """

    calculator: str
    conditions: Mapping[str, object]
    seed: int
    keywords: Mapping[str, object] = field(default_factory=dict)


def main(folder: Path) -> None:
    """Run the job and leave trajectory and result in its folder.

    :raises InputError: if the configuration asks for what cannot be done.
    :raises OutputError: if the start structure itself cannot be evaluated.
    """
    config = build(MdConfig, read_config(folder), "config.json")
    conditions = build(Conditions, config.conditions, "config.json, conditions")
    parts = read_frames(folder, "frames")
    if not (parts and len(parts[0])):
        raise InputError("the start structure `frames_000.npz` is missing or empty")
    start = parts[0][:1].without_labels().to_atoms()[0]
    calculator = load_calculator(config.calculator, config.keywords)
    (folder / HEADER).write_text(json.dumps({"numbers": start.numbers.tolist()}))
    with (folder / TRAJECTORY).open("wb") as handle:

        def append(frame: MdFrame) -> None:
            handle.write(_pack(frame))
            handle.flush()

        run = run_md(start, calculator, conditions, config.seed, on_frame=append)
    result = {"end": run.end.value, "message": run.message, "failure_time": run.failure_time, "frames": len(run.frames)}
    write_result(folder, result)


def read_md(folder: Path) -> MdRun:
    """Return the run that a job has left so far.

    Where there is no ``result.json`` the job was killed: the run ends as interrupted, with the frames written by then.

    :raises OutputError: if there is no trajectory, or a file is not what it should be.
    """
    try:
        numbers = np.array(json.loads((folder / HEADER).read_text())["numbers"], dtype=np.int64)
        content = (folder / TRAJECTORY).read_bytes()
        result = json.loads((folder / RESULT).read_text()) if (folder / RESULT).exists() else None
        frames = _unpack(content, len(numbers))
        if result is None:
            message = f"the job ended before its last step, {len(frames)} frames were written"
            return assemble_run(numbers, frames, RunEnd.INTERRUPTED, message, None)
        if result["frames"] != len(frames):
            raise OutputError(f"`{TRAJECTORY}` holds {len(frames)} frames, expected `{result['frames']}`")
        return assemble_run(numbers, frames, RunEnd(result["end"]), result["message"], result["failure_time"])
    except (OSError, ValueError, KeyError, TypeError) as exception:
        raise OutputError(f"no readable run in the folder: {type(exception).__name__}: {exception}") from exception


def _record_type(n_atoms: int) -> np.dtype[np.void]:
    """Return the layout of one frame in the file: little endian, without gaps."""
    return np.dtype(
        [
            ("step", "<i8"),
            ("deviation", "<f8"),
            ("thermo", "<f8", (len(THERMO),)),
            ("cell", "<f8", (3, 3)),
            ("stress", "<f8", (6,)),
            ("positions", "<f8", (n_atoms, 3)),
            ("forces", "<f8", (n_atoms, 3)),
        ]
    )


def _pack(frame: MdFrame) -> bytes:
    record = np.zeros((), dtype=_record_type(len(frame.positions)))
    for name in record.dtype.names or ():
        record[name] = getattr(frame, name)
    return record.tobytes()


def _unpack(content: bytes, n_atoms: int) -> list[MdFrame]:
    """Return the whole frames; what was cut while being written is left out."""
    layout = _record_type(n_atoms)
    records = np.frombuffer(content, dtype=layout, count=len(content) // layout.itemsize)
    return [
        MdFrame(
            step=int(record["step"]),
            deviation=float(record["deviation"]),
            **{name: record[name].astype(np.float64) for name in ("thermo", "cell", "stress", "positions", "forces")},
        )
        for record in records
    ]
