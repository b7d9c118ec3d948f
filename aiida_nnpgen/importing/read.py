"""Read what users already have: one file, or all files of a folder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..common.exceptions import InputError, OutputError
from ..common.frames import Frames
from ..dft.label import LabelChecks, check_label
from ..dft.reading import DropReason, FileContent, FileReport, FileStatus, ReadFrame
from .duplicates import find_duplicates
from .formats import FORMATS, Format, recognise
from .units.declared import FileUnits, convert
from .units.verdict import judge_units

__all__ = ["ExistingData", "Source", "read_existing"]

_MIN_VOLUME = 0.1  # Å³ per atom: less is no cell
_HIDDEN = (".", "__")


@dataclass(frozen=True)
class Source:
    """Where a frame was read: the place of its file in the report, and its place in the file."""

    file: int
    index: int


@dataclass(frozen=True, kw_only=True)
class ExistingData:
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


def read_existing(
    path: Path,
    format: str | None = None,
    units: FileUnits | None = None,
    checks: LabelChecks | None = None,
) -> ExistingData:
    """Read labelled frames and bare structures; whatever is not used is reported with its reason.

    :param path: a file, a folder in one of the formats, or any folder, which is searched to its ends.
    :param format: name in :data:`~.formats.FORMATS`; None: found out. In a folder, only files of that format are read.
    :param units: of files whose format has none; None: eV, Å, eV/Å, eV/Å³. If what a file holds contradicts its units,
        none of its frames is used.
    :param checks: limits of labels; None: the usual ones.
    :raises InputError: if there is no such file or format.
    """
    if not path.exists():
        raise InputError(f"`{path}` does not exist")
    if format is not None and format not in FORMATS:
        raise InputError(f"`{format}` is no format of existing data: choose one of {', '.join(FORMATS)}")
    reports: list[FileReport] = []
    found: list[tuple[Source, ReadFrame]] = []
    for item, kind in _plan(path, FORMATS[format] if format else None, reports):
        report = FileReport(path=_relative(item, path), format=kind.name, status=FileStatus.READ)
        reports.append(report)
        frames, companions = _read_file(item, kind, units, checks or LabelChecks(), report)
        reports += [
            FileReport(path=_relative(file, path), format=kind.name, status=FileStatus.PART, detail=report.path)
            for file in companions
        ]
        found += [(Source(reports.index(report), frame.index), frame) for frame in frames]
    return _collect(_without_duplicates(found, reports), reports)


def _plan(path: Path, wanted: Format | None, reports: list[FileReport]) -> Iterator[tuple[Path, Format]]:
    """Yield what is to be read, runs of several files first, and report what is not recognised."""
    if path.is_file() or (path.is_dir() and recognise(path) is not None):
        kind = wanted or recognise(path)
        if kind is None:
            kind = FORMATS["structure"]
        yield path, kind
        return
    used: set[Path] = set()
    order = list(FORMATS.values())
    entries = [item for item in sorted(path.rglob("*")) if not _is_hidden(item.relative_to(path))]
    kinds = {item: kind for item in entries if (kind := recognise(item)) is not None}
    for item in [item for item, kind in kinds.items() if item.is_dir()]:
        used |= {inner for inner in entries if item in inner.parents}
    for item, kind in sorted(kinds.items(), key=lambda pair: (order.index(pair[1]), pair[0])):
        if item in used or (wanted is not None and kind is not wanted):
            continue
        before = len(reports)
        yield item, kind
        used |= {path / report.path for report in reports[before:]}
    for item in entries:
        if item.is_file() and item not in used:
            kind = kinds.get(item)
            detail = (
                f"`{kind.name}`, but only `{wanted.name}` was asked for" if kind and wanted else "no format of ours"
            )
            name = kind.name if kind else None
            reports.append(
                FileReport(path=_relative(item, path), format=name, status=FileStatus.NOT_RECOGNISED, detail=detail)
            )


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(_HIDDEN) for part in path.parts)


def _relative(item: Path, path: Path) -> str:
    """Return a name for the report: below a folder, or beside a file."""
    if item == path:
        return path.name
    return item.relative_to(path if path.is_dir() else path.parent).as_posix()


def _read_file(
    item: Path, kind: Format, units: FileUnits | None, checks: LabelChecks, report: FileReport
) -> tuple[list[ReadFrame], list[Path]]:
    """Return the frames of a file that can be used, and the other files of the same run."""
    try:
        content = kind.read(item)
    except (OutputError, OSError, InputError) as exception:
        report.status, report.detail = FileStatus.UNREADABLE, str(exception)
        return [], []
    report.notes += content.notes
    if kind.has_units and units is not None:
        report.notes.append(f"`{kind.name}` has units of its own: `units` were not used")
    content.frames = convert(content.frames, FileUnits() if kind.has_units or units is None else units)
    report.dropped = content.dropped
    frames = _periodic(content)
    verdict = judge_units(frames, with_xtb=not kind.has_units)
    report.notes += verdict.notes
    if verdict.problem and kind.has_units:
        report.notes.append(
            f"{verdict.problem}; yet `{kind.name}` has fixed units: look at these data before using them"
        )
    elif verdict.problem:
        setting = ", ".join(f"{key}: {value}" for key, value in verdict.units.items())
        advice = f"if so, set `units: {{{setting}}}`" if setting else "correct the file"
        report.status, report.detail = FileStatus.WRONG_UNITS, f"{verdict.problem}; {advice}"
        for frame in frames:
            content.drop(frame.index, DropReason.WRONG_UNITS, verdict.problem)
        return [], content.companions
    return _checked(content, frames, checks), content.companions


def _periodic(content: FileContent) -> list[ReadFrame]:
    """Return the frames with finite positions in a periodic cell, and drop the others."""
    good = []
    for frame in content.frames:
        volume = abs(float(np.linalg.det(frame.cell))) if np.isfinite(frame.cell).all() else 0.0
        if not np.isfinite(frame.positions).all() or not np.isfinite(frame.cell).all():
            content.drop(frame.index, "not_finite", "positions or cell hold NaN or infinity")
        elif not frame.periodic or volume < _MIN_VOLUME * len(frame.numbers):
            detail = "the frame has no cell" if volume == 0 else "the frame is not periodic in three directions"
            if frame.periodic and volume > 0:
                detail = f"the cell of {volume:.3g} Å³ is too small for {len(frame.numbers)} atoms"
            content.drop(frame.index, DropReason.NOT_PERIODIC, detail)
        else:
            good.append(frame)
    return good


def _checked(content: FileContent, frames: list[ReadFrame], checks: LabelChecks) -> list[ReadFrame]:
    """Return frames whose labels pass the checks, or that have none, and drop the others."""
    good = []
    for frame in frames:
        if not frame.is_labelled:
            good.append(frame)
            continue
        assert frame.energy is not None
        assert frame.forces is not None
        problem = check_label(frame.energy, frame.forces, frame.stress, len(frame.numbers), checks)
        if problem is None:
            good.append(frame)
        else:
            content.drop(frame.index, problem.reason.value, problem.detail)
    return good


def _without_duplicates(
    found: list[tuple[Source, ReadFrame]], reports: list[FileReport]
) -> list[tuple[Source, ReadFrame]]:
    """Keep one of equal frames: a labelled one, with stress if there is one, otherwise the first."""
    frames = [frame for _, frame in found]
    ranks = [
        0 if frame.is_labelled and frame.stress is not None and np.isfinite(frame.stress).all()
        else 1 if frame.is_labelled
        else 2
        for frame in frames
    ]  # fmt: skip
    kept = find_duplicates(frames, ranks)
    for place, other in kept.items():
        source, twin = found[place][0], found[other][0]
        detail = f"same as frame {twin.index} of `{reports[twin.file].path}`"
        energies = frames[place].energy, frames[other].energy
        if energies[0] is not None and energies[1] is not None and abs(energies[0] - energies[1]) > 1e-3:
            detail += f", whose energy differs by {energies[1] - energies[0]:.4g} eV"
        content = FileContent(dropped=reports[source.file].dropped)
        content.drop(source.index, DropReason.DUPLICATE, detail)
    return [item for place, item in enumerate(found) if place not in kept]


def _collect(found: list[tuple[Source, ReadFrame]], reports: list[FileReport]) -> ExistingData:
    """Group frames by composition and order of atoms, and count them in the reports."""
    groups: dict[tuple[bool, bytes], list[tuple[Source, ReadFrame]]] = {}
    for source, frame in found:
        report = reports[source.file]
        if frame.is_labelled:
            report.labelled += 1
            report.no_stress += frame.stress is None or not np.isfinite(frame.stress).all()
        else:
            report.unlabelled += 1
            if report.unlabelled == 1:
                report.notes.append(_missing(frame))
        groups.setdefault((frame.is_labelled, frame.numbers.tobytes()), []).append((source, frame))
    parts: dict[bool, list[Frames]] = {True: [], False: []}
    sources: dict[bool, list[Source]] = {True: [], False: []}
    for (is_labelled, _), items in groups.items():
        parts[is_labelled].append(_join([frame for _, frame in items], is_labelled))
        sources[is_labelled] += [source for source, _ in items]
    return ExistingData(
        labelled=parts[True],
        labelled_sources=sources[True],
        unlabelled=parts[False],
        unlabelled_sources=sources[False],
        reports=reports,
    )


def _missing(frame: ReadFrame) -> str:
    """Return what the first frame without label lacks."""
    missing = [name for name, value in (("energy", frame.energy), ("forces", frame.forces)) if value is None]
    text = f"frame {frame.index} is the first without label: no {' and no '.join(missing)}"
    return f"{text}; it has {frame.note}, which is another name than ASE's" if frame.note else text


def _join(frames: list[ReadFrame], is_labelled: bool) -> Frames:
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
