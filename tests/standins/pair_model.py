"""A small architecture that keeps the whole contract: sums of Gaussians over pairs, fitted step by step.

Beside it, architectures that break the contract in one way each.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from ase.neighborlist import neighbor_list

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.models.base import Abilities, TrainingOutcome, TrainingTask

CHECKPOINT = "checkpoint.json"
WEIGHTS = "weights/part.bin"
CENTRES = np.linspace(1.5, 4.0, 6)
CUTOFF = 4.5


@dataclass(frozen=True, kw_only=True)
class PairSettings:
    """Steps of a training from scratch, and of one that starts from a parent."""

    steps: int = 40
    warm_steps: int = 20


def basis(distances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the Gaussians of each pair, (n_pairs, n_basis), and their slopes."""
    away, inside = distances[:, None] - CENTRES, 1 - (distances[:, None] / CUTOFF) ** 2
    bells = np.exp(-4 * away**2)
    return bells * inside**2, bells * (-8 * away * inside**2 - 4 * distances[:, None] / CUTOFF**2 * inside)


class PairPotential:
    """Energy linear in the weights, which belong to an element, that of a neighbour, and a Gaussian."""

    def __init__(self, weights: np.ndarray, elements: Sequence[str]) -> None:
        self.weights, self.elements = weights, list(elements)

    def types(self, frames: Frames) -> np.ndarray:
        """Return the type of each atom."""
        for symbol in frames.symbols:
            if symbol not in self.elements:
                raise InputError(f"`{symbol}` is unknown to this model")
        return np.array([self.elements.index(symbol) for symbol in frames.symbols])

    def gradients(self, frames: Frames) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the derivatives of energy, forces and stress by the weights, one per frame."""
        kinds, n_weights, parts = self.types(frames), self.weights.size, []
        for atoms in frames.without_labels().to_atoms():
            i, j, distances, vectors = neighbor_list("ijdD", atoms, CUTOFF)
            values, slopes = basis(distances)
            rows = np.arange(len(i))
            weighted = np.zeros((2, len(i), *self.weights.shape))
            weighted[0, rows, kinds[i], kinds[j]], weighted[1, rows, kinds[i], kinds[j]] = values, slopes
            energy, slope = weighted.reshape(2, len(i), n_weights)
            pulls = slope[:, None] * (vectors / distances[:, None])[:, :, None]
            forces = np.zeros((len(atoms), 3, n_weights))
            np.add.at(forces, i, pulls)
            np.add.at(forces, j, -pulls)
            tensor = np.einsum("pxw,py->xyw", pulls, vectors) / atoms.get_volume()
            parts.append((energy.sum(axis=0), forces, tensor[(0, 1, 2, 1, 0, 0), (0, 1, 2, 2, 2, 1)]))
        return tuple(np.array(part) for part in zip(*parts, strict=True))

    def predict(self, frames: Frames) -> Frames:
        """Return the frames with energies, forces and stresses."""
        energies, forces, stresses = (part @ self.weights.ravel() for part in self.gradients(frames))
        return replace(frames, energies=energies, forces=forces, stresses=stresses)

    def descriptors(self, frames: Frames) -> np.ndarray:
        """Return the sums of the Gaussians over the neighbours of each element."""
        kinds = self.types(frames)
        features = np.zeros((len(frames), frames.n_atoms, len(self.elements), len(CENTRES)))
        for row, atoms in enumerate(frames.without_labels().to_atoms()):
            i, j, distances = neighbor_list("ijd", atoms, CUTOFF)
            np.add.at(features[row], (i, kinds[j]), basis(distances)[0])
        return features.reshape(len(frames), frames.n_atoms, -1)


class PairBackend:
    """Goes a tenth of the way to the best fit in each step, with a checkpoint after it."""

    abilities = Abilities(lammps=False, ase=True, warm_start=True, descriptors=True)
    settings_class = PairSettings
    environment = {"PAIR_MODEL_THREADS": "1"}
    model_files = ("model.json", WEIGHTS)
    potential_class: type[PairPotential] = PairPotential

    def train(self, task: TrainingTask, folder: Path) -> TrainingOutcome:
        """Fit energies and forces, from the checkpoint in the folder if a restart is wanted."""
        shape = (len(task.elements), len(task.elements), len(CENTRES))
        weights = np.random.default_rng(task.seed).normal(size=shape)
        steps = task.settings.steps
        if task.parent is not None:
            weights, steps = self.load(task.parent).weights, task.settings.warm_steps
        rows, labels = self._equations(task, PairPotential(weights, task.elements))
        best, *_ = np.linalg.lstsq(rows, labels)
        curve = []
        if task.restart and (folder / CHECKPOINT).is_file():
            saved = json.loads((folder / CHECKPOINT).read_text())
            weights, curve = np.array(saved["weights"]), saved["curve"]
        for step in range(len(curve), steps):
            curve.append([step, float(np.std(labels - rows @ weights.ravel()))])
            weights = weights + 0.1 * (best.reshape(shape) - weights)
            (folder / CHECKPOINT).write_text(json.dumps({"weights": weights.tolist(), "curve": curve}))
        (folder / WEIGHTS).parent.mkdir(exist_ok=True)
        (folder / WEIGHTS).write_bytes(weights.tobytes())
        (folder / "model.json").write_text(json.dumps({"elements": list(task.elements)}))
        columns = dict(zip(("step", "loss"), np.array(curve).T, strict=True))
        return TrainingOutcome(
            files=["model.json", WEIGHTS], version="1", cutoff=CUTOFF, dtype="float64", curve=columns, steps=steps
        )

    def _equations(self, task: TrainingTask, potential: PairPotential) -> tuple[np.ndarray, np.ndarray]:
        rows, labels = [], []
        for part in task.train:
            energies, forces, _ = potential.gradients(part)
            rows += [energies, forces.reshape(-1, energies.shape[1])]
            labels += [part.energies, part.forces.ravel()]
        return np.concatenate(rows), np.concatenate(labels)

    def check_files(self, folder: Path) -> None:
        """Let all files pass: they are read as numbers."""

    def load(self, folder: Path) -> PairPotential:
        """Return the model of a folder."""
        elements = json.loads((folder / "model.json").read_text())["elements"]
        weights = np.frombuffer((folder / WEIGHTS).read_bytes())
        return self.potential_class(weights.reshape(len(elements), len(elements), -1), elements)

    def find_lammps(self) -> None:
        """Return nothing: no LAMMPS knows this model."""


class Pushing(PairPotential):
    """Gives forces of the wrong sign."""

    def predict(self, frames: Frames) -> Frames:
        """Turn the forces round."""
        predicted = super().predict(frames)
        return replace(predicted, forces=-predicted.forces)


class Virial(PairPotential):
    """Gives the stress without dividing by the volume."""

    def predict(self, frames: Frames) -> Frames:
        """Return the virial as a stress."""
        predicted = super().predict(frames)
        return replace(predicted, stresses=predicted.stresses * frames.volumes[:, None])


class Ordered(PairPotential):
    """Thinks more of the first atom than of the others."""

    def predict(self, frames: Frames) -> Frames:
        """Add the descriptors of the first atom to the energy."""
        predicted = super().predict(frames)
        return replace(predicted, energies=predicted.energies + self.descriptors(frames)[:, 0].sum(axis=1))


class Handed(PairPotential):
    """Reads a left-handed cell as if it were cubic."""

    def predict(self, frames: Frames) -> Frames:
        """Forget the shape of the cells that are left-handed."""
        lost = (np.linalg.det(frames.cells) < 0)[:, None, None]
        cubes = frames.volumes[:, None, None] ** (1 / 3) * np.eye(3)
        predicted = super().predict(replace(frames, cells=np.where(lost, cubes, frames.cells)))
        return replace(predicted, cells=frames.cells)


class Blank(PairPotential):
    """Has no descriptors to speak of."""

    def descriptors(self, frames: Frames) -> np.ndarray:
        """Return NaN."""
        return np.full_like(super().descriptors(frames), np.nan)


class Forgetful(PairBackend):
    """Begins anew whatever it is given."""

    def train(self, task: TrainingTask, folder: Path) -> TrainingOutcome:
        """Ignore parent and checkpoint."""
        return super().train(replace(task, parent=None, restart=False), folder)


class Stubborn(PairBackend):
    """Has one model for all seeds."""

    def train(self, task: TrainingTask, folder: Path) -> TrainingOutcome:
        """Ignore the seed."""
        return super().train(replace(task, seed=0), folder)


class Trusting(PairBackend):
    """Executes what its description holds."""

    def load(self, folder: Path) -> PairPotential:
        """Unpickle the description first."""
        import contextlib
        import pickle

        with contextlib.suppress(pickle.UnpicklingError):
            pickle.loads((folder / "model.json").read_bytes())
        return super().load(folder)


def _broken(potential_class: type[PairPotential]) -> PairBackend:
    backend = PairBackend()
    backend.potential_class = potential_class
    return backend


BACKEND = PairBackend()
PUSHING, VIRIAL, ORDERED, HANDED, BLANK = map(_broken, (Pushing, Virial, Ordered, Handed, Blank))
FORGETFUL, STUBBORN, TRUSTING = Forgetful(), Stubborn(), Trusting()
