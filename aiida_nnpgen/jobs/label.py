"""Label frames with an ASE calculator.

``config.json`` names the calculator and one key per frame; the frames are in ``frames.npz``, the keys in the order
of its sets. Each frame ends in ``labels/<key>.npz`` or ``failures/<key>.json`` as soon as it is done. What is there
already is not computed again, so an interrupted job can be started once more in its folder.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ase import Atoms
from ase.calculators.calculator import BaseCalculator

from ..common.calculators import Evaluation
from ..common.exceptions import InputError, OutputError
from ..common.files import Column, is_disk_full, read_arrays, read_object, write_arrays, write_object
from ..dft.ase.calculator import label, load_calculator
from ..dft.label import NO_LIMITS, LabelFailure, LabelProblem, check_label
from .config import build
from .files import read_config, read_frames, write_result

__all__ = [
    "FAILURES",
    "LABELS",
    "RESULT_SHAPE",
    "LabelConfig",
    "main",
    "read_failure",
    "read_failures",
    "read_label",
    "read_labels",
]

LABELS = "labels"
FAILURES = "failures"
RESULT_SHAPE = {"labelled": int, "failed": int}
_COLUMNS = {"energy": Column(()), "forces": Column((None, 3)), "stress": Column((6,))}

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
    return {path.stem: read_label(path) for path in sorted((folder / LABELS).glob("*.npz"))}


def read_label(path: Path, n_atoms: int | None = None) -> Evaluation:
    """Return the label in a file.

    :param n_atoms: that the frame has; None: not known.
    :raises OutputError: if it is none.
    """
    arrays = read_arrays(path, _COLUMNS)
    energy, forces, stress = float(arrays["energy"]), arrays["forces"], arrays["stress"]
    if problem := check_label(energy, forces, stress, len(forces) if n_atoms is None else n_atoms, NO_LIMITS):
        raise OutputError(f"`{path.name}` is damaged: {problem.detail}")
    return Evaluation(energy, forces, stress)


def read_failures(folder: Path) -> dict[str, LabelProblem]:
    """Return the failures that a job has recorded so far.

    :raises OutputError: if a file is not what it should be.
    """
    return {path.stem: read_failure(path) for path in sorted((folder / FAILURES).glob("*.json"))}


def read_failure(path: Path) -> LabelProblem:
    """Return the failure in a file.

    :raises OutputError: if it is none.
    """
    record = read_object(path, {"reason": str, "detail": str})
    if record["reason"] not in list(LabelFailure):
        raise OutputError(f"`{path.name}` is damaged: there is no reason `{record['reason']}`")
    return LabelProblem(LabelFailure(record["reason"]), record["detail"])


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
        if is_disk_full(exception):
            raise  # no fault of the frame, nor will the next one do better
        detail = f"{type(exception).__name__}: {' '.join(str(exception).split())}"
        problem = LabelProblem(LabelFailure.CALCULATOR, detail)
    else:
        problem = check_label(energy, forces, stress, len(atoms), NO_LIMITS)
    if problem is None:
        write_arrays(_label_path(folder, key), {"energy": energy, "forces": forces, "stress": stress})
    else:
        write_object(_failure_path(folder, key), {"reason": problem.reason.value, "detail": problem.detail})
    return problem


def _label_path(folder: Path, key: str) -> Path:
    return folder / LABELS / f"{key}.npz"


def _failure_path(folder: Path, key: str) -> Path:
    return folder / FAILURES / f"{key}.json"
