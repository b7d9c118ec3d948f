"""Decide whether the loop has converged."""

from __future__ import annotations

from aiida import orm
from aiida.engine import calcfunction

__all__ = ["decide_stop"]


@calcfunction
def decide_stop(config: orm.Dict, **counts: orm.Dict) -> orm.Dict:
    """Return whether the stop criterion holds, and the share of known frames of every iteration.

    :param counts: per iteration, in the order of their keys, the counts of :func:`assign_levels`.
    """
    shares = []
    for key in sorted(counts):
        values = counts[key].get_dict()
        shares.append(values["known"] / values["sampled"] if values["sampled"] else 0.0)
    stop = config.get_dict().get("stop")
    needed = stop["iterations"] if stop else 0
    reached = bool(stop) and len(shares) >= needed and all(share >= stop["known_share"] for share in shares[-needed:])
    return orm.Dict({"stop": reached, "known_share": shares})
