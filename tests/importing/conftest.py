"""Frames whose labels belong together: an anharmonic bond network, so that units can be judged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator

from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.dft.reading import Reading
from aiida_nnpgen.importing.units import judge
from aiida_nnpgen.importing.units.xtb import Comparison

EQUILIBRIUM = {(8, 1): (0.97, 48.0), (1, 1): (1.55, 3.0)}


@pytest.fixture(autouse=True)
def no_xtb(monkeypatch: pytest.MonkeyPatch) -> None:
    """Judge forces as where no semi-empirical method is installed."""
    monkeypatch.setattr(judge, "compare_with_xtb", lambda frames, length=1.0: Comparison(None))


@pytest.fixture
def springs_as_reference(no_xtb: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Judge forces by those of the springs, as if they were the semi-empirical method."""

    def compare(frames: Sequence[Reading], length: float = 1.0) -> Comparison:
        ours = [label(Atoms(f.numbers, f.positions * length, cell=f.cell * length, pbc=True)) for f in frames]
        reference = np.concatenate([atoms.calc.results["forces"] for atoms in ours])
        given = np.concatenate([frame.forces for frame in frames])
        return Comparison(float((reference * given).sum() / (reference**2).sum()))

    monkeypatch.setattr(judge, "compare_with_xtb", compare)


@pytest.fixture
def vasp_files(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return the writers of what VASP writes."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    return import_module("vasp_files")


def label(atoms: Atoms, has_stress: bool = True) -> Atoms:
    """Attach energy, forces and stress of springs within each molecule of water (O H H)."""
    energy, forces, virial = -500.0, np.zeros((len(atoms), 3)), np.zeros((3, 3))
    for first in range(0, len(atoms), 3):
        for i, j in ((first, first + 1), (first, first + 2), (first + 1, first + 2)):
            vector = atoms.get_distance(i, j, mic=True, vector=True)
            length = float(np.linalg.norm(vector))
            rest, stiffness = EQUILIBRIUM[(atoms.numbers[i], atoms.numbers[j])]
            energy += 0.5 * stiffness * (length - rest) ** 2
            pull = stiffness * (length - rest) * vector / length
            forces[i] += pull
            forces[j] -= pull
            virial += np.outer(vector, pull)
    results = {"energy": energy, "forces": forces}
    if has_stress:
        results["stress"] = (virial / atoms.get_volume())[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]
    labelled = Atoms(atoms.numbers, positions=atoms.positions, cell=atoms.cell, pbc=True)
    labelled.calc = SinglePointCalculator(labelled, **results)
    return labelled


@pytest.fixture
def generate_water() -> Callable[..., list[Atoms]]:
    """Return a factory of labelled images of some water molecules in a triclinic cell."""

    def generate(n_frames: int = 6, molecules: int = 2, strain: float = 0.0, **keywords: bool) -> list[Atoms]:
        rng = np.random.default_rng(molecules)
        shape = np.array([[0.0, 0.0, 0.0], [0.97, 0.0, 0.0], [-0.24, 0.94, 0.0]])
        places = [shape + np.array([3.1 * number, 0.4 * number, 0.3]) for number in range(molecules)]
        cell = np.array([[3.1 * molecules, 0.0, 0.0], [0.3, 4.0, 0.0], [0.2, -0.1, 4.2]])
        base = Atoms("OH2" * molecules, positions=np.concatenate(places), cell=cell, pbc=True)
        images = []
        for _ in range(n_frames):
            atoms = base.copy()
            atoms.positions += rng.normal(scale=0.03, size=atoms.positions.shape)
            change = rng.uniform(-strain, strain, size=(3, 3))
            atoms.set_cell(atoms.cell.array @ (np.eye(3) + (change + change.T) / 2), scale_atoms=True)
            images.append(label(atoms, **keywords))
        return images

    return generate


@pytest.fixture
def frames_of() -> Callable[[list[Atoms]], Frames]:
    """Return a function that makes frames of labelled images of one composition."""

    def convert(images: list[Atoms]) -> Frames:
        results = [atoms.calc.results for atoms in images]
        return Frames(
            numbers=images[0].numbers,
            positions=[atoms.positions for atoms in images],
            cells=[atoms.cell.array for atoms in images],
            energies=[item["energy"] for item in results],
            forces=[item["forces"] for item in results],
            stresses=[item.get("stress", np.full(6, np.nan)) for item in results],
        )

    return convert
