"""Decide the trust window, and which frame lies where."""

from __future__ import annotations

from typing import Any

import numpy as np
from aiida import orm
from aiida.engine import calcfunction
from numpy.typing import NDArray

from ...common.types import TrustLevel
from ...screening import calibrate_window, combine_trust_levels
from ...screening.calibration import CalibrationSettings

__all__ = ["assign_levels", "choose_window"]


@calcfunction
def choose_window(
    settings: orm.Dict,
    evaluation: orm.ArrayData | None = None,
    committee: orm.ArrayData | None = None,
    **deviations: orm.ArrayData,
) -> dict[str, orm.Dict]:
    """Return the trust window of an iteration, and in mode ``auto`` the calibration behind it.

    :param settings: of the screening.
    :param evaluation: deviation and force error of validation frames; without it the window is as set.
    :param committee: deviations that a job measured for a window that needs more than the sampler gives.
    :param deviations: per run, the deviation of every frame that was sampled, in eV/Å.
    """
    chosen = {name: settings["window"][name] for name in ("lo", "hi", "energy", "stress")}
    if settings["window"]["mode"] == "fixed" or evaluation is None:
        return {"window": orm.Dict(chosen)}
    sampled = [_force(key, node, committee) for key, node in sorted(deviations.items())]
    calibration = calibrate_window(
        evaluation.get_array("deviation"),
        evaluation.get_array("force_error_driving"),
        np.concatenate(sampled) if sampled else None,
        CalibrationSettings(**settings["window"]["calibration"]),
    )
    chosen |= {"lo": calibration.lo, "hi": calibration.hi}
    return {"window": orm.Dict(chosen), "calibration": orm.Dict(calibration.as_dict())}


@calcfunction
def assign_levels(
    window: orm.Dict, committee: orm.ArrayData | None = None, **deviations: orm.ArrayData
) -> dict[str, orm.Data]:
    """Return the trust level of every sampled frame, and how many are known, candidates and failed.

    :param window: ``lo`` and ``hi`` in eV/Å; bounds on ``energy`` (eV/atom) and ``stress`` (eV/Å³), or none.
    :param committee: as in :func:`choose_window`.
    :param deviations: as in :func:`choose_window`.
    """
    bounds = window.get_dict()
    windows = {"force": (bounds["lo"], bounds["hi"])}
    windows |= {name: tuple(bounds[name]) for name in ("energy", "stress") if bounds.get(name)}
    levels, runs = orm.ArrayData(), {}
    for key, node in sorted(deviations.items()):
        measured = {"force": _force(key, node, committee)}
        measured |= {
            name: _measured(name, key, committee, len(measured["force"])) for name in windows if name != "force"
        }
        level = combine_trust_levels(measured, windows)
        levels.set_array(f"{key}_steps", node.get_array("step"))
        levels.set_array(f"{key}_levels", level)
        runs[key] = {each.name.lower(): int(np.count_nonzero(level == each)) for each in TrustLevel}
    names = [level.name.lower() for level in TrustLevel]
    totals = {name: sum(run[name] for run in runs.values()) for name in names}
    return {"levels": levels, "counts": orm.Dict({**totals, "sampled": sum(totals.values()), "runs": runs})}


def _force(key: str, node: orm.ArrayData, committee: orm.ArrayData | None) -> NDArray[Any]:
    """Return the force deviation of a run: the job's where it measured one, else the sampler's."""
    sampled = node.get_array("deviation")
    return sampled if committee is None else _measured("force", key, committee, len(sampled))


def _measured(name: str, key: str, committee: orm.ArrayData | None, n_frames: int) -> NDArray[Any]:
    """Return a deviation that the job measured; a run without frames has none."""
    if committee is None or n_frames == 0:
        return np.full(n_frames, np.nan)
    return committee.get_array(f"{name}_{key}")
