"""An architecture: a sum over pairs of atoms, linear in its parameters, fitted by least squares, frame by frame."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers
from ase.neighborlist import neighbor_list
from numpy.typing import NDArray

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.common.interaction import Interaction
from aiida_nnpgen.models.base import Abilities, TrainingOutcome, TrainingTask

__all__ = ["BACKEND", "PairSettings"]

MODEL = Path("weights") / "pairs.json"
CHECKPOINT = "checkpoint.npz"
_VOIGT = ([0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1])


@dataclass(frozen=True, kw_only=True)
class PairSettings:
    """What can be chosen.

    :ivar cutoff: Å.
    :ivar n_radial: Gaussians between 0.5 Å and the cutoff, per pair of elements.
    :ivar share: of the frames that each member of a committee is fitted to, drawn by its seed.
    :ivar ridge: weight of the squared parameters.
    :ivar steps: frames to be fitted to at most; one is a step.
    """

    cutoff: float = 4.0
    n_radial: int = 12
    share: float = 0.8
    ridge: float = 1e-6
    steps: int = 1000

    def __post_init__(self) -> None:
        for name in ("cutoff", "n_radial", "share", "ridge", "steps"):
            if not getattr(self, name) > 0:
                raise InputError(f"`{name}` must be positive, not `{getattr(self, name)}`")


@dataclass(frozen=True)
class PairPotential:
    """A fitted model.

    :ivar elements: chemical symbols, in the order of the parameters.
    :ivar coefficients: energy of an atom of each element, then of each pair of elements and Gaussian, eV.
    """

    elements: tuple[str, ...]
    cutoff: float
    n_radial: int
    coefficients: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))

    def predict(self, frames: Frames) -> Frames:
        """Return the frames with predicted labels."""
        n_atoms = frames.n_atoms
        energies, forces, stresses = (
            np.zeros(len(frames)),
            np.zeros((len(frames), n_atoms, 3)),
            np.zeros((len(frames), 6)),
        )
        for row, atoms in enumerate(frames.without_labels().to_atoms()):
            values = self.design(atoms) @ self.coefficients
            energies[row], forces[row], stresses[row] = values[0], values[1:-6].reshape(n_atoms, 3), values[-6:]
        return replace(frames, energies=energies, forces=forces, stresses=stresses)

    def descriptors(self, frames: Frames) -> NDArray[np.float64]:
        """Return the sums of the Gaussians over the neighbours of each atom, per element of the neighbour."""
        found = np.zeros((len(frames), frames.n_atoms, len(self.elements), self.n_radial))
        for row, atoms in enumerate(frames.without_labels().to_atoms()):
            kinds = self._kinds(atoms)
            centres, neighbours, distances = neighbor_list("ijd", atoms, self.cutoff)
            np.add.at(found[row], (centres, kinds[neighbours]), self._basis(distances)[0])
        return found.reshape(len(frames), frames.n_atoms, -1)

    def design(self, atoms: Atoms) -> NDArray[np.float64]:
        """Return what each parameter adds to energy (eV), forces (eV/Å) and stress (eV/Å³): (1 + 3 n_atoms + 6, n)."""
        kinds, n_kinds = self._kinds(atoms), len(self.elements)
        centres, neighbours, distances, vectors = neighbor_list("ijdD", atoms, self.cutoff)
        low, high = np.minimum(kinds[centres], kinds[neighbours]), np.maximum(kinds[centres], kinds[neighbours])
        pairs = high * (high + 1) // 2 + low
        values, slopes = self._basis(distances)
        pull = slopes[:, :, None] * (vectors / distances[:, None])[:, None, :]
        work = np.einsum("pkx,py->pkxy", pull, vectors)[:, :, *_VOIGT] / (2 * atoms.get_volume())
        shape = (n_kinds * (n_kinds + 1) // 2, self.n_radial)
        energy, forces, stress = np.zeros(shape), np.zeros((len(atoms), *shape, 3)), np.zeros((*shape, 6))
        np.add.at(energy, pairs, values / 2)
        np.add.at(forces, (centres, pairs), pull)
        np.add.at(stress, pairs, work)
        n_pairs, ends = shape[0] * shape[1], np.zeros((3 * len(atoms) + 6, n_kinds))
        single = np.bincount(kinds, minlength=n_kinds).astype(float)
        rows = [
            energy.reshape(1, n_pairs),
            forces.transpose(0, 3, 1, 2).reshape(-1, n_pairs),
            stress.reshape(n_pairs, 6).T,
        ]
        return np.hstack([np.vstack([single[None], ends]), np.vstack(rows)])

    def _kinds(self, atoms: Atoms) -> NDArray[np.int64]:
        known = {atomic_numbers[symbol]: index for index, symbol in enumerate(self.elements)}
        foreign = sorted({symbol for symbol in atoms.symbols if atomic_numbers[symbol] not in known})
        if foreign:
            raise InputError(f"`{', '.join(foreign)}` is unknown to this model of {', '.join(self.elements)}")
        return np.array([known[number] for number in atoms.numbers.tolist()])

    def _basis(self, distances: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return Gaussians that end smoothly at the cutoff, and their derivatives, (n_pairs, n_radial)."""
        centres = np.linspace(0.5, self.cutoff, self.n_radial)
        width = centres[1] - centres[0] if self.n_radial > 1 else 1.0
        offsets = distances[:, None] - centres
        gaussians = np.exp(-0.5 * (offsets / width) ** 2)
        inside = 1 - (distances[:, None] / self.cutoff) ** 2
        end, end_slope = inside**3, -6 * distances[:, None] / self.cutoff**2 * inside**2
        return gaussians * end, gaussians * (end_slope - offsets / width**2 * end)


class PairBackend:
    """Pair potentials, as a back end of aiida-nnpgen."""

    abilities = Abilities(lammps=False, ase=True, warm_start=False, descriptors=True)
    settings_class = PairSettings
    environment = {"OMP_NUM_THREADS": "1"}
    model_files = (MODEL.as_posix(),)

    def train(self, task: TrainingTask, folder: Path) -> TrainingOutcome:
        """Fit to one frame after the other; what was done is in a checkpoint."""
        settings: PairSettings = task.settings
        model = PairPotential(tuple(task.elements), settings.cutoff, settings.n_radial)
        images = _draw([atoms for part in task.train for atoms in part.to_atoms()], settings, task.seed)
        n = model.design(images[0]).shape[1]
        square, target, errors = settings.ridge * np.eye(n), np.zeros(n), np.zeros(0)
        if task.restart and (folder / CHECKPOINT).is_file():
            with np.load(folder / CHECKPOINT, allow_pickle=False) as done:
                square, target, errors = done["square"], done["target"], done["errors"]
        for atoms in images[len(errors) :]:
            matrix, values = _equations(model, atoms)
            square, target = square + matrix.T @ matrix, target + matrix.T @ values
            coefficients = np.linalg.lstsq(square, target, rcond=None)[0]
            errors = np.append(errors, np.sqrt(np.mean((matrix @ coefficients - values) ** 2)))
            np.savez(folder / CHECKPOINT, square=square, target=target, errors=errors)
        coefficients = np.linalg.lstsq(square, target, rcond=None)[0]
        (folder / MODEL).parent.mkdir(exist_ok=True)
        document = {"elements": list(task.elements), "cutoff": settings.cutoff, "n_radial": settings.n_radial}
        (folder / MODEL).write_text(json.dumps(document | {"coefficients": coefficients.tolist()}))
        return TrainingOutcome(
            files=[MODEL.as_posix()],
            version="1",
            cutoff=settings.cutoff,
            dtype="float64",
            curve={"step": np.arange(1.0, len(errors) + 1), "rmse": errors},
            steps=len(errors),
            diverged=not np.isfinite(coefficients).all(),
        )

    def check_files(self, folder: Path) -> None:
        """Refuse a folder unless it holds the one file of a model; it is read as numbers, so no more need be known."""
        found = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
        if found != [MODEL]:
            raise InputError(f"a pair potential is the file `{MODEL}` alone, not {sorted(map(str, found))}")

    def load(self, folder: Path) -> PairPotential:
        """Return the model in a folder."""
        path = folder / MODEL
        if not path.is_file():
            raise InputError(f"`{folder}` holds no `{MODEL}`: it is no pair potential")
        values = json.loads(path.read_text())
        coefficients = np.array(values.pop("coefficients"))
        return PairPotential(tuple(values["elements"]), values["cutoff"], values["n_radial"], coefficients)

    def lammps_interaction(self, folders: Sequence[str], elements: Sequence[str], stride: int) -> Interaction:
        """Refuse: LAMMPS has no such pair style."""
        raise InputError("pair potentials of this kind do not drive LAMMPS: sample with `ase`")


def _draw(images: list[Atoms], settings: PairSettings, seed: int) -> list[Atoms]:
    """Return the frames of one member of a committee, in its own order."""
    order = np.random.default_rng(seed).permutation(len(images))[: max(1, round(settings.share * len(images)))]
    return [images[index] for index in order[: settings.steps]]


def _equations(model: PairPotential, atoms: Atoms) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return what the parameters should give for one frame: energy and virial per atom in eV, forces in eV/Å."""
    n_atoms = len(atoms)
    stress = atoms.calc.results.get("stress", np.full(6, np.nan))
    values = np.concatenate([[atoms.get_potential_energy()], atoms.get_forces().ravel(), stress])
    weights = np.concatenate([[1 / n_atoms], np.ones(3 * n_atoms), np.full(6, atoms.get_volume() / n_atoms)])
    known = np.isfinite(values)
    return (model.design(atoms) * weights[:, None])[known], (values * weights)[known]


BACKEND = PairBackend()
