"""Labelled frames that cost nothing: crystals of copper and silver under a Morse potential."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.neighborlist import neighbor_list
from numpy.typing import NDArray

from ..common.frames import Frames
from ..common.voigt import to_voigt

__all__ = ["ELEMENTS", "alloy", "label", "mixture", "rattle"]

ELEMENTS = ("Ag", "Cu")

# Distance of least energy in Å by the number of silver atoms in the pair; depth in eV; steepness in 1/Å; cutoff in Å.
_DISTANCES = np.array([2.5, 2.65, 2.8])
_DEPTH, _STEEPNESS, _CUTOFF = 0.3, 1.4, 4.5
_SILVER = 47


def alloy(*, rich: bool = False) -> Atoms:
    """Return a periodic crystal: eight atoms with as many of each kind, or four atoms rich in copper."""
    if rich:
        crystal = bulk("Cu", "fcc", a=3.8, cubic=True)
        crystal.symbols[0] = "Ag"
        return crystal
    return bulk("CuAg", "rocksalt", a=5.3, cubic=True)


def rattle(crystal: Atoms, count: int, seed: int, amplitude: float = 0.12) -> Frames:
    """Return strained and displaced copies without labels.

    :param amplitude: standard deviation of each coordinate in Å; a quarter of it, without unit, is that of the strain.
    """
    generator, images = np.random.default_rng(seed), []
    for _ in range(count):
        image = crystal.copy()
        strain = 0.25 * amplitude * generator.normal(size=(3, 3))
        image.set_cell(crystal.cell @ (np.eye(3) + 0.5 * (strain + strain.T)), scale_atoms=True)
        image.positions += amplitude * generator.normal(size=image.positions.shape)
        images.append(image)
    return Frames.from_atoms(images)


def label(frames: Frames) -> Frames:
    """Return the frames with energies (eV), forces (eV/Å) and stresses (eV/Å³) of the Morse potential."""
    results = [_label_one(atoms) for atoms in frames.without_labels().to_atoms()]
    energies, forces, stresses = (np.array(values) for values in zip(*results, strict=True))
    return replace(frames, energies=energies, forces=forces, stresses=stresses)


def _label_one(atoms: Atoms) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    i, j, distances, vectors = neighbor_list("ijdD", atoms, _CUTOFF)
    is_silver = (atoms.numbers == _SILVER).astype(np.int64)
    energies, slopes = _morse(distances, _DISTANCES[is_silver[i] + is_silver[j]])
    # Every pair is in the list twice.
    pulls = 0.5 * (slopes / distances)[:, None] * vectors
    forces = np.zeros((len(atoms), 3))
    np.add.at(forces, i, pulls)
    np.add.at(forces, j, -pulls)
    tensor = pulls.T @ vectors / atoms.get_volume()
    return 0.5 * float(energies.sum()), forces, to_voigt(tensor)


def _morse(
    distances: NDArray[np.float64], rest: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return energies and their derivatives by the distance, both tending to zero at the cutoff."""
    decay = np.exp(-_STEEPNESS * (distances - rest))
    energies, slopes = _DEPTH * (decay**2 - 2 * decay), -2 * _STEEPNESS * _DEPTH * (decay**2 - decay)
    inside = 1 - (distances / _CUTOFF) ** 2
    switch, switch_slope = inside**3, -6 * distances / _CUTOFF**2 * inside**2
    return energies * switch, slopes * switch + energies * switch_slope


def mixture(seed: int) -> Sequence[Frames]:
    """Return labelled frames to train on: two compositions, of which a part has no stress."""
    first, second = label(rattle(alloy(), 12, seed)), label(rattle(alloy(rich=True), 6, seed + 1))
    assert first.stresses is not None
    stresses = first.stresses.copy()
    stresses[:2] = np.nan
    return [replace(first, stresses=stresses), replace(second, stresses=None)]
