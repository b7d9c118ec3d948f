"""Decide whether the loop has converged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiida import orm
from aiida.engine import calcfunction

__all__ = ["decide_stop"]

_NAMED = 3


@calcfunction
def decide_stop(config: orm.Dict, counts: orm.Dict, runs: orm.Dict, previous: orm.Dict | None = None) -> orm.Dict:
    """Return whether the stop criterion holds, why not, and the share of known frames of every iteration.

    The share is of all frames that were planned: what a run that failed, was cut or left nothing did not sample is as
    unknown as what the committee disagrees about, so that runs that all die at once never look like convergence.

    :param counts: of this iteration, as :func:`assign_levels` gives them.
    :param runs: of this iteration, as :func:`count_runs` gives them; frames of others, such as probes, do not count.
    :param previous: decision of the iteration before.
    :return: ``stop``, ``known_share`` (a list) and ``reason``, one sentence.
    """
    values, ends = counts.get_dict(), runs.get_dict()
    counted = [count for key, count in values["runs"].items() if key in ends]
    known, sampled = sum(count["known"] for count in counted), sum(sum(count.values()) for count in counted)
    planned = max(sum(run["planned"] for run in ends.values()), sampled)
    share = known / planned if planned else 0.0
    shares = [*(previous["known_share"] if previous is not None else []), share]
    stop = config.get_dict().get("stop")
    reached = bool(stop) and _is_reached(shares, stop)
    reason = f"{known} of {planned} planned frames are known ({share:.1%})"
    if stop:
        reason += f"; {stop['known_share']:.1%} in {stop['iterations']} iterations in a row end the loop"
    return orm.Dict({"stop": reached, "known_share": shares, "reason": reason + _losses(ends)})


def _is_reached(shares: list[float], stop: Mapping[str, Any]) -> bool:
    last = shares[-stop["iterations"] :]
    return len(last) == stop["iterations"] and all(share >= stop["known_share"] for share in last)


def _losses(runs: Mapping[str, Mapping[str, Any]]) -> str:
    """Return what says which runs gave fewer frames than planned."""
    short = {key: run for key, run in sorted(runs.items()) if run["good"] < run["planned"]}
    if not short:
        return ""
    named = [f"{key} {run['end']} with {run['good']} of {run['planned']}" for key, run in list(short.items())[:_NAMED]]
    more = f" and {len(short) - _NAMED} more" if len(short) > _NAMED else ""
    return f"; {len(short)} of {len(runs)} runs are incomplete: {', '.join(named)}{more}"
