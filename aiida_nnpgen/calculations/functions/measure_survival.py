"""Measure how long probes hold."""

from __future__ import annotations

from math import isfinite

from aiida import orm
from aiida.engine import calcfunction

from ...common.types import RunEnd
from ...common.units import UNITS
from ...properties import survival
from .plan_probes import read_stability

__all__ = ["measure_survival"]

_PS = UNITS["time"]["ps"]


@calcfunction
def measure_survival(settings: orm.Dict, **reports: orm.Dict) -> orm.Dict:
    """Return the survival of the probes of a committee, times in ps.

    ``curve`` is the estimate of Kaplan and Meier with its band of 95 % confidence, ``median`` the time at which half of
    the probes have failed and both ends of its interval (null: later than the target), ``share`` what is left at the
    target, with both ends. ``held`` counts the probes that reached it: those that were cut or left nothing did not.

    :param settings: of the stability.
    :param reports: how each probe ended; those that left nothing are missing.
    """
    stability = read_stability(settings)
    conditions = stability.conditions()
    probes = {}
    for key, report in sorted(reports.items()):
        failed = report["failure_time"]
        time = report["last_step"] * conditions.timestep if failed is None else failed
        end = {name: report[name] for name in ("end", "message")}
        probes[key] = {"time": time / _PS, "failed": failed is not None, **end}
    rows = list(probes.values())
    curve = survival([row["time"] for row in rows], [row["failed"] for row in rows])
    held = sum(row["end"] == RunEnd.COMPLETED.value for row in rows)
    return orm.Dict(
        {
            "temperature": conditions.temperature,
            "target": conditions.steps * conditions.timestep / _PS,
            "planned": stability.probes,
            "held": held,
            "failed": curve.n_failed,
            "median": [value if isfinite(value) else None for value in curve.median],
            "share": [float(values[-1]) for values in (curve.share, curve.low, curve.high)],
            "curve": {name: getattr(curve, name).tolist() for name in ("times", "share", "low", "high")},
            "probes": probes,
            "is_stable": bool(held >= stability.needed_share * stability.probes),
        }
    )
