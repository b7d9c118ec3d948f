"""Labelled water for real trainings, and a chain of models trained on it once a session."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule
from ase.calculators.calculator import Calculator

from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.jobs.files import write_frames
from aiida_nnpgen.models.deepmd.backend import DEEPMD

# Double precision, so that finite differences of the energy are exact enough to judge forces and stress.
SETTINGS = {
    "cutoff": 4.0,
    "neuron": [8, 16],
    "axis_neuron": 4,
    "fitting_neuron": [24, 24],
    "precision": "float64",
    "steps": 600,
    "start_lr": 2e-2,
    "stop_lr": 1e-4,
    "virial_start": 1.0,
    "display_every": 50,
    "save_every": 200,
    "warm_steps": 200,
    "warm_start_lr": 1e-3,
    "warm_stop_lr": 1e-4,
}


def label(atoms: Atoms, count: int, seed: int) -> Frames:
    """Return strained and displaced copies of a molecule with GFN1-xTB labels."""
    from tblite.ase import TBLite

    rng = np.random.default_rng(seed)
    calculator: Calculator = TBLite(method="GFN1-xTB", verbosity=0)
    images, energies, forces, stresses = [], [], [], []
    for _ in range(count):
        image = atoms.copy()
        image.set_cell(atoms.cell @ (np.eye(3) + 0.03 * rng.normal(size=(3, 3))), scale_atoms=True)
        image.positions += 0.05 * rng.normal(size=image.positions.shape)
        image.calc = calculator
        energies.append(image.get_potential_energy())
        forces.append(image.get_forces())
        stresses.append(image.get_stress())
        images.append(image)
    bare = Frames.from_atoms(images)
    return Frames(
        numbers=bare.numbers,
        positions=bare.positions,
        cells=bare.cells,
        energies=energies,
        forces=forces,
        stresses=stresses,
    )


@pytest.fixture(scope="session")
def water() -> Frames:
    """Return sixteen labelled frames of water in a periodic box."""
    atoms = molecule("H2O", cell=[4.5, 4.5, 4.5], pbc=True)
    atoms.center()
    return label(atoms, 16, seed=1)


@pytest.fixture(scope="session")
def peroxide() -> Frames:
    """Return four labelled frames of hydrogen peroxide."""
    atoms = molecule("H2O2", cell=[5.0, 5.0, 5.0], pbc=True)
    atoms.center()
    return label(atoms, 4, seed=2)


@pytest.fixture(scope="session")
def strained(water: Frames) -> Frames:
    """Return a frame of water, and it under each of the six strains of -1e-4 and +1e-4, in Voigt order."""
    reference = water[:1].without_labels()
    cells, positions = [reference.cells[0]], [reference.positions[0]]
    for row, column in ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)):
        for sign in (-1, 1):
            strain = np.zeros((3, 3))
            strain[row, column] += 0.5e-4 * sign
            strain[column, row] += 0.5e-4 * sign
            cells.append(reference.cells[0] @ (np.eye(3) + strain))
            positions.append(reference.positions[0] @ (np.eye(3) + strain))
    return Frames(numbers=reference.numbers, positions=positions, cells=cells)


@pytest.fixture(scope="session")
def orthogonal() -> Frames:
    """Return one bare frame of distorted water in an orthogonal cell."""
    atoms = molecule("H2O", cell=[4.4, 4.5, 4.6], pbc=True)
    atoms.center()
    atoms.positions += 0.05 * np.random.default_rng(5).normal(size=(3, 3))
    return Frames.from_atoms([atoms])


def prepare(folder: Path, train: list[Frames], validation: list[Frames], **changes: object) -> None:
    """Write the folder of a training job."""
    folder.mkdir()
    config = {
        "backend": "aiida_nnpgen.models.deepmd.backend:DEEPMD",
        "elements": ["O", "H"],
        "seed": 3,
        "settings": SETTINGS,
    }
    (folder / "config.json").write_text(json.dumps({**config, **changes}))
    write_frames(folder, "train", train)
    write_frames(folder, "validation", validation)


@pytest.fixture(scope="session")
def chain(
    tmp_path_factory: pytest.TempPathFactory, water: Frames, peroxide: Frames, strained: Frames, orthogonal: Frames
) -> Path:
    """Return the folder in which ``train_chain.py`` ran.

    Training frames are of two compositions; the first three have no stress, the second composition has none at all.
    """
    root = tmp_path_factory.mktemp("chain")
    stresses = water.stresses[:12].copy()
    stresses[:3] = np.nan
    mixed = Frames(**{**vars(water[:12]), "stresses": stresses})
    bare = Frames(**{**vars(peroxide), "stresses": None})
    data = ([mixed, bare], [water[12:]])
    prepare(root / "first", *data)
    prepare(root / "twin", *data)
    prepare(root / "child", *data, parent="parent")
    prepare(root / "resumed", *data, restart=True)
    prepare(root / "diverged", *data, settings={**SETTINGS, "start_lr": 1e3, "stop_lr": 1e3, "steps": 50})
    (root / "evaluation").mkdir()
    config = {"backend": "aiida_nnpgen.models.deepmd.backend:DEEPMD", "models": ["model_0", "model_1"]}
    (root / "evaluation" / "config.json").write_text(json.dumps(config))
    write_frames(root / "evaluation", "frames", [water[12:], peroxide])
    write_frames(root, "frames", [strained, orthogonal])
    program = [sys.executable, str(Path(__file__).parent / "deepmd" / "train_chain.py"), str(root)]
    done = subprocess.run(
        program, env={**os.environ, **DEEPMD.environment}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return root
