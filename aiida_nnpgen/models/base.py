"""What an architecture of neural network potentials must offer.

The generic layers know no architecture by name: they load a :class:`Backend` from the entry point group
``nnpgen.models`` and ask it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..common.frames import Frames
from ..common.interaction import Interaction

__all__ = ["Abilities", "Backend", "LammpsProgram", "Potential", "TrainingOutcome", "TrainingTask"]


@dataclass(frozen=True, kw_only=True)
class Abilities:
    """What a back end can do; what needs more is refused before launch.

    :ivar lammps: drives LAMMPS through pair commands.
    :ivar ase: predicts forces and stress, so that it can drive dynamics through an ASE calculator.
    :ivar warm_start: training can begin from an earlier model.
    :ivar descriptors: gives per-atom features, which the screening needs.
    """

    lammps: bool
    ase: bool
    warm_start: bool
    descriptors: bool


@dataclass(frozen=True, kw_only=True)
class LammpsProgram:
    """A LAMMPS that is installed here.

    :ivar path: the executable.
    :ivar prepend: lines for bash that it needs before it starts.
    """

    path: Path
    prepend: str = ""


@dataclass(frozen=True, kw_only=True)
class TrainingTask:
    """One training, as the job on the compute node sees it.

    :ivar train: labelled frames, one entry per composition.
    :ivar validation: the same for validation; may be empty.
    :ivar elements: chemical symbols in the order of the model's types.
    :ivar settings: the back end's own settings object.
    :ivar seed: seed of every random choice.
    :ivar parent: folder with the files of the model to start from, or None.
    :ivar restart: continue from checkpoints already in the working folder.
    """

    train: Sequence[Frames]
    validation: Sequence[Frames]
    elements: Sequence[str]
    settings: object
    seed: int
    parent: Path | None = None
    restart: bool = False


@dataclass(frozen=True, kw_only=True)
class TrainingOutcome:
    """What a training left behind.

    :ivar files: model files, relative to the working folder; enough to run it and to start another training from it.
    :ivar version: version of the library that trained.
    :ivar cutoff: Å, beyond which atoms do not see each other directly.
    :ivar dtype: floating point type of the parameters.
    :ivar curve: learning curve, one array per column, all of one length; ``step`` is one of them.
    :ivar steps: optimisation steps done.
    :ivar diverged: the parameters became useless: errors or predictions are not finite.
    """

    files: Sequence[str]
    version: str
    cutoff: float
    dtype: str
    curve: dict[str, NDArray[np.float64]]
    steps: int
    diverged: bool = False


class Potential(Protocol):
    """A loaded model."""

    def predict(self, frames: Frames) -> Frames:
        """Return the frames with predicted energies (eV), forces (eV/Å) and stresses (eV/Å³, tension positive)."""

    def descriptors(self, frames: Frames) -> NDArray[np.float64]:
        """Return per-atom features, (n_frames, n_atoms, n_features)."""


class Backend(Protocol):
    """An architecture of neural network potentials."""

    abilities: Abilities
    settings_class: type
    """Frozen dataclass of everything settable; construction validates and raises InputError."""
    environment: Mapping[str, str]
    """Variables that every job with a model sets, unless the user has: one thread, and silence, as a rule."""
    model_files: Collection[str]
    """Every name that a file of a model may have, with subfolders; a model that holds another one is refused."""

    def train(self, task: TrainingTask, folder: Path) -> TrainingOutcome:
        """Train one model in a working folder, which holds logs and checkpoints afterwards."""

    def check_files(self, folder: Path) -> None:
        """Refuse a folder unless it holds a model that can do nothing but compute, and nothing else.

        Asked where a model becomes a node and before each job with it: needs no library of the architecture.

        :raises InputError: with the file, and what in it has no place there.
        """

    def load(self, folder: Path) -> Potential:
        """Return the model whose files are in a folder, without running code that came with it."""

    def lammps_interaction(self, folders: Sequence[str], elements: Sequence[str], stride: int) -> Interaction:
        """Return the LAMMPS commands for a committee whose files lie in the given folders; the first drives.

        Never called where ``abilities.lammps`` is false.
        """

    def find_lammps(self) -> LammpsProgram | None:
        """Return a LAMMPS of this environment that has the pair style, or None."""
