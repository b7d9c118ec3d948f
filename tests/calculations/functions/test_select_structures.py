"""From numbers of candidates to structures."""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import pytest
from aiida import orm

from aiida_nnpgen.calculations.functions import assign_levels, record_selection, select_structures
from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.data.candidates import candidate_frames, read_candidates
from aiida_nnpgen.data.trajectory import frames_to_trajectory

pytestmark = pytest.mark.usefixtures("aiida_profile")

WINDOW = {"lo": 0.1, "hi": 0.4, "energy": None, "stress": None}


def test_select_structures_numbers_as_the_job_does(generate_labelled: Callable[..., Frames]) -> None:
    """A candidate number means the same frame as in the files of the screening job, across runs and window."""
    runs, deviations = {}, {}
    for index, deviation in enumerate(([0.05, 0.2, 0.5, 0.3], [0.5], [0.0, 0.1, 0.2])):
        frames = generate_labelled(len(deviation), seed=index)
        steps = 10 * np.arange(len(deviation))
        runs[f"run_{index:03d}"] = frames_to_trajectory(frames, steps, deviation=np.array(deviation))
        deviations[f"run_{index:03d}"] = orm.ArrayData({"deviation": np.array(deviation), "step": steps})
    levels = assign_levels(orm.Dict(WINDOW), **deviations)["levels"]
    flat = [frame for part in candidate_frames(read_candidates(levels), runs) for frame in part.positions]
    assert len(flat) == 4
    screen = orm.ArrayData()
    screen.set_array("selected", np.array([1, 2, 3]))
    made = select_structures(screen, levels, orm.Int(0), **runs)
    assert sorted(made) == ["frame_0000", "frame_0001", "frame_0002"]
    for index, number in enumerate([1, 2, 3]):
        positions = made[f"frame_{index:04d}"].get_ase().positions
        np.testing.assert_allclose(positions, flat[number], atol=1e-12)
    record = record_selection(screen, levels, **runs)
    places = [(entry["trajectory"], entry["row"], entry["step"]) for _, entry in sorted(record.get_dict().items())]
    assert places == [("run_000", 3, 30), ("run_002", 1, 10), ("run_002", 2, 20)]
    assert record["frame_0000"]["deviation"] == 0.3
    assert "0.300" in record["frame_0000"]["reason"]


def test_select_structures_takes_part_of_a_large_selection(
    generate_labelled: Callable[..., Frames], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call returns no more than a process should link to; numbers go on where the last call ended."""
    monkeypatch.setattr(
        sys.modules["aiida_nnpgen.calculations.functions.select_structures"], "MAX_LINKS", 2, raising=True
    )
    frames, deviation, steps = generate_labelled(3), np.full(3, 0.2), np.arange(3)
    runs = {"run_000": frames_to_trajectory(frames, steps, deviation=deviation)}
    levels = assign_levels(orm.Dict(WINDOW), run_000=orm.ArrayData({"deviation": deviation, "step": steps}))["levels"]
    screen = orm.ArrayData({"selected": np.array([0, 1, 2])})
    parts = [select_structures(screen, levels, orm.Int(first), **runs) for first in (0, 2)]
    assert [sorted(part) for part in parts] == [["frame_0000", "frame_0001"], ["frame_0002"]]
    np.testing.assert_allclose(parts[1]["frame_0002"].get_ase().positions, frames.positions[2], atol=1e-12)
