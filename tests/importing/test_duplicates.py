"""The search for equal frames."""

from __future__ import annotations

import time
import tracemalloc

import numpy as np
import pytest

from aiida_nnpgen.dft.reading import Reading
from aiida_nnpgen.importing.duplicates import TOLERANCE, find_duplicates

CELL = np.array([[3.61, 0.0, 0.0], [0.2, 3.61, 0.0], [0.0, -0.3, 3.61]])
POSITIONS = np.array([[0.1, 0.0, 0.0], [0.0, 1.805, 1.805], [1.805, 0.0, 1.805], [1.805, 1.805, 0.0]])


def frame(index: int, positions: np.ndarray = POSITIONS, cell: np.ndarray = CELL) -> Reading:
    """Return a frame of copper."""
    return Reading(index=index, numbers=np.full(len(positions), 29), positions=positions, cell=cell)


def cost(frames: list[Reading]) -> tuple[float, int]:
    """Return processor time in s and the peak of memory in bytes of a search."""
    tracemalloc.start()
    start = time.process_time()
    find_duplicates(frames, [0] * len(frames))
    seconds, peak = time.process_time() - start, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return seconds, peak


def test_equal_frames_cost_time_and_memory_that_grow_with_their_number() -> None:
    """Four times as many equal frames cost about four times as much, not sixteen."""
    first, second = (cost([frame(index) for index in range(count)]) for count in (500, 2000))
    assert second[0] < 8 * max(first[0], 0.05)
    assert second[1] < 6 * first[1]
    assert second[1] < 50_000_000


def test_equal_frames_are_kept_once() -> None:
    """Of many equal ones that of the lowest rank is kept, and all others name it."""
    frames = [frame(index, POSITIONS + index % 2 * CELL[1]) for index in range(50)]
    ranks = [1] * 50
    ranks[17] = 0
    assert find_duplicates(frames, ranks) == {row: 17 for row in range(50) if row != 17}


@pytest.mark.parametrize("seed", range(3))
def test_frames_are_compared_as_all_pairs_would_be(seed: int) -> None:
    """Small displacements below and above the tolerance, in a grid or across its borders, are told apart."""
    rng = np.random.default_rng(seed)
    bases = [POSITIONS + rng.normal(scale=0.02, size=POSITIONS.shape) for _ in range(20)]
    frames, groups = [], []
    for row in range(200):
        group = int(rng.integers(20))
        noise = rng.uniform(-0.4, 0.4, size=POSITIONS.shape) * TOLERANCE
        lattice = rng.integers(-1, 2, size=POSITIONS.shape) @ CELL
        frames.append(frame(row, bases[group] + noise + lattice))
        groups.append(group)
    first = {group: groups.index(group) for group in set(groups)}
    wanted = {row: first[group] for row, group in enumerate(groups) if first[group] != row}
    assert find_duplicates(frames, [0] * 200) == wanted


def test_finite_differences_are_no_duplicates() -> None:
    """Displacements by ten times the tolerance are frames of their own, though their sums are nearly equal."""
    steps = np.eye(12).reshape(-1, 4, 3) * 10 * TOLERANCE
    frames = [frame(row, POSITIONS + step) for row, step in enumerate([0 * steps[0], *steps, *-steps])]
    assert not find_duplicates(frames, [0] * len(frames))
