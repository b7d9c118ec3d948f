"""A back end for tests that "trains" step by step, with a checkpoint after each, and can be killed on the way."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aiida_nnpgen.common.exceptions import OutputError
from aiida_nnpgen.common.interaction import Interaction
from aiida_nnpgen.models.base import Abilities, TrainingOutcome, TrainingTask

CHECKPOINT = "checkpoint.json"


@dataclass(frozen=True, kw_only=True)
class CheckpointSettings:
    """What can be chosen.

    :ivar steps: steps in all.
    :ivar die_at: step at which the process is killed, unless it started from a checkpoint; None: never.
    :ivar always: kill restarts too, as soon as they start.
    :ivar diverge: leave a useless model.
    :ivar fail: stop with an error of its own.
    """

    steps: int = 5
    die_at: int | None = None
    always: bool = False
    diverge: bool = False
    fail: bool = False


class CheckpointBackend:
    """Each step appends the number of the process that did it to the curve."""

    settings_class = CheckpointSettings
    environment = {"STANDIN_VERSION": "1"}
    model_files = ("model.txt",)

    def __init__(self, **abilities: bool) -> None:
        self.abilities = Abilities(
            **({"lammps": True, "ase": True, "warm_start": True, "descriptors": True} | abilities)
        )

    def train(self, task: TrainingTask, folder: Path) -> TrainingOutcome:
        """Train from the checkpoint in the folder, if a restart is wanted, otherwise from the beginning."""
        settings, path = task.settings, folder / CHECKPOINT
        if settings.fail:
            raise OutputError("the optimiser is in a bad mood")
        done = json.loads(path.read_text()) if task.restart else []
        if task.restart and settings.always:
            os.kill(os.getpid(), signal.SIGKILL)
        for step in range(len(done), settings.steps):
            if step == settings.die_at and not task.restart:
                os.kill(os.getpid(), signal.SIGKILL)
            done.append(os.getpid())
            path.write_text(json.dumps(done))
        (folder / "model.txt").write_text(f"seed {task.seed}")
        return TrainingOutcome(
            files=["model.txt"],
            version=os.environ["STANDIN_VERSION"],
            cutoff=4.0,
            dtype="float64",
            curve={"step": np.arange(1.0, settings.steps + 1), "process": np.array(done, dtype=np.float64)},
            steps=settings.steps,
            diverged=settings.diverge,
        )

    def check_files(self, folder: Path) -> None:
        """Let all files pass: they are read as numbers."""

    def load(self, folder: Path) -> object:
        """Refuse: nothing can be computed with it."""
        raise OutputError(f"`{folder}` holds no model that can be used")

    def lammps_interaction(self, folders: Sequence[str], elements: Sequence[str], stride: int) -> Interaction:
        """Refuse: it declares that it cannot."""
        raise OutputError("this architecture cannot drive LAMMPS")

    def find_lammps(self) -> None:
        """Return nothing: no LAMMPS knows it."""


BACKEND = CheckpointBackend(lammps=False, ase=False, descriptors=False)
WITHOUT_LAMMPS = CheckpointBackend(lammps=False)
WITHOUT_ASE = CheckpointBackend(ase=False)
WITHOUT_WARM_START = CheckpointBackend(warm_start=False)
WITHOUT_DESCRIPTORS = CheckpointBackend(descriptors=False)
