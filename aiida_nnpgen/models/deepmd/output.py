"""Output of DeePMD-kit: checkpoints and the learning curve."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...common.exceptions import OutputError

__all__ = ["CHECKPOINT", "CURVE", "newest_checkpoint", "read_curve"]

CHECKPOINT = "model.ckpt"
CURVE = "lcurve.out"

_COLUMNS = {"rmse": "loss_root", "rmse_e": "rmse_energy", "rmse_f": "rmse_force", "rmse_v": "rmse_virial"}
_SPLITS = {"trn": "train", "val": "validation"}


def newest_checkpoint(folder: Path) -> str | None:
    """Return the prefix of the newest complete checkpoint in a folder, or None.

    The link ``model.ckpt`` is not trusted: a process killed while it saved leaves it pointing at half of two.
    """
    found = [re.fullmatch(rf"{re.escape(CHECKPOINT)}-(\d+)\.index", path.name) for path in folder.iterdir()]
    for step in sorted((int(match.group(1)) for match in found if match), reverse=True):
        prefix = f"{CHECKPOINT}-{step}"
        if all((folder / f"{prefix}.{end}").is_file() for end in ("meta", "data-00000-of-00001")):
            return prefix
    return None


def read_curve(path: Path) -> dict[str, NDArray[np.float64]]:
    """Read a learning curve.

    A restart repeats the header and the steps since the last checkpoint: the later row of a step is kept. A row that a
    kill has cut is skipped.

    :return: one value per displayed step of ``step`` and ``lr`` (learning rate), and of ``loss_root`` (root of the
        loss), ``rmse_energy`` (eV/atom), ``rmse_force`` (eV/Å) and, where there are stresses, ``rmse_virial``
        (eV/atom), each with ``_train`` or, where there are validation data, ``_validation`` at its end.
    :raises OutputError: if the file is missing or has no header or no row.
    """
    if not path.is_file():
        raise OutputError(f"`{path.name}` is missing: the training did not start, see its output")
    names: list[str] = []
    rows: list[list[float]] = []
    for line in path.read_text(errors="replace").splitlines():
        if line.startswith("# step"):
            names = names or [_column(word) for word in line[1:].split()]
            continue
        row = _numbers(line)
        if names and len(row) == len(names):
            while rows and rows[-1][0] >= row[0]:
                rows.pop()
            rows.append(row)
    if not rows:
        raise OutputError(f"`{path.name}` holds no learning curve: the training ended before its first row")
    return dict(zip(names, np.array(rows).T, strict=True))


def _column(word: str) -> str:
    """Return our name of a column, such as ``rmse_force_train`` for ``rmse_f_trn``."""
    label, _, split = word.rpartition("_")
    if label not in _COLUMNS or split not in _SPLITS:
        return word
    return f"{_COLUMNS[label]}_{_SPLITS[split]}"


def _numbers(line: str) -> list[float]:
    """Return the numbers of a line, or none if any word is not one."""
    try:
        return [float(word) for word in line.split()]
    except ValueError:
        return []
