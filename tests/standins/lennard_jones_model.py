"""A back end for tests: a Lennard-Jones potential whose strength a file gives; it can do all but train."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from aiida_nnpgen.common.exceptions import OutputError
from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.models.base import Abilities, TrainingOutcome, TrainingTask

RADIUS, CUTOFF = 3.7, 4.6


@dataclass(frozen=True, kw_only=True)
class PairSettings:
    """Nothing can be chosen."""


class PairPotential:
    """Energy and force go to zero at the cutoff.

    :param strength: depth of the minimum in eV at 3.7 Å.
    """

    def __init__(self, strength: float) -> None:
        self.strength = strength

    def predict(self, frames: Frames) -> Frames:
        """Return analytic energies, forces and stresses."""
        rows = [self._one(positions, cell) for positions, cell in zip(frames.positions, frames.cells, strict=True)]
        energies, forces, stresses = zip(*rows, strict=True)
        return replace(frames, energies=np.array(energies), forces=np.array(forces), stresses=np.array(stresses))

    def descriptors(self, frames: Frames) -> np.ndarray:
        """Return the energy of each atom's surroundings, and its square."""
        forces = self.predict(frames).forces
        return np.stack([np.abs(forces).sum(axis=-1), (forces**2).sum(axis=-1)], axis=-1)

    def _one(self, positions: np.ndarray, cell: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        inverse = np.linalg.inv(cell)
        fractions = (positions[:, None] - positions[None]) @ inverse
        fractions -= np.round(fractions)
        counts = np.ceil(CUTOFF * np.linalg.norm(inverse, axis=0) - 0.5).astype(int)
        images = np.array(list(itertools.product(*(range(-count, count + 1) for count in counts))))
        vectors = (fractions[:, :, None] + images) @ cell
        distances = np.linalg.norm(vectors, axis=-1)
        inside = (distances > 1e-9) & (distances < CUTOFF)
        r = np.where(inside, distances, CUTOFF)
        (value, slope), (end, last) = self._pair(r), self._pair(np.array(CUTOFF))
        slope = np.where(inside, slope - last, 0.0)
        pulls = (slope / r)[..., None] * vectors
        stress = np.einsum("ijna,ijnb->ab", pulls, vectors) / 2 / abs(np.linalg.det(cell))
        energy = np.where(inside, value - end - (r - CUTOFF) * last, 0.0).sum() / 2
        return float(energy), -pulls.sum(axis=(1, 2)), stress[(0, 1, 2, 1, 0, 0), (0, 1, 2, 2, 2, 1)]

    def _pair(self, r: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return energy and slope of a pair at some distances."""
        six = (RADIUS / r) ** 6
        return self.strength * (six**2 - 2 * six), self.strength * 12 * (six - six**2) / r


class PairBackend:
    """The whole contract but training."""

    abilities = Abilities(lammps=False, ase=True, warm_start=False, descriptors=True)
    settings_class = PairSettings
    environment: Mapping[str, str] = {}
    model_files = ("pair.json",)

    def train(self, task: TrainingTask, folder: Path) -> TrainingOutcome:
        """Refuse: the strength is given."""
        raise OutputError("there is nothing to train")

    def check_files(self, folder: Path) -> None:
        """Let all files pass: they are read as numbers."""

    def load(self, folder: Path) -> PairPotential:
        """Return the potential of a folder."""
        return PairPotential(json.loads((folder / "pair.json").read_text())["strength"])

    def lammps_interaction(self, folders: Sequence[str], elements: Sequence[str], stride: int) -> object:
        """Refuse: it declares that it cannot."""
        raise OutputError("this architecture cannot drive LAMMPS")

    def find_lammps(self) -> None:
        """Return None: there is none."""


BACKEND = PairBackend()
