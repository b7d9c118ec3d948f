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

__all__ = ["force_deviation", "has_deviation", "measured_deviation", "sampler_name", "sampler_of", "without_deviation"]

_DEVIATION = "deviation"
_SAMPLERS = "nnpgen.samplers."


def has_deviation(run: orm.ArrayData) -> bool:
    """Return whether the sampler measured the deviation of a run."""
    return _DEVIATION in run.get_arraynames()


def force_deviation(key: str, run: orm.ArrayData, committee: orm.ArrayData | None = None) -> NDArray[np.float64]:
    """Return the force deviation of each frame of a run: the job's where it measured one, else the sampler's.

    :param key: of the run.
    :param run: what the sampler measured.
    :param committee: what the job measured.
    :return: eV/Å, (n_frames,); NaN where nobody measured it.
    """
    if has_deviation(run) and not _has_measured("force", key, committee):
        return np.asarray(run.get_array(_DEVIATION), dtype=np.float64)
    return measured_deviation("force", key, run, committee)


def measured_deviation(name: str, key: str, run: orm.ArrayData, committee: orm.ArrayData | None) -> NDArray[np.float64]:
    """Return a deviation that the job measured of each frame of a run; NaN where it did not.

    :param name: ``force``, ``energy`` or ``stress``.
    :raises InputError: if the job saw other frames than the sampler tells of.
    """
    n_frames = len(run.get_array("step"))
    if committee is None or not _has_measured(name, key, committee):
        return np.full(n_frames, np.nan)
    values = np.asarray(committee.get_array(f"{name}_{key}"), dtype=np.float64)
    if len(values) != n_frames:
        raise InputError(
            f"the deviation of `{key}` was measured for {len(values)} of {n_frames} frames: "
            "a sampler that gives no deviation must keep all good frames"
        )
    return values


def without_deviation(runs: Mapping[str, orm.ArrayData], committee: orm.ArrayData | None = None) -> list[str]:
    """Return the keys of runs with frames none of which has a force deviation."""
    return [
        key
        for key, run in sorted(runs.items())
        if len(run.get_array("step")) and np.isnan(force_deviation(key, run, committee)).all()
    ]


def sampler_of(run: orm.ArrayData) -> str:
    """Return the name of the sampler that made a run, as in the configuration."""
    return sampler_name(run.creator.process_type) if run.creator else "unknown"


def sampler_name(process_type: str | None) -> str:
    """Return the name of a sampler, as in the configuration, by the type of its process."""
    return (process_type or "unknown").rpartition(":")[2].removeprefix(_SAMPLERS)


def _has_measured(name: str, key: str, committee: orm.ArrayData | None) -> bool:
    return committee is not None and f"{name}_{key}" in committee.get_arraynames()
