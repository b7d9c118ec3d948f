"""Turn the frames that screening selected into structures."""

from __future__ import annotations

import numpy as np
from aiida import orm
from aiida.engine import calcfunction

from ...common.limits import MAX_LINKS
from ...data.arrays import read_array
from ...data.candidates import candidate_frames, read_candidates
from ...data.labels import frame_key

__all__ = ["select_structures"]


@calcfunction
def select_structures(
    screen: orm.ArrayData, levels: orm.ArrayData, first: orm.Int, **trajectories: orm.TrajectoryData
) -> dict[str, orm.StructureData]:
    """Return selected frames as structures with keys ``frame_0000`` and so on, as many as one process should have.

    :param screen: result of the screening job; ``selected`` holds numbers of candidates.
    :param levels: the same that the screening job used.
    :param first: number of the first selected frame to return.
    :param trajectories: the same that the screening job used.
    """
    numbers = read_array(screen, "selected", "iu", (None,)).astype(np.int64)[first.value : first.value + MAX_LINKS]
    parts = candidate_frames(read_candidates(levels)[numbers], trajectories)
    images = [image for part in parts for image in part.without_labels().to_atoms()]
    return {frame_key(first.value + index): orm.StructureData(ase=image) for index, image in enumerate(images)}
