"""Molecular dynamics with a committee on the compute node."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

from aiida_nnpgen.common.dynamics import Conditions, MdRun
from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.common.types import RunEnd
from aiida_nnpgen.jobs.dynamics import read_run
from aiida_nnpgen.jobs.files import write_frames
from aiida_nnpgen.jobs.sample import main

CONDITIONS = {"ensemble": "nvt", "temperature": 300.0, "timestep": 0.5, "steps": 20, "stride": 5}
NUMBERS = np.array([8, 1])


@pytest.fixture
def sample(spring_backend: str, tmp_path: Path) -> Callable[..., MdRun]:
    """Return a function that runs the job with springs of some stiffnesses (eV/Å²), and reads what it left."""

    def work(*stiffnesses: float, **changes: object) -> MdRun:
        names = [f"model_{index}" for index in range(len(stiffnesses))]
        for name, stiffness in zip(names, stiffnesses, strict=True):
            (tmp_path / name).mkdir()
            (tmp_path / name / "spring.json").write_text(json.dumps({"stiffness": stiffness}))
        values = {"backend": spring_backend, "models": names, "conditions": CONDITIONS | changes, "seed": 4}
        (tmp_path / "config.json").write_text(json.dumps(values))
        start = Atoms(numbers=NUMBERS, positions=[[0.3, 0, 0], [0, 0.5, 0]], cell=[9, 9, 9], pbc=True)
        write_frames(tmp_path, "frames", [Frames.from_atoms([start])])
        main(tmp_path)
        return read_run(tmp_path, NUMBERS, Conditions(**values["conditions"]))  # type: ignore[arg-type]

    return work


def test_sample_is_driven_by_the_first_and_asks_all(sample: Callable[..., MdRun]) -> None:
    """Forces are those of the first spring; the deviation is the standard deviation of all, at the worst atom."""
    run = sample(1.0, 2.0, 3.0)
    assert run.end is RunEnd.COMPLETED
    np.testing.assert_allclose(run.frames.forces, -run.frames.positions)
    farthest = np.linalg.norm(run.frames.positions, axis=-1).max(axis=1)
    np.testing.assert_allclose(run.deviation, np.std([1.0, 2.0, 3.0]) * farthest)


def test_sample_stops_where_the_committee_disagrees(sample: Callable[..., MdRun]) -> None:
    """A run is halted at the first frame that reaches the limit."""
    run = sample(1.0, 2.0, halt_deviation=1e-3)
    assert (run.end, run.failure_time, len(run.frames)) == (RunEnd.HALTED, 0.0, 0)


def test_sample_does_not_believe_in_perfect_agreement(sample: Callable[..., MdRun]) -> None:
    """Equal models give a deviation of zero, which is a failure at the first frame."""
    run = sample(1.0, 1.0)
    assert (run.end, run.failure_time, len(run.frames)) == (RunEnd.NOT_FINITE, 0.0, 0)


def test_sample_runs_with_a_lone_model(sample: Callable[..., MdRun]) -> None:
    """Without a committee nothing is measured and nothing can be halted."""
    run = sample(1.0, halt_deviation=1e-3)
    assert (run.end, run.deviation) == (RunEnd.COMPLETED, None)


def test_sample_needs_stress_for_npt(sample: Callable[..., MdRun]) -> None:
    """A model without stress is an input error, not an unstable run."""
    with pytest.raises(InputError, match="`npt` needs stress"):
        sample(1.0, 2.0, ensemble="npt", pressure=1.0)
