"""Candidates as pairs of run and row, with one number each."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from aiida import orm

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.data.candidates import candidate_frames, n_candidates, read_candidates, write_candidates
from aiida_nnpgen.data.trajectory import frames_to_trajectory

pytestmark = pytest.mark.usefixtures("aiida_profile")

ROWS = {"run_000": [1, 3], "run_001": [], "run_002": [0]}


@pytest.fixture
def levels() -> orm.ArrayData:
    """Return a node with three candidates of three runs, ten steps apart."""
    node = orm.ArrayData()
    found = {
        key: {
            "row": np.array(rows, dtype=int),
            "step": 10 * np.array(rows, dtype=int),
            "deviation": 0.1 * np.array(rows),
        }
        for key, rows in ROWS.items()
    }
    write_candidates(node, found)
    return node


def test_candidates_are_pairs_of_run_and_row(levels: orm.ArrayData) -> None:
    """Numbers run over the runs in the order of their keys; a run without candidates takes none."""
    assert levels.get_array("candidate_run").tolist() == [0, 0, 2]
    assert levels.get_array("candidate_row").tolist() == [1, 3, 0]
    candidates = read_candidates(levels.store())
    assert candidates.keys == ("run_000", "run_001", "run_002")
    assert [(key, part.row.tolist()) for key, part in candidates.by_run()] == [("run_000", [1, 3]), ("run_002", [0])]
    assert candidates[np.array([1, 2])].step.tolist() == [30, 0]


def test_n_candidates_reads_no_array(levels: orm.ArrayData, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether there is anything to screen is asked without opening a file."""
    monkeypatch.setattr(orm.ArrayData, "get_array", lambda *_: pytest.fail("an array was read"))
    assert n_candidates(levels) == 3
    empty = orm.ArrayData()
    write_candidates(empty, {})
    assert n_candidates(empty) == 0


def test_candidate_frames_are_found_by_their_step(
    levels: orm.ArrayData, generate_labelled: Callable[..., Frames]
) -> None:
    """A trajectory may hold all good frames of its run or the candidates alone."""
    every, some = generate_labelled(5), generate_labelled(1, seed=1)
    runs = {
        "run_000": frames_to_trajectory(every, 10 * np.arange(5)),
        "run_002": frames_to_trajectory(some, np.array([0])),
    }
    whole = candidate_frames(read_candidates(levels), runs)
    thin = candidate_frames(
        read_candidates(levels), runs | {"run_000": frames_to_trajectory(every[[1, 3]], np.array([10, 30]))}
    )
    for first, second in (whole, thin):
        np.testing.assert_array_equal(first.positions, every.positions[[1, 3]])
        np.testing.assert_array_equal(second.positions, some.positions)


def test_candidate_frames_miss_no_frame_in_silence(
    levels: orm.ArrayData, generate_labelled: Callable[..., Frames]
) -> None:
    """A candidate whose coordinates are gone is an error."""
    runs = {"run_000": frames_to_trajectory(generate_labelled(2), np.array([0, 10]))}
    with pytest.raises(InputError, match="`run_000` lacks the frame of step `30`"):
        candidate_frames(read_candidates(levels), runs)
