"""Label frames with an ASE calculator.

``config.json`` names the calculator and one key per frame; the frames are in ``frames.npz``, the keys in the order
of its sets. Each frame ends in ``labels/<key>.npz`` or ``failures/<key>.json`` as soon as it is done. What is there
already is not computed again, so an interrupted job can be started once more in its folder.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.calculators.calculator import BaseCalculator

from ..common.calculators import Evaluation
from ..common.exceptions import InputError, OutputError
from ..dft.ase.calculator import label, load_calculator
from ..dft.label import NO_LIMITS, LabelFailure, LabelProblem, check_label
from .config import build
from .files import read_config, read_frames, write_result

__all__ = ["FAILURES", "LABELS", "LabelConfig", "main", "read_failures", "read_labels"]

LABELS = "labels"
FAILURES = "failures"

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


@dataclass(frozen=True, kw_only=True)
class LabelConfig:
    """Configuration of the job.

    :ivar calculator: import path of the calculator's class.
    :ivar keys: one name per frame, unique, fit to be a file name.
    :ivar keywords: keyword arguments of the calculator.
    """

    calculator: str
    keys: list[str]
    keywords: Mapping[str, object] = field(default_factory=dict)


def main(folder: Path) -> None:
    """Label every frame of the job that has neither label nor failure yet.

    :raises InputError: if the configuration does not fit the frames.
    """
    config = build(LabelConfig, read_config(folder), "config.json")
    parts = read_frames(folder, "frames")
    images = [atoms for part in parts for atoms in part.without_labels().to_atoms()]
    _check_keys(config.keys, len(images))
    calculator = load_calculator(config.calculator, config.keywords)
    for name in (LABELS, FAILURES):
        (folder / name).mkdir(exist_ok=True)
    for key, atoms in zip(config.keys, images, strict=True):
        if not (_label_path(folder, key).exists() or _failure_path(folder, key).exists()):
            problem = _label_frame(folder, key, atoms, calculator)
            if problem is not None:
                # It may keep what led to the failure, such as a hopeless density, and start the next frame from that.
                calculator = load_calculator(config.calculator, config.keywords)
    labelled = sum(_label_path(folder, key).exists() for key in config.keys)
    write_result(folder, {"labelled": labelled, "failed": len(config.keys) - labelled}, frames=parts)


def read_labels(folder: Path) -> dict[str, Evaluation]:
    """Return the labels that a job has left so far, finished or killed.

    :return: per key energy (eV), forces (eV/Å) and stress (eV/Å³, NaN where there is none).
    :raises OutputError: if a file is not what it should be.
    """
    labels = {}
    for path in sorted((folder / LABELS).glob("*.npz")):
        try:
            with np.load(path, allow_pickle=False) as archive:
                labels[path.stem] = Evaluation(float(archive["energy"]), archive["forces"], archive["stress"])
        except (OSError, ValueError, KeyError, EOFError) as exception:
            raise OutputError(f"`{path.name}` is no label: {exception}") from exception
    return labels


def read_failures(folder: Path) -> dict[str, LabelProblem]:
    """Return the failures that a job has recorded so far.

    :raises OutputError: if a file is not what it should be.
    """
    failures = {}
    for path in sorted((folder / FAILURES).glob("*.json")):
        try:
            record = json.loads(path.read_text())
            failures[path.stem] = LabelProblem(LabelFailure(record["reason"]), str(record["detail"]))
        except (OSError, ValueError, KeyError, TypeError) as exception:
            raise OutputError(f"`{path.name}` is no record of a failure: {exception}") from exception
    return failures


def _check_keys(keys: list[str], n_frames: int) -> None:
    if len(keys) != n_frames:
        raise InputError(f"config.json: `{len(keys)}` keys for {n_frames} frames")
    for key, count in Counter(keys).items():
        if count > 1 or not _KEY.fullmatch(key):
            raise InputError(f"config.json: key `{key}` must be unique and hold letters, digits, `_` and `-` only")


def _label_frame(folder: Path, key: str, atoms: Atoms, calculator: BaseCalculator) -> LabelProblem | None:
    """Write the label of one frame, or why it has none."""
    problem: LabelProblem | None
    try:
        energy, forces, stress = label(atoms, calculator)
    # The calculator is foreign code, and what it raises on a hopeless structure is not foreseen. One frame must not
    # cost the others; its error is recorded, not swallowed.
    except Exception as exception:
        detail = f"{type(exception).__name__}: {' '.join(str(exception).split())}"
        problem = LabelProblem(LabelFailure.CALCULATOR, detail)
    else:
        problem = check_label(energy, forces, stress, len(atoms), NO_LIMITS)
    if problem is None:
        target = _label_path(folder, key)
        temporary = target.with_suffix(".part")
        with temporary.open("wb") as handle:
            np.savez(handle, energy=energy, forces=forces, stress=stress)
    else:
        target = _failure_path(folder, key)
        temporary = target.with_suffix(".part")
        temporary.write_text(json.dumps({"reason": problem.reason.value, "detail": problem.detail}))
    # Renamed when complete, so that whatever bears the final name is whole.
    temporary.replace(target)
    return problem


def _label_path(folder: Path, key: str) -> Path:
    return folder / LABELS / f"{key}.npz"


def _failure_path(folder: Path, key: str) -> Path:
    return folder / FAILURES / f"{key}.json"
