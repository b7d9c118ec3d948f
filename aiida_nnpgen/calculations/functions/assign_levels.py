"""Decide which sampled frame lies where relative to the trust window, and number the candidates."""

from __future__ import annotations

import numpy as np
from aiida import orm
from aiida.engine import calcfunction

from ...common.types import TrustLevel
from ...data.candidates import write_candidates
from ...data.deviations import force_deviation, measured_deviation, run_steps
from ...screening.trust import combine_trust_levels, count_levels

__all__ = ["assign_levels"]


@calcfunction
def assign_levels(
    window: orm.Dict,
    committee: orm.ArrayData | None = None,
    failing: orm.List | None = None,
    **deviations: orm.ArrayData,
) -> dict[str, orm.Data]:
    """Return the trust level of every sampled frame, the candidates, and how many frames have each level.

    The node of the levels has, per run, ``<run>_steps`` and ``<run>_levels``, and the candidates of all runs as
    :mod:`aiida_nnpgen.data.candidates` tells.

    :param window: ``lo`` and ``hi`` in eV/Å; bounds on ``energy`` (eV/atom) and ``stress`` (eV/Å³), or none.
    :param committee: as in :func:`choose_window`.
    :param failing: keys of runs that failed soon after their frames, which the committee does not know then, even if it
        agrees on them.
    :param deviations: as in :func:`choose_window`.
    """
    bounds = window.get_dict()
    windows = {"force": (bounds["lo"], bounds["hi"])}
    windows |= {name: tuple(bounds[name]) for name in ("energy", "stress") if bounds.get(name)}
    node, counts, candidates = orm.ArrayData(), {}, {}
    not_known = [] if failing is None else failing.get_list()
    for key, run in sorted(deviations.items()):
        force, steps = force_deviation(key, run, committee), run_steps(run)
        measured = {"force": force}
        measured |= {name: measured_deviation(name, key, run, committee) for name in windows if name != "force"}
        levels = combine_trust_levels(measured, windows)
        if key in not_known:
            levels[levels == TrustLevel.KNOWN] = TrustLevel.CANDIDATE
        rows = np.flatnonzero(levels == TrustLevel.CANDIDATE)
        node.set_array(f"{key}_steps", steps)
        node.set_array(f"{key}_levels", levels)
        counts[key] = count_levels(levels)
        candidates[key] = {"row": rows, "step": steps[rows], "deviation": force[rows]}
    write_candidates(node, candidates)
    names = [level.name.lower() for level in TrustLevel]
    totals = {name: sum(run[name] for run in counts.values()) for name in names}
    return {"levels": node, "counts": orm.Dict({**totals, "sampled": sum(totals.values()), "runs": counts})}
