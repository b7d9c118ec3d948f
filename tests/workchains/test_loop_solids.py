"""Whole loops on a metal and on an alloy whose atoms are shuffled, at the smallest size."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import ase.io
import numpy as np
import pytest
from aiida import orm
from aiida.engine import run_get_node
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT

from aiida_nnpgen.config.load import parse_config
from aiida_nnpgen.workchains.active_learning import ActiveLearningWorkChain
from aiida_nnpgen.workchains.builder import build_inputs

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("loop_solids")]

CONFIG = """\
name: solid
seed: 4
structures: [{name: solid, file: solid.extxyz}]
codes:
  training: {code: nnpgen-python@localhost}
  reference: {code: nnpgen-python@localhost}
  sampling: {code: nnpgen-lammps@localhost}
initial_dataset:
  perturb: {count: 6, amplitude: 0.1 Å, strain: 0.03}
  validation_fraction: 0.2
reference:
  parameters: {calculator: "ase.calculators.emt:EMT", keywords: {}}
training:
  committee: 2
  parameters:
    {cutoff: 4.5, neuron: [4, 8], axis_neuron: 4, fitting_neuron: [16, 16], steps: 200, warm_steps: 50}
schedule:
  - sampling:
      stride: 5
      runs:
        - {ensemble: npt, temperatures: [300 K], pressures: [1 bar], length: 20 fs}
    screening: {window: {lo: 0.0001, hi: 50.0}, n_max: 3, reducer: {method: pca}, geometry: {overlap: 0.5}}
"""
ALLOY = ("Cu", "Cu", "Ag", "Ag", "Au", "Au", "Cu", "Ag")


def run_loop(folder: Path, images: list[Atoms], *changes: tuple[str, str]) -> orm.WorkChainNode:
    """Return the finished loop that starts from some crystals."""
    ase.io.write(folder / "solid.extxyz", images)
    text = CONFIG
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    _, node = run_get_node(ActiveLearningWorkChain, **build_inputs(parse_config(text, "solid.yaml"), folder))
    assert node.is_finished_ok, node.exit_message
    return node


def shuffled_alloy() -> list[Atoms]:
    """Return one composition in three orders on the sites of a lattice."""
    images = []
    for seed in range(3):
        atoms = bulk("Ag", cubic=True, a=4.1).repeat((2, 1, 1))
        atoms.symbols = np.random.default_rng(seed).permutation(ALLOY)
        images.append(atoms)
    return images


@pytest.fixture
def emt() -> Callable[[Atoms], np.ndarray]:
    """Return the forces of the reference itself."""

    def forces(atoms: Atoms) -> np.ndarray:
        atoms.calc = EMT()
        return np.asarray(atoms.get_forces())

    return forces


@pytest.mark.usefixtures("codes")
@pytest.mark.parametrize(
    ("images", "n_first"),
    [([bulk("Al", cubic=True).repeat((2, 1, 1))], 6), (shuffled_alloy(), 18)],
    ids=["aluminium", "alloy"],
)
def test_loop_runs_to_its_end(
    tmp_path: Path, images: list[Atoms], n_first: int, emt: Callable[[Atoms], np.ndarray]
) -> None:
    """Frames are selected and labelled, labels are those of the reference, and shuffled atoms are one system."""
    node = run_loop(tmp_path, images)
    first = [shard for key, shard in node.outputs.datasets.items() if key.startswith("initial")]
    assert sum(len(shard) for shard in first) == n_first
    new = node.outputs.datasets.iteration_00
    assert 1 <= len(new) <= 3
    for shard in (*first, new):
        for part in shard.get_frames():
            for row, atoms in enumerate(part.without_labels().to_atoms()):
                assert part.forces is not None
                np.testing.assert_allclose(part.forces[row], emt(atoms), atol=1e-6)
    trainings = [item for item in node.called_descendants if item.process_label == "TrainCalculation"]
    assert len(trainings) == 4
    for training in trainings:
        taken = json.loads(training.outputs.retrieved.base.repository.get_object_content("taken.json"))
        assert len(taken["train"]) == 1
