"""Train a DeepPot-SE model with DeePMD-kit."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...common.exceptions import InputError, OutputError
from ...common.frames import Frames
from ...common.seeds import derive_seed
from ..base import TrainingOutcome, TrainingTask
from .description import FILENAME_MODEL, MODEL_FILES, PREFIX_WEIGHTS, WEIGHT_ENDS, Description
from .input import input_document, model_section, write_systems
from .neighbours import estimate_sel
from .output import CHECKPOINT, CURVE, newest_checkpoint, read_curve
from .potential import DeepmdPotential
from .settings import DeepmdSettings

__all__ = ["has_diverged", "train"]

_INPUT = "input.json"
_INITIAL = "initial"
# eV/atom: more than any cohesive energy.
_HOPELESS_ENERGY = 10.0
# Force error over that of a model without forces.
_HOPELESS_FORCES = 10.0


def train(task: TrainingTask, folder: Path) -> TrainingOutcome:
    """Train one model in a working folder and freeze it.

    Both share this process, because each start of TensorFlow takes longer than freezing. The working directory of the
    process is the folder meanwhile. A restart without a complete checkpoint begins anew.

    :raises InputError: if settings, frames and parent do not fit together.
    :raises OutputError: if DeePMD-kit ended without a learning curve or a final checkpoint.
    """
    folder = folder.resolve()
    settings = task.settings
    if not isinstance(settings, DeepmdSettings):
        raise InputError(f"the settings are a `{type(settings).__name__}`, not DeepmdSettings")
    checkpoint = newest_checkpoint(folder) if task.restart else None
    if checkpoint is None:
        for stale in folder.glob(f"{CHECKPOINT}*"):
            stale.unlink()
    model, steps = _write_inputs(task, settings, folder, checkpoint)
    final = _train_and_freeze(folder, [_INPUT, *_origin(task, folder, checkpoint)], steps)
    for end in WEIGHT_ENDS:
        shutil.copyfile(folder / f"{final}.{end}", folder / f"{PREFIX_WEIGHTS}.{end}")
    description = Description(
        version=version("deepmd-kit"), elements=tuple(task.elements), steps=steps, seed=task.seed, model=model
    )
    description.write(folder)
    curve = read_curve(folder / CURVE)
    probe = next(part for part in task.train if len(part))[:1]
    predicted = DeepmdPotential(folder / FILENAME_MODEL, task.elements).predict(probe)
    return TrainingOutcome(
        files=MODEL_FILES,
        version=description.version,
        cutoff=settings.cutoff,
        dtype=settings.precision,
        curve=curve,
        steps=steps,
        diverged=has_diverged(curve, predicted, task.train),
    )


def has_diverged(curve: Mapping[str, NDArray[np.float64]], predicted: Frames, train: Sequence[Frames]) -> bool:
    """Return whether the nets became useless.

    They are, if an error in the learning curve or a prediction is not finite, or if the last error is hopeless: nets
    whose weights grew without bound saturate, which gives finite energies of any size and no forces. The prediction
    counts because the curve ends before the last step where the steps are no multiple of its interval.

    :param curve: of :func:`~.deepmd_output.read_curve`.
    :param predicted: prediction of the final model for any frame.
    :param train: frames that it was trained on.
    """
    energies, forces = curve["rmse_energy_train"], curve["rmse_force_train"]
    arrays = (energies, forces, predicted.energies, predicted.forces)
    if not all(np.isfinite(array).all() for array in arrays if array is not None):
        return True
    labels = np.concatenate([part.forces.ravel() for part in train if part.forces is not None])
    scale = np.sqrt(np.mean(labels**2))
    return bool(energies[-1] > _HOPELESS_ENERGY or forces[-1] > _HOPELESS_FORCES * scale)


def _write_inputs(
    task: TrainingTask, settings: DeepmdSettings, folder: Path, checkpoint: str | None
) -> tuple[dict[str, object], int]:
    """Write systems and ``input.json``; return the model section and the number of steps."""
    train = write_systems(folder, "train", task.train, task.elements)
    if not train:
        raise InputError("no frames given to train on")
    validation = write_systems(folder, "validation", task.validation, task.elements)
    parent = None if task.parent is None else Description.read(task.parent).model
    model = model_section(settings, task.elements, _resolve_sel(task, settings, parent))
    if parent is not None:
        _check_parent(parent, model)
        settings = settings.warm()
    # A restart draws other batches than those that its first part has seen.
    seed = task.seed if checkpoint is None else derive_seed(task.seed, "restart", checkpoint)
    document = input_document(model, settings, train, validation, seed)
    (folder / _INPUT).write_text(json.dumps(document, indent=1))
    return model, settings.steps


def _resolve_sel(task: TrainingTask, settings: DeepmdSettings, parent: Mapping[str, object] | None) -> Sequence[int]:
    """Return the numbers of neighbours: those set, else the parent's, else an estimate."""
    if settings.sel is not None:
        if len(settings.sel) != len(task.elements):
            raise InputError(f"`sel` is `{settings.sel}`: give one number for each of {', '.join(task.elements)}")
        return settings.sel
    if parent is not None:
        sel: Sequence[int] = parent["descriptor"]["sel"]  # type: ignore[index]
        return sel
    return estimate_sel([*task.train, *task.validation], task.elements, settings.cutoff, settings.sel_margin)


def _check_parent(parent: Mapping[str, object], model: Mapping[str, object]) -> None:
    """Raise if a training cannot start from a model of another shape."""
    ours, theirs = dict(_flatten(model)), dict(_flatten(parent))
    for key in sorted(set(ours) | set(theirs)):
        if ours.get(key) != theirs.get(key):
            raise InputError(
                f"`{key}` is `{ours.get(key)}`, but `{theirs.get(key)}` in the parent model: "
                "give both the same, or train from scratch"
            )


def _flatten(section: Mapping[str, object], prefix: str = "") -> list[tuple[str, object]]:
    """Return the leaves of nested mappings with their paths."""
    leaves: list[tuple[str, object]] = []
    for key, value in section.items():
        leaves += _flatten(value, f"{prefix}{key}.") if isinstance(value, Mapping) else [(f"{prefix}{key}", value)]
    return leaves


def _origin(task: TrainingTask, folder: Path, checkpoint: str | None) -> list[str]:
    """Return the arguments that say where the training starts, and copy what it starts from."""
    if checkpoint is not None:
        return ["--restart", checkpoint]
    if task.parent is None:
        return []
    for end in WEIGHT_ENDS:
        source = task.parent / f"{PREFIX_WEIGHTS}.{end}"
        if not source.is_file():
            raise InputError(f"`{source.name}` is missing in the parent model: it cannot be trained further")
        shutil.copyfile(source, folder / f"{_INITIAL}.{end}")
    _write_empty_graph(folder / f"{_INITIAL}.meta")
    return ["--init-model", _INITIAL]


def _write_empty_graph(path: Path) -> None:
    """Write the ``.meta`` file that DeePMD-kit wants beside a checkpoint.

    It looks there only for the mark of a compressed model. So models need not carry theirs, the largest file of a
    checkpoint, and no operation from a foreign graph is run.
    """
    from deepmd.tf.env import tf

    with tf.Graph().as_default():
        tf.train.export_meta_graph(str(path))


def _train_and_freeze(folder: Path, arguments: Sequence[str], steps: int) -> str:
    """Run ``dp train`` and ``dp freeze`` in a folder; return the prefix of the final checkpoint."""
    from deepmd.tf.entrypoints.main import main as dp

    final = f"{CHECKPOINT}-{steps}"
    with contextlib.chdir(folder):
        dp(["train", *arguments, "--skip-neighbor-stat"])
        if newest_checkpoint(folder) != final:
            raise OutputError(f"`{final}` is missing: the training ended before its last step, see its output")
        dp(["freeze", "--checkpoint-folder", final, "--output", FILENAME_MODEL])
    return final
