"""What this package registers is held to the same suites as what aiida-nnpgen brings, and runs in its loop."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiida import orm
from aiida.engine import run_get_node
from ase.build import bulk

from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.config.load import parse_config
from aiida_nnpgen.data import PotentialData
from aiida_nnpgen.models import registry
from aiida_nnpgen.models.base import TrainingTask
from aiida_nnpgen.testing.architectures import ArchitectureSuite
from aiida_nnpgen.testing.dft import DftCodeSuite, LabellerCase, LabellerSuite
from aiida_nnpgen.testing.pair_potential import ELEMENTS, alloy, label, rattle
from aiida_nnpgen.testing.samplers import SamplerCase, SamplerSuite
from aiida_nnpgen.workchains.active_learning import ActiveLearningWorkChain
from aiida_nnpgen.workchains.builder import build_inputs

SETTINGS = {"cutoff": 4.5, "n_radial": 10}


@pytest.fixture(scope="module")
def python(aiida_profile: object, tmp_path_factory: pytest.TempPathFactory) -> orm.InstalledCode:
    """Return this Python on a computer that is asked without delay."""
    computer = orm.Computer(
        label="localhost",
        hostname="localhost",
        transport_type="core.local",
        scheduler_type="core.direct",
        workdir=str(tmp_path_factory.mktemp("work")),
    ).store()
    computer.set_minimum_job_poll_interval(0.1)
    computer.configure(safe_interval=0.0, use_login_shell=False)
    return orm.InstalledCode(
        label="python",
        computer=computer,
        filepath_executable=sys.executable,
        prepend_text=f'export PYTHONPATH="{os.environ["PYTHONPATH"]}"',
    ).store()


@pytest.fixture(scope="module")
def committee(aiida_profile: object, tmp_path_factory: pytest.TempPathFactory) -> dict[str, PotentialData]:
    """Return two models fitted to an alloy."""
    backend, models = registry.load("pairs"), {}
    frames = label(rattle(alloy(), 12, seed=1))
    for seed in (1, 2):
        folder = tmp_path_factory.mktemp(f"model_{seed}")
        settings = backend.settings_class(**SETTINGS)
        task = TrainingTask(train=[frames], validation=[], elements=ELEMENTS, settings=settings, seed=seed)
        outcome = backend.train(task, folder)
        models[f"model_{seed}"] = PotentialData(
            {name: folder / name for name in outcome.files},
            architecture="pairs",
            version=outcome.version,
            elements=list(ELEMENTS),
            cutoff=outcome.cutoff,
            seed=seed,
            dtype=outcome.dtype,
        )
    return models


class TestPairs(ArchitectureSuite):
    """The architecture."""

    NAME = "pairs"
    SETTINGS = SETTINGS
    HALF = {"steps": 5}
    BRIEF = {"steps": 1}


class TestVerlet(SamplerSuite):
    """The sampler."""

    NAME = "verlet"

    @pytest.fixture(scope="class")
    def case(self, committee: dict[str, PotentialData], python: orm.InstalledCode) -> SamplerCase:
        """Return a crystal that the models hold together."""
        return SamplerCase(code=python, models=committee, atoms=alloy(), temperature=100.0, timestep=2.0, cpu_seconds=8)


class TestEmt(DftCodeSuite):
    """The reference code, before anything is launched."""

    NAME = "emt"


class TestEmtLabels(LabellerSuite):
    """What it computes."""

    NAME = "emt"

    @pytest.fixture
    def case(self, python: orm.InstalledCode) -> LabellerCase:
        """Return how it is run."""
        return LabellerCase(code=python, tolerances=(1e-3, 1e-2))


LOOP = """
name: copper
seed: 1
structures: [{name: copper, file: copper.extxyz}]
codes:
  training: {code: python@localhost}
  reference: {code: python@localhost}
  sampling: {verlet: {code: python@localhost}}
initial_dataset:
  perturb: {count: 10, amplitude: 0.1 Å, strain: 0.03}
  aimd: {temperatures: [600 K], length: 0.1 ps, timestep: 2 fs, stride: 10}
  validation_fraction: 0.2
reference: {labeller: emt}
training: {architecture: pairs, committee: 2, warm_start: false, parameters: {cutoff: 5.0}}
schedule:
  - repeat: 2
    sampling:
      sampler: verlet
      stride: 10
      timestep: 2 fs
      runs: [{ensemble: nvt, temperatures: [600 K], length: 0.4 ps}]
    screening: {window: {lo: 0.0001, hi: 20.0}, n_max: 4}
"""


@pytest.fixture(scope="module")
def loop(python: orm.InstalledCode, tmp_path_factory: pytest.TempPathFactory) -> orm.WorkChainNode:
    """Return a finished loop in which all three do their part."""
    folder: Path = tmp_path_factory.mktemp("loop")
    bulk("Cu", cubic=True).repeat(2).write(folder / "copper.extxyz")
    inputs: dict[str, Any] = build_inputs(parse_config(LOOP, "copper.yaml"), folder)
    _, node = run_get_node(ActiveLearningWorkChain, **inputs)
    return node


def test_loop_ends_well(loop: orm.WorkChainNode) -> None:
    """Both iterations select and label, and a last committee is trained on all."""
    assert loop.is_finished_ok, loop.exit_message
    assert sorted(loop.outputs.models) == ["iteration_00", "iteration_01", "iteration_02"]
    for key in ("iteration_00", "iteration_01"):
        assert 1 <= len(loop.outputs.datasets[key]) <= 4
        assert loop.outputs.counts[key]["candidate"] > 0


def test_loop_measures_the_deviation_itself(loop: orm.WorkChainNode) -> None:
    """The sampler measures none: the screening does, for every frame."""
    jobs = [node.process_label for node in loop.called_descendants]
    assert jobs.count("DeviationCalculation") == 2
    assert loop.outputs.counts.iteration_00["sampled"] == 21


def test_labels_are_those_of_the_code(loop: orm.WorkChainNode) -> None:
    """What the dataset holds is what effective medium theory gives."""
    from ase.calculators.emt import EMT

    shard = loop.outputs.datasets.iteration_01
    for part in shard.get_frames():
        for row, atoms in enumerate(part.without_labels().to_atoms()):
            atoms.calc = EMT()
            np.testing.assert_allclose(part.forces[row], atoms.get_forces(), atol=1e-10)


def test_names_come_from_entry_points(aiida_profile: Callable[..., object]) -> None:
    """Nothing but the metadata of this package tells of it."""
    assert registry.load("pairs").__class__.__module__ == "nnpgen_example.pairs"
    assert isinstance(label(rattle(alloy(), 1, seed=0)), Frames)
