"""Join the runs of one dynamics."""

from __future__ import annotations

from typing import Any

import numpy as np
from aiida import orm
from aiida.engine import calcfunction

from ...common.frames import Frames
from ...data.labels import StructureLink, label_node
from ...data.trajectory import trajectory_to_frames

__all__ = ["join_runs"]


@calcfunction
def join_runs(structure: orm.StructureData, **runs: orm.TrajectoryData) -> orm.TrajectoryData:
    """Return the frames of all runs, each time step once.

    A run that was killed may have gone on after its last restart file; the run that followed did those steps again,
    and what came after belongs to its steps. The array ``run`` has the number of the run that made each frame.

    :param structure: start of the dynamics.
    :param runs: labels of each run, with keys in the order of the runs.
    """
    nodes = [runs[key] for key in sorted(runs)]
    parts, steps, makers = [], [], []
    end = np.inf
    for number, node in reversed(list(enumerate(nodes))):
        kept = node.get_stepids() < end
        if kept.any():
            parts.append(trajectory_to_frames(node)[kept])
            steps.append(node.get_stepids()[kept])
            makers.append(np.full(int(kept.sum()), number))
            end = steps[-1].min()
    arrays: dict[str, Any] = {"run": np.concatenate(makers[::-1])}
    return label_node(Frames.concatenate(parts[::-1]), np.concatenate(steps[::-1]), StructureLink.START, **arrays)
