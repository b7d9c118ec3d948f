"""Turn the frames that screening selected into structures, and record why."""

from __future__ import annotations

from aiida import orm
from aiida.engine import calcfunction

from ...common.frames import Frames
from ...common.limits import MAX_LINKS
from ...data.labels import frame_key
from ...data.trajectory import candidates

__all__ = ["record_selection", "select_structures"]


@calcfunction
def select_structures(
    screen: orm.ArrayData, levels: orm.ArrayData, first: orm.Int, **trajectories: orm.TrajectoryData
) -> dict[str, orm.StructureData]:
    """Return selected frames as structures with keys ``frame_0000`` and so on, at most ``MAX_LINKS``.

    :param screen: result of the screening job; ``selected`` holds candidate numbers.
    :param levels: the same that the screening job used.
    :param first: number of the first selected frame to return.
    :param trajectories: the same that the screening job used.
    """
    start, places = first.value, _selected(screen, levels, trajectories)
    return {
        frame_key(start + index): orm.StructureData(ase=frame.without_labels().to_atoms()[0])
        for index, (_, _, frame) in enumerate(places[start : start + MAX_LINKS])
    }


@calcfunction
def record_selection(screen: orm.ArrayData, levels: orm.ArrayData, **trajectories: orm.TrajectoryData) -> orm.Dict:
    """Return run and start of each selected frame, and why it was selected; see :func:`select_structures`."""
    record = {}
    for index, (key, row, _) in enumerate(_selected(screen, levels, trajectories)):
        deviation = float(trajectories[key].get_array("deviation")[row])
        record[frame_key(index)] = {
            "trajectory": key,
            "start": trajectories[key].base.attributes.get("start", key),
            "step": int(trajectories[key].get_stepids()[row]),
            "deviation": deviation,
            "reason": f"committee deviation {deviation:.3f} eV/Å inside the window, kept by thinning",
        }
    return orm.Dict(record)


def _selected(
    screen: orm.ArrayData, levels: orm.ArrayData, trajectories: dict[str, orm.TrajectoryData]
) -> list[tuple[str, int, Frames]]:
    """Return key, row and frame of each selected candidate."""
    places = [
        (key, int(row), frames, index)
        for key, rows, frames in candidates(trajectories, levels)
        for index, row in enumerate(rows)
    ]
    chosen = [places[number] for number in screen.get_array("selected").tolist()]
    return [(key, row, frames[[index]]) for key, row, frames, index in chosen]
