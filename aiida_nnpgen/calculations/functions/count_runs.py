"""Count what the runs of a sampling phase gave against what was planned."""

from __future__ import annotations

from aiida import orm
from aiida.engine import calcfunction

from .plan_runs import planned_runs

__all__ = ["NO_OUTPUT", "count_runs"]

NO_OUTPUT = "no_output"
"""End of a run that left no report."""


@calcfunction
def count_runs(settings: orm.Dict, structures: orm.List, **reports: orm.Dict) -> orm.Dict:
    """Return per run how many frames were planned, how many are good, and how it ended.

    :param settings: of the sampling phase.
    :param structures: keys of the starting structures.
    :param reports: per run, how it ended; a run that is not among them left nothing.
    """
    runs = {}
    for key, (_, conditions) in planned_runs(settings, structures).items():
        report = reports[key].get_dict() if key in reports else {"n_frames": 0, "end": NO_OUTPUT}
        runs[key] = {"planned": conditions.n_kept, "good": report["n_frames"], "end": report["end"]}
    return orm.Dict(runs)
