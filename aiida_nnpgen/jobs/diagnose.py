"""Find, on the compute node, what makes dynamics fail.

In the folder: ``config.json`` with the fields of :class:`DiagnoseConfig`; the start and the last good frames of each
run that failed in ``runs.npz``, and the training data in ``dataset.npz``. Left behind: ``result.json``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..common.exceptions import InputError
from ..properties.diagnosis import TOLERANCE, Departure, diagnose, most_common, training_ranges
from .config import build
from .files import read_config, read_frames, write_result

__all__ = ["RESULT_SHAPE", "DiagnoseConfig", "main"]

_DEPARTURE = {"pair": ([str], None), "scope": (str, None), "value": float, "limit": float, "message": str}
RESULT_SHAPE = {
    "n_runs": int,
    "n_alike": int,
    "cause": ({"run": str, "step": int, **_DEPARTURE}, None),
    "runs": {...: ({"step": int, **_DEPARTURE}, None)},
}


@dataclass(frozen=True, kw_only=True)
class DiagnoseConfig:
    """Configuration of the job.

    :ivar keys: of the runs, in the order of their frames.
    :ivar steps: per run, the time step of each frame.
    :ivar tolerance: as in :func:`~aiida_nnpgen.properties.diagnosis.diagnose`.
    """

    keys: Sequence[str]
    steps: Sequence[Sequence[int]]
    tolerance: float = TOLERANCE


def main(folder: Path) -> None:
    """Compare the distances in failing runs with those in the training data.

    ``result.json`` holds ``runs`` (per run, what left its range first, or null), and ``cause``, the most extreme case
    of that which most runs share, with the ``run`` that it belongs to; ``n_alike`` of the ``n_runs`` share it.
    """
    config = build(DiagnoseConfig, read_config(folder), "config.json")
    runs, dataset = read_frames(folder, "runs"), read_frames(folder, "dataset")
    if not len(runs) == len(config.keys) == len(config.steps):
        raise InputError(f"there are {len(runs)} runs, {len(config.keys)} keys and {len(config.steps)} lists of steps")
    ranges = training_ranges(dataset)
    departures = [diagnose(ranges, run, config.tolerance) for run in runs]
    rows = {
        key: None if found is None else _plain(found, steps)
        for key, found, steps in zip(config.keys, departures, config.steps, strict=True)
    }
    common = most_common(departures)
    cause = None
    if common is not None:
        key = config.keys[departures.index(common[0])]
        cause = {"run": key, **(rows[key] or {})}
    result = {"n_runs": len(runs), "n_alike": common[1] if common else 0, "cause": cause, "runs": rows}
    write_result(folder, result, runs=runs, dataset=dataset)


def _plain(departure: Departure, steps: Sequence[int]) -> dict[str, object]:
    """Return what left its range as plain values."""
    return {
        "step": int(steps[departure.row]),
        "pair": None if departure.pair is None else list(departure.pair),
        "scope": departure.scope,
        "value": departure.value,
        "limit": departure.limit,
        "message": departure.describe(),
    }
