"""The trainings that a suite of an architecture looks at, each run once and only when a test asks for it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from ..common import plugins
from ..common.frames import Frames
from ..jobs import train
from ..jobs.files import CONFIG, RESULT, write_frames
from ..models.base import Backend, Potential
from ..models.registry import MODELS
from .pair_potential import ELEMENTS, alloy, label, mixture, rattle

__all__ = ["Training", "Trainings", "load_backend"]

Settings = Mapping[str, object]


def load_backend(name: str) -> Backend:
    """Return the architecture that a suite is for, by its registered name or an import path."""
    return cast(Backend, plugins.load_either(MODELS, name))


@dataclass(frozen=True, kw_only=True)
class Training:
    """What one training left.

    :ivar folder: of the job.
    :ivar backend: name or import path of the architecture.
    :ivar files: of the model, relative to :attr:`model`.
    :ivar dtype: number format of the parameters.
    :ivar cutoff: Å.
    :ivar steps: done in all.
    :ivar diverged: whether the model is useless.
    :ivar curve: learning curve by column.
    """

    folder: Path
    backend: str
    files: Sequence[str]
    dtype: str
    cutoff: float
    steps: int
    diverged: bool
    curve: Mapping[str, NDArray[np.float64]]

    @property
    def model(self) -> Path:
        """Return the folder with the files of the model and nothing else."""
        return self.folder / train.MODEL

    @cached_property
    def potential(self) -> Potential:
        """Return the model, loaded."""
        return load_backend(self.backend).load(self.model)


class Trainings:
    """Trainings on crystals of copper and silver, through the job that runs on the compute node.

    :param backend: name or import path of the architecture.
    :param settings: of a whole training.
    :param half: changes by which a training ends on the way.
    :param brief: changes by which a training hardly moves.
    :param root: where the jobs run.
    """

    def __init__(self, backend: str, settings: Settings, half: Settings, brief: Settings, root: Path) -> None:
        self.backend, self.settings, self.half_changes, self.brief_changes = backend, settings, half, brief
        self.root = root

    @cached_property
    def main(self) -> Training:
        """Return a whole training."""
        return self.run("main", self.settings)

    @cached_property
    def half(self) -> Training:
        """Return a training of the same seed that ended on the way."""
        return self.run("half", {**self.settings, **self.half_changes})

    @cached_property
    def twin(self) -> Training:
        """Return the same once more."""
        return self.run("twin", {**self.settings, **self.half_changes})

    @cached_property
    def other(self) -> Training:
        """Return the same with another seed."""
        return self.run("other", {**self.settings, **self.half_changes}, seed=2)

    @cached_property
    def resumed(self) -> Training:
        """Return what goes on where :attr:`half` ended.

        Its seed is another: what a fresh start gives would differ from the first row on.
        """
        folder = self.root / "resumed"
        shutil.copytree(self.half.folder / train.WORK, folder / train.WORK)
        return self.run("resumed", self.settings, seed=2, restart=True)

    @cached_property
    def child(self) -> Training:
        """Return a brief training that started from :attr:`main`, whose files alone it was given."""
        folder = self.root / "child"
        shutil.copytree(self.main.model, folder / "parent")
        return self.run("child", {**self.settings, **self.brief_changes}, seed=3, parent="parent")

    def run(
        self, name: str, settings: Settings, *, frames: Sequence[Frames] | None = None, seed: int = 1, **config: object
    ) -> Training:
        """Run the job of one training in a folder of its own.

        :param frames: to train on; None: two compositions, of which a part has no stress.
        :param config: further keys of ``config.json``.
        """
        folder = self.root / name
        folder.mkdir(exist_ok=True)
        told = {
            "backend": plugins.path_of(MODELS, self.backend),
            "elements": ELEMENTS,
            "seed": seed,
            "settings": dict(settings),
            **config,
        }
        (folder / CONFIG).write_text(json.dumps(told))
        write_frames(folder, "train", mixture(seed=1) if frames is None else frames)
        write_frames(folder, "validation", [label(rattle(alloy(), 3, seed=9))])
        train.main(folder)
        result = json.loads((folder / RESULT).read_text())
        with np.load(folder / train.CURVE, allow_pickle=False) as archive:
            curve = dict(archive)
        del result["version"]
        return Training(folder=folder, backend=self.backend, curve=curve, **result)
