"""Deviations of sampled frames as nodes: what a sampler measured during a run, and what a job measured afterwards.

The node of a run has the ``step`` of every good frame and, if the sampler measures it, their ``deviation`` (the largest
force deviation, eV/Å). The node of the job has, per run that it was given, ``force_<run>`` (eV/Å), ``energy_<run>``
(eV/atom) and ``stress_<run>`` (eV/Å³).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from aiida import orm
from numpy.typing import NDArray

from ..common.exceptions import InputError
from .arrays import has_array, read_array

__all__ = [
    "check_run",
    "force_deviation",
    "has_deviation",
    "measured_deviation",
    "run_steps",
    "sampler_name",
    "sampler_of",
    "without_deviation",
]

_DEVIATION = "deviation"
_SAMPLERS = "nnpgen.samplers."


def has_deviation(run: orm.ArrayData) -> bool:
    """Return whether the sampler measured the deviation of a run."""
    return has_array(run, _DEVIATION)


def force_deviation(key: str, run: orm.ArrayData, committee: orm.ArrayData | None = None) -> NDArray[np.float64]:
    """Return the force deviation of each frame of a run: the job's where it measured one, else the sampler's.

    :param key: of the run.
    :param run: what the sampler measured.
    :param committee: what the job measured.
    :return: eV/Å, (n_frames,); NaN where nobody measured it.
    """
    if has_deviation(run) and not _has_measured("force", key, committee):
        return _read(run, _DEVIATION, len(run_steps(run)))
    return measured_deviation("force", key, run, committee)


def measured_deviation(name: str, key: str, run: orm.ArrayData, committee: orm.ArrayData | None) -> NDArray[np.float64]:
    """Return a deviation that the job measured of each frame of a run; NaN where it did not.

    :param name: ``force``, ``energy`` or ``stress``.
    :raises InputError: if the job saw other frames than the sampler tells of.
    """
    n_frames = len(run_steps(run))
    if committee is None or not _has_measured(name, key, committee):
        return np.full(n_frames, np.nan)
    values = _read(committee, f"{name}_{key}")
    if len(values) != n_frames:
        raise InputError(
            f"the deviation of `{key}` was measured for {len(values)} of {n_frames} frames: "
            "a sampler that gives no deviation must keep all good frames"
        )
    return values


def run_steps(run: orm.ArrayData) -> NDArray[np.int64]:
    """Return the step of every good frame of a run, (n_frames,).

    :raises InputError: if the node does not tell them.
    """
    return read_array(run, "step", "iuf", (None,)).astype(np.int64)


def check_run(run: orm.ArrayData) -> None:
    """Check that steps and deviations of a run can be read.

    :raises InputError: naming the node and the array.
    """
    steps = run_steps(run)
    if has_deviation(run):
        _read(run, _DEVIATION, len(steps))


def _read(node: orm.ArrayData, name: str, length: int | None = None) -> NDArray[np.float64]:
    return read_array(node, name, "f", (length,)).astype(np.float64)


def without_deviation(runs: Mapping[str, orm.ArrayData], committee: orm.ArrayData | None = None) -> list[str]:
    """Return the keys of runs with frames none of which has a force deviation."""
    return [
        key
        for key, run in sorted(runs.items())
        if len(run_steps(run)) and np.isnan(force_deviation(key, run, committee)).all()
    ]


def sampler_of(run: orm.ArrayData) -> str:
    """Return the name of the sampler that made a run, as in the configuration."""
    return sampler_name(run.creator.process_type) if run.creator else "unknown"


def sampler_name(process_type: str | None) -> str:
    """Return the name of a sampler, as in the configuration, by the type of its process."""
    return (process_type or "unknown").rpartition(":")[2].removeprefix(_SAMPLERS)


def _has_measured(name: str, key: str, committee: orm.ArrayData | None) -> bool:
    return committee is not None and has_array(committee, f"{name}_{key}")
