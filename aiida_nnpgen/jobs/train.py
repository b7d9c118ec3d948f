"""Train one model.

In the folder: ``config.json`` with the fields of :class:`TrainConfig`; labelled frames in ``train.npz`` and
``validation.npz``, one set per composition. Left behind: the model files in ``model``, the learning curve in
``curve.npz``, a checksum of each model file in ``digests.json``, and ``result.json`` with ``files``, ``version``,
``cutoff``, ``dtype``, ``steps`` and ``diverged``. The back end works in ``work``, which is all that a restart needs of
an interrupted job.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..common.files import write_arrays, write_atomically, write_object
from ..models import registry
from ..models.base import TrainingTask
from .config import build
from .files import read_config, read_frames, write_result

__all__ = ["CURVE", "DIGESTS", "DIGESTS_SHAPE", "MODEL", "RESULT_SHAPE", "WORK", "TrainConfig", "digest", "main"]

CURVE = "curve.npz"
DIGESTS = "digests.json"
DIGESTS_SHAPE = {...: str}
RESULT_SHAPE = {"files": [str], "version": str, "cutoff": float, "dtype": str, "steps": int, "diverged": bool}
MODEL = "model"
WORK = "work"


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Configuration of the job.

    :ivar backend: import path of the back end.
    :ivar elements: chemical symbols in the order of the model's types.
    :ivar seed: seed of every random choice.
    :ivar settings: fields of the back end's settings.
    :ivar parent: subfolder with the model to start from, or None.
    :ivar restart: continue from the newest checkpoint in ``work``, if there is one.
    """

    backend: str
    elements: Sequence[str]
    seed: int
    settings: Mapping[str, object] = field(default_factory=dict)
    parent: str | None = None
    restart: bool = False


def main(folder: Path) -> None:
    """Train the model that the configuration in a folder asks for.

    :raises InputError: if the configuration or the frames are wrong.
    :raises OutputError: if the training left no model.
    """
    config = build(TrainConfig, read_config(folder), "config.json")
    backend = registry.load_path(config.backend)
    task = TrainingTask(
        train=read_frames(folder, "train"),
        validation=read_frames(folder, "validation"),
        elements=config.elements,
        settings=build(backend.settings_class, config.settings, "config.json, settings"),
        seed=config.seed,
        parent=None if config.parent is None else folder / config.parent,
        restart=config.restart,
    )
    work, model = folder / WORK, folder / MODEL
    work.mkdir(exist_ok=True)
    outcome = backend.train(task, work)
    write_object(folder / DIGESTS, {name: _keep(work / name, model / name) for name in outcome.files})
    write_arrays(folder / CURVE, outcome.curve)
    result = {
        "files": list(outcome.files),
        "version": outcome.version,
        "cutoff": outcome.cutoff,
        "dtype": outcome.dtype,
        "steps": outcome.steps,
        "diverged": outcome.diverged,
    }
    write_result(folder, result, train=task.train, validation=task.validation)


def digest(content: bytes) -> str:
    """Return the checksum of a model file."""
    return hashlib.sha256(content).hexdigest()


def _keep(source: Path, target: Path) -> str:
    """Copy a model file and return its checksum."""
    content = source.read_bytes()
    target.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(target, lambda handle: handle.write(content))
    return digest(content)
