"""What an import gives: frames by composition, each once, and the reports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..common.frames import Frames
from ..dft.reading import Dropped, DropReason, Reading
from .checks import has_stress
from .duplicates import find_duplicates
from .report import FileReport

__all__ = ["ImportedData", "Source", "collect"]

_SAME_ENERGY = 1e-3  # eV: more than equal calculations differ by


@dataclass(frozen=True)
class Source:
    """Where a frame was read: the place of its file in the report, and its place in the file."""

    file: int
    index: int


@dataclass(frozen=True, kw_only=True)
class ImportedData:
    """What an import gives.

    :ivar labelled: frames with energies and forces, one entry per composition and order of atoms; rows of NaN where
        there is no stress.
    :ivar unlabelled: bare frames, likewise.
    :ivar labelled_sources: where each row was read, in the order of ``labelled``; likewise ``unlabelled_sources``.
    :ivar reports: what became of each file.
    """

    labelled: list[Frames]
    labelled_sources: list[Source]
    unlabelled: list[Frames]
    unlabelled_sources: list[Source]
    reports: list[FileReport]

    def __len__(self) -> int:
        return len(self.labelled_sources) + len(self.unlabelled_sources)


def collect(found: Sequence[tuple[Source, Reading]], reports: list[FileReport]) -> ImportedData:
    """Group frames by composition and order of atoms, keep each once, and count them in the reports."""
    groups: dict[tuple[bool, bytes], list[tuple[Source, Reading]]] = {}
    for source, frame in _without_duplicates(found, reports):
        _count(frame, reports[source.file])
        groups.setdefault((frame.is_labelled, frame.numbers.tobytes()), []).append((source, frame))
    parts: dict[bool, list[Frames]] = {True: [], False: []}
    sources: dict[bool, list[Source]] = {True: [], False: []}
    for (is_labelled, _), items in groups.items():
        parts[is_labelled].append(_join([frame for _, frame in items], is_labelled))
        sources[is_labelled] += [source for source, _ in items]
    return ImportedData(
        labelled=parts[True],
        labelled_sources=sources[True],
        unlabelled=parts[False],
        unlabelled_sources=sources[False],
        reports=reports,
    )


def _without_duplicates(
    found: Sequence[tuple[Source, Reading]], reports: Sequence[FileReport]
) -> list[tuple[Source, Reading]]:
    """Keep one of equal frames: a labelled one, with stress if there is one, otherwise the first."""
    frames = [frame for _, frame in found]
    ranks = [(0 if has_stress(frame) else 1) if frame.is_labelled else 2 for frame in frames]
    kept = find_duplicates(frames, ranks)
    for row, other in kept.items():
        source, twin = found[row][0], found[other][0]
        detail = f"same as frame {twin.index} of `{reports[twin.file].path}`"
        energies = frames[row].energy, frames[other].energy
        if energies[0] is not None and energies[1] is not None and abs(energies[0] - energies[1]) > _SAME_ENERGY:
            detail += f", whose energy differs by {energies[1] - energies[0]:.4g} eV"
        reports[source.file].dropped.append(Dropped(source.index, DropReason.DUPLICATE, detail))
    return [item for row, item in enumerate(found) if row not in kept]


def _count(frame: Reading, report: FileReport) -> None:
    if frame.is_labelled:
        report.labelled += 1
        report.no_stress += not has_stress(frame)
        return
    report.unlabelled += 1
    if report.unlabelled == 1:
        report.notes.append(_missing(frame))


def _missing(frame: Reading) -> str:
    """Return what the first frame without label lacks."""
    missing = [name for name, value in (("energy", frame.energy), ("forces", frame.forces)) if value is None]
    text = f"frame {frame.index} is the first without label: no {' and no '.join(missing)}"
    return f"{text}; it has {frame.note}: set `keys` if that is a label" if frame.note else text


def _join(frames: Sequence[Reading], is_labelled: bool) -> Frames:
    empty = np.full(6, np.nan)
    return Frames(
        numbers=frames[0].numbers,
        positions=np.array([frame.positions for frame in frames]),
        cells=np.array([frame.cell for frame in frames]),
        energies=np.array([frame.energy for frame in frames]) if is_labelled else None,
        forces=np.array([frame.forces for frame in frames]) if is_labelled else None,
        stresses=np.array([empty if frame.stress is None else frame.stress for frame in frames])
        if is_labelled
        else None,
    )
