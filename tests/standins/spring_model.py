"""A back end for tests: each atom on a spring at the origin, with a stiffness that a file gives."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.models.base import Abilities, TrainingOutcome, TrainingTask


@dataclass(frozen=True, kw_only=True)
class SpringSettings:
    """Steps and a stiffness in eV/Å² that "training" returns."""

    steps: int = 3
    stiffness: float = 1.0


class SpringPotential:
    """Energy k/2 sum of squares, forces -k x, no stress."""

    def __init__(self, stiffness: float) -> None:
        self.stiffness = stiffness

    def predict(self, frames: Frames) -> Frames:
        """Return the analytic labels."""
        energies = 0.5 * self.stiffness * (frames.positions**2).sum(axis=(1, 2))
        return replace(frames, energies=energies, forces=-self.stiffness * frames.positions, stresses=None)

    def descriptors(self, frames: Frames) -> np.ndarray:
        """Return the positions, as features of the atoms."""
        return frames.positions


class SpringBackend:
    """The part of the contract that the jobs use."""

    abilities = Abilities(lammps=False, ase=True, warm_start=True, descriptors=True)
    settings_class = SpringSettings
    environment: Mapping[str, str] = {}
    model_files = ("spring.json",)

    def train(self, task: TrainingTask, folder: Path) -> TrainingOutcome:
        """Write the stiffness, and what the task was, for the test to read."""
        (folder / "spring.json").write_text(json.dumps({"stiffness": task.settings.stiffness}))
        seen = {
            "train": [len(part) for part in task.train],
            "validation": [len(part) for part in task.validation],
            "elements": task.elements,
            "seed": task.seed,
            "parent": None if task.parent is None else task.parent.name,
            "restart": task.restart,
        }
        (folder / "seen.json").write_text(json.dumps(seen))
        return TrainingOutcome(
            files=["spring.json"],
            version="1.0",
            cutoff=5.0,
            dtype="float64",
            curve={"step": np.arange(task.settings.steps, dtype=float)},
            steps=task.settings.steps,
            diverged=not np.isfinite(task.settings.stiffness),
        )

    def check_files(self, folder: Path) -> None:
        """Let all files pass: they are read as numbers."""

    def load(self, folder: Path) -> SpringPotential:
        """Return the spring of a folder."""
        return SpringPotential(json.loads((folder / "spring.json").read_text())["stiffness"])


BACKEND = SpringBackend()
