"""Whole loops on a metal, an ionic crystal and an alloy whose atoms are shuffled, at the smallest size."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import ase.io
import numpy as np
import pytest
from aiida import orm
from aiida.engine import run_get_node
from ase import Atoms, units
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


# A label of pw.x takes several seconds.
QE = (
    ("perturb: {count: 6,", "perturb: {count: 4,"),
    ("  validation_fraction: 0.2", "  validation_fraction: 0.25"),
    ("n_max: 3", "n_max: 1"),
)


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
def test_loop_runs_to_its_end(tmp_path: Path, emt: Callable[[Atoms], np.ndarray]) -> None:
    """Frames are selected and labelled, labels are those of the reference, and shuffled atoms are one system."""
    node = run_loop(tmp_path, shuffled_alloy())
    first = [shard for key, shard in node.outputs.datasets.items() if key.startswith("initial")]
    assert sum(len(shard) for shard in first) == 18
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


@dataclass(frozen=True)
class Crystal:
    """A crystal, the level of theory of the loop, and its first frame at converged settings.

    :ivar reference: what stands in the configuration beside the code.
    :ivar position: of the second atom of the first frame in Å: displacements are the same on every machine.
    :ivar force: on that atom in eV/Å, converged.
    :ivar stress: xx, yy, zz, yz, xz, xy in GPa, converged.
    :ivar tolerances: of a component of force and stress, as the documentation states them.
    """

    atoms: Atoms
    pseudopotential: str
    reference: str
    position: tuple[float, ...]
    force: tuple[float, ...]
    stress: tuple[float, ...]
    tolerances: tuple[float, float]


ALUMINIUM = Crystal(
    atoms=Atoms(
        "Al2",
        cell=[4.05 / 2**0.5, 4.05 / 2**0.5, 4.05],
        scaled_positions=[[0, 0, 0], [0.5, 0.5, 0.5]],
        pbc=True,
    ),
    pseudopotential="gth-pbe",
    reference="kind: metal, cutoff: 20 Ry",
    # `balanced` with 30 Ry and 0.1/Å
    position=(1.4426169830104278, 1.4037121555821412, 2.011962890063218),
    force=(-0.01631, 0.20942, -0.21483),
    stress=(1.504, 1.220, -0.843, 1.073, -0.313, 0.583),
    tolerances=(0.02, 2.0),
)
MAGNESIA = Crystal(
    atoms=bulk("MgO", "rocksalt", a=4.21),
    pseudopotential="sg15-pbe",
    reference="kind: solid, kpoints_spacing: 0.8",
    # `stringent` with 140 Ry and 0.6/Å
    position=(2.1196571875758887, -0.06163829042787926, 0.009580355492827555),
    force=(0.02429, 0.49494, -0.25480),
    stress=(-1.567, -5.757, -10.076, 3.255, -0.929, 2.471),
    tolerances=(0.02, 5.0),
)


@pytest.mark.usefixtures("codes")
@pytest.mark.parametrize("crystal", [ALUMINIUM, MAGNESIA], ids=["aluminium", "magnesia"])
def test_loop_with_quantum_espresso(
    tmp_path: Path, crystal: Crystal, pw_code: orm.InstalledCode, upf_folder: Path
) -> None:
    """The protocols for solids and metals carry a loop, and its labels are as near to convergence as is promised."""
    names = {}
    for element in sorted(set(crystal.atoms.get_chemical_symbols())):
        names[element] = f"{element}.{crystal.pseudopotential}.upf"
        shutil.copy(upf_folder / names[element], tmp_path)
    reference = f"{{labeller: qe, protocol: fast, {crystal.reference}, pseudopotentials: {json.dumps(names)}}}"
    node = run_loop(
        tmp_path,
        [crystal.atoms],
        *QE,
        ("reference: {code: nnpgen-python@localhost}", f"reference: {{code: {pw_code.full_label}}}"),
        ('reference:\n  parameters: {calculator: "ase.calculators.emt:EMT", keywords: {}}', f"reference: {reference}"),
    )
    [first] = [shard for key, shard in node.outputs.datasets.items() if key.startswith("initial")]
    assert (len(first), len(node.outputs.datasets.iteration_00)) == (4, 1)
    [frames] = first.get_frames()
    assert frames.forces is not None
    assert frames.stresses is not None
    row = int(np.argmin(np.linalg.norm(frames.positions[:, 1] - crystal.position, axis=1)))
    force, stress = crystal.tolerances
    np.testing.assert_allclose(frames.positions[row, 1], crystal.position, atol=1e-6)
    np.testing.assert_allclose(frames.forces[row, 1], crystal.force, atol=force)
    np.testing.assert_allclose(frames.stresses[row] / units.GPa, crystal.stress, atol=stress)
