"""Record where each selected frame comes from, and why it was selected."""

from __future__ import annotations

from aiida import orm
from aiida.engine import calcfunction

from ...data.candidates import read_candidates
from ...data.labels import frame_key

__all__ = ["record_selection"]


@calcfunction
def record_selection(screen: orm.ArrayData, levels: orm.ArrayData, **trajectories: orm.TrajectoryData) -> orm.Dict:
    """Return, for the key of each selected frame, the run, row and step that it was, its start, and the reason.

    :param screen: result of the screening job; ``selected`` holds numbers of candidates.
    :param levels: the same that the screening job used.
    :param trajectories: the same that the screening job used; they know the structures from which they started.
    """
    chosen = read_candidates(levels)[screen.get_array("selected")]
    record = {}
    for index, run in enumerate(chosen.run.tolist()):
        key, deviation = chosen.keys[run], float(chosen.deviation[index])
        record[frame_key(index)] = {
            "trajectory": key,
            "start": trajectories[key].base.attributes.get("start", key),
            "row": int(chosen.row[index]),
            "step": int(chosen.step[index]),
            "deviation": deviation,
            "reason": _reason(trajectories[key], deviation),
        }
    return orm.Dict(record)


def _reason(trajectory: orm.TrajectoryData, deviation: float) -> str:
    """Return why a frame was selected, in a sentence."""
    if trajectory.base.attributes.get("before_failure", False):
        return f"just before a probe failed, committee deviation {deviation:.3f} eV/Å, kept by thinning"
    return f"committee deviation {deviation:.3f} eV/Å inside the window, kept by thinning"
