"""Bring datasets and structures that the user already has into the database."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from aiida import orm
from aiida.engine import calcfunction

from ...common.frames import Frames
from ...common.limits import MAX_LINKS
from ...common.names import is_component
from ...common.types import Split
from ...config.existing import ExistingSettings
from ...data import DatasetData, Origin
from ...data.labels import frame_key
from ...data.repository import check_single_file, copy_files
from ...data.trajectory import frames_to_trajectory, trajectory_to_frames
from ...dft.label import LabelChecks
from ...importing import ImportedData, read
from .collect_labels import draw_split

__all__ = ["import_frames", "import_structures"]

MAX_ATOMS = 2_000_000
"""Atoms of one shard, all frames together: 100 MB of arrays."""


@calcfunction
def import_frames(settings: orm.Dict, file: orm.Data) -> dict[str, Any]:
    """Return labelled frames as shards, bare structures as arrays, and a report of every file and dropped frame.

    :param settings: one entry of ``existing``, with ``checks``, ``validation_fraction`` and ``seed``.
    :param file: ``SinglefileData`` or ``FolderData``.
    :return: ``datasets``, ``unlabelled`` and ``report``; the first two only where there are such frames.
    """
    values = settings.get_dict()
    wanted = ExistingSettings.model_validate(
        {key: values[key] for key in ExistingSettings.model_fields if key in values}
    )
    with tempfile.TemporaryDirectory() as name:
        path = _unpack(file, Path(name), wanted.path.name)
        units = wanted.units.file_units() if wanted.units else None
        checks = LabelChecks(**values["checks"])
        data = read(path, wanted.format, units, checks, keys=wanted.keys, type_map=wanted.type_map)
    labelled = _kept(len(data.labelled_sources), wanted.max_frames)
    unlabelled = _kept(len(data.unlabelled_sources), wanted.max_structures if wanted.label else 0)
    outputs: dict[str, Any] = {"report": orm.Dict(_report(data, labelled, unlabelled))}
    if shards := _shards(data, labelled, wanted.path, values):
        outputs["datasets"] = {f"shard_{index:03d}": shard for index, shard in enumerate(shards)}
    if arrays := _arrays(data, unlabelled):
        outputs["unlabelled"] = {f"group_{index:03d}": node for index, node in enumerate(arrays)}
    return outputs


@calcfunction
def import_structures(name: orm.Str, first: orm.Int, frames: orm.TrajectoryData) -> dict[str, Any]:
    """Return imported structures as nodes with keys ``frame_0000`` and so on, and a record of why they are there.

    :param name: of the entry of ``existing``, which counts as their starting structure.
    :param first: number of the first frame to return, of at most :data:`~.select_structures.MAX_LINKS`.
    :param frames: one output ``unlabelled`` of :func:`import_frames`.
    """
    rows = slice(first.value, first.value + MAX_LINKS)
    images = trajectory_to_frames(frames)[rows].to_atoms()
    made = {frame_key(index): orm.StructureData(ase=atoms) for index, atoms in enumerate(images)}
    record = {key: {"start": name.value, "reason": f"structure imported as `{name.value}`"} for key in made}
    return {"structures": made, "record": orm.Dict(record)}


def _unpack(file: orm.Data, folder: Path, name: str) -> Path:
    """Write a file or folder node to a folder, and return the path to read.

    :param name: that the user's own folder has, by which it is called in the report.
    """
    if isinstance(file, orm.SinglefileData):
        check_single_file(file, own=True)
        copy_files(file, folder, own=True)
        return folder / str(file.filename)
    path = folder / (name if is_component(name) else "files")
    path.mkdir()
    copy_files(file, path, own=True)
    return path


def _kept(count: int, limit: int | None) -> np.ndarray:
    """Return which frames are kept, evenly spaced where there are too many."""
    kept = np.zeros(count, dtype=bool)
    if limit is None or count <= limit:
        kept[:] = limit != 0
    elif limit:
        kept[np.linspace(0, count - 1, limit).round().astype(int)] = True
    return kept


def _report(data: ImportedData, labelled: np.ndarray, unlabelled: np.ndarray) -> dict[str, Any]:
    """Return counts over all files, and one entry a file."""
    parts = (*data.labelled, *data.unlabelled)
    return {
        "labelled": int(labelled.sum()),
        "unlabelled": int(unlabelled.sum()),
        "left_out": int((~labelled).sum()),
        "unlabelled_left_out": int((~unlabelled).sum()),
        "elements": sorted({symbol for part in parts for symbol in part.symbols}),
        "files": [report.to_dict() for report in data.reports],
    }


def _rows(parts: list[Frames], kept: np.ndarray) -> list[tuple[Frames, np.ndarray]]:
    """Return the kept frames of each composition, and their numbers over all compositions."""
    starts = np.cumsum([0, *(len(part) for part in parts)])
    chosen = [np.flatnonzero(kept[start : start + len(part)]) for part, start in zip(parts, starts, strict=False)]
    return [(part[rows], rows + start) for part, rows, start in zip(parts, chosen, starts, strict=False) if len(rows)]


def _shards(data: ImportedData, kept: np.ndarray, path: Path, values: dict[str, Any]) -> list[DatasetData]:
    """Return shards of limited size; a row is named by its file and its place in it."""
    pieces = []
    for part, numbers in _rows(data.labelled, kept):
        size = max(1, MAX_ATOMS // part.n_atoms)
        pieces += [(part[first : first + size], numbers[first : first + size]) for first in range(0, len(part), size)]
    groups: list[list[tuple[Frames, np.ndarray]]] = []
    room = 0
    for piece in pieces:
        atoms = len(piece[0]) * piece[0].n_atoms
        if atoms > room:
            groups.append([])
            room = MAX_ATOMS
        groups[-1].append(piece)
        room -= atoms
    split = draw_split(int(kept.sum()), values["validation_fraction"], values["seed"]) if kept.any() else np.zeros(0)
    shards, place = [], 0
    for group in groups:
        origins = [_origin(data, number, path) for _, numbers in group for number in numbers.tolist()]
        own = split[place : place + len(origins)]
        if (own == Split.VALIDATION).all():
            own = np.full(len(own), Split.TRAIN, dtype=np.int8)
        shards.append(DatasetData([part for part, _ in group], own, origins))
        place += len(origins)
    return shards


def _origin(data: ImportedData, number: int, path: Path) -> Origin:
    source = data.labelled_sources[number]
    name = data.reports[source.file].path
    place = name if name == path.name else f"{path.name}/{name}"
    return Origin(iteration=-1, reason=f"imported from `{place}`", label="file", index=source.index)


def _arrays(data: ImportedData, kept: np.ndarray) -> list[orm.TrajectoryData]:
    """Return bare structures, one node a composition: what differs in the order of its atoms alone is one batch."""
    parts = Frames.by_composition(part for part, _ in _rows(data.unlabelled, kept))
    return [frames_to_trajectory(part, np.arange(len(part))) for part in parts]
