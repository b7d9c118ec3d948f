"""Candidates: the frames inside the trust window, numbered once for all who screen them.

A candidate is a pair: the run that sampled it, and its row among the good frames of that run. The node of the trust
levels holds the pairs in the order of their numbers; the screening job, the selection and its record mean them by these
numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from aiida import orm
from numpy.typing import NDArray

from ..common.exceptions import InputError
from ..common.frames import Frames
from .arrays import read_array
from .checks import refuse
from .trajectory import read_steps, trajectory_to_frames

__all__ = ["Candidates", "candidate_frames", "n_candidates", "read_candidates", "write_candidates"]

_DTYPES = {"row": np.int64, "step": np.int64, "deviation": np.float64}


@dataclass(frozen=True, eq=False, kw_only=True)
class Candidates:
    """Some candidates, or all.

    :ivar keys: of all runs, sorted.
    :ivar run: index of each candidate's run among the keys, (n,).
    :ivar row: its row among the good frames of the run, (n,).
    :ivar step: its time step, (n,).
    :ivar deviation: its force deviation in eV/Å, (n,).
    """

    keys: tuple[str, ...]
    run: NDArray[np.int64]
    row: NDArray[np.int64]
    step: NDArray[np.int64]
    deviation: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.run)

    def __getitem__(self, numbers: NDArray[np.int64]) -> Candidates:
        """Return the candidates of some numbers.

        :raises InputError: if there are not as many.
        """
        if len(numbers) and not 0 <= int(np.min(numbers)) <= int(np.max(numbers)) < len(self):
            raise InputError(f"there are {len(self)} candidates, none with the number `{int(np.max(numbers))}`")
        parts = {name: getattr(self, name)[numbers] for name in ("run", *_DTYPES)}
        return Candidates(keys=self.keys, **parts)

    def by_run(self) -> Iterator[tuple[str, Candidates]]:
        """Yield the candidates in their order, those of one run together with its key."""
        for run, numbers in groupby(range(len(self)), key=lambda number: int(self.run[number])):
            yield self.keys[run], self[np.array(list(numbers))]


def write_candidates(levels: orm.ArrayData, runs: Mapping[str, Mapping[str, NDArray[np.generic]]]) -> None:
    """Write the candidates into the node of the trust levels (unstored).

    :param runs: per run, sorted by key, ``row``, ``step`` and ``deviation`` of its candidates.
    """
    levels.base.attributes.set("runs", list(runs))
    lengths = [len(found["row"]) for found in runs.values()]
    levels.set_array("candidate_run", np.repeat(np.arange(len(runs), dtype=np.int64), lengths))
    for name, dtype in _DTYPES.items():
        values = [np.zeros(0, dtype), *(found[name] for found in runs.values())]
        levels.set_array(f"candidate_{name}", np.concatenate(values).astype(dtype))


def n_candidates(levels: orm.ArrayData) -> int:
    """Return how many candidates there are, without reading anything of theirs."""
    return int(levels.get_shape("candidate_run")[0])


def read_candidates(levels: orm.ArrayData) -> Candidates:
    """Return all candidates.

    :raises InputError: if the node does not hold them: one from an archive was never validated.
    """
    keys = levels.base.attributes.get("runs", None)
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise refuse(levels, "`runs` is no list of the keys of runs")
    run = read_array(levels, "candidate_run", "i", (None,)).astype(np.int64)
    shape = (len(run),)
    arrays: dict[str, Any] = {
        name: read_array(levels, f"candidate_{name}", "i" if dtype is np.int64 else "f", shape).astype(dtype)
        for name, dtype in _DTYPES.items()
    }
    if len(run) and not 0 <= run.min() <= run.max() < len(keys):
        raise refuse(levels, f"array `candidate_run` names a run that is none of the {len(keys)} in `runs`")
    return Candidates(keys=tuple(keys), run=run, **arrays)


def candidate_frames(candidates: Candidates, trajectories: Mapping[str, orm.TrajectoryData]) -> list[Frames]:
    """Return the frames of candidates in their order, one entry per run.

    :param trajectories: by run; one that holds candidates alone will do.
    :raises InputError: if a frame is missing.
    """
    parts = []
    for key, found in candidates.by_run():
        steps = read_steps(trajectories[key]).tolist() if key in trajectories else []
        rows = {step: row for row, step in enumerate(steps)}
        missing = [step for step in found.step.tolist() if step not in rows]
        if missing:
            raise InputError(f"the trajectory of `{key}` lacks the frame of step `{missing[0]}`, which is a candidate")
        parts.append(trajectory_to_frames(trajectories[key])[[rows[step] for step in found.step.tolist()]])
    return parts
