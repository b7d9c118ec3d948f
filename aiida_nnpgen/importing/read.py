"""Read what users already have: one file, or all files of a folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..common.exceptions import InputError, NnpgenError
from ..dft.label import LabelChecks
from ..dft.reading import DropReason, ReadFrame
from .checks import check_frames, check_labels
from .collect import ImportedData, Source, collect
from .formats import FORMATS, Format
from .hints import Hints, LabelKeys
from .packed import Tree, unpacked
from .report import FileReport, FileStatus
from .search import find_files
from .units.declared import FileUnits, convert
from .units.judge import judge

__all__ = ["read"]


@dataclass(frozen=True, kw_only=True)
class _Wishes:
    """What the user says about all files."""

    units: FileUnits | None
    checks: LabelChecks
    hints: Hints


def read(
    path: Path,
    format: str | None = None,
    units: FileUnits | Mapping[str, str] | None = None,
    checks: LabelChecks | None = None,
    *,
    keys: LabelKeys | None = None,
    type_map: Sequence[str] = (),
) -> ImportedData:
    """Read labelled frames and bare structures; whatever is not used is reported with its reason.

    :param path: a file, a folder in one of the formats, or any folder, which is searched to its ends; files may be
        compressed.
    :param format: name in :data:`~.formats.FORMATS`; None: found out. In a folder, only files of that format are read.
    :param units: of files whose format has none; they are believed, and a doubt is a note in the report. None: eV, Å,
        eV/Å, eV/Å³, and a file that contradicts them is refused.
    :param checks: limits of labels; None: the usual ones.
    :param keys: names of the labels in files of ASE.
    :param type_map: elements of the types of DeePMD systems that have no names.
    :raises InputError: if there is no such file, format, unit or element.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"`{path}` does not exist")
    if format is not None and format not in FORMATS:
        raise InputError(f"`{format}` is no format of existing data: choose one of {', '.join(FORMATS)}")
    declared = FileUnits(**units) if isinstance(units, Mapping) else units
    hints = Hints(keys=keys or LabelKeys(), type_map=tuple(type_map))
    wishes = _Wishes(units=declared, checks=checks or LabelChecks(), hints=hints)
    with unpacked(path) as tree:
        return _read_tree(tree, path, FORMATS[format] if format else None, wishes)


def _read_tree(tree: Tree, path: Path, wanted: Format | None, wishes: _Wishes) -> ImportedData:
    reports: list[FileReport] = []
    found: list[tuple[Source, ReadFrame]] = []
    used: set[Path] = set()

    def report(item: Path, kind: Format | None, status: FileStatus, detail: str = "") -> FileReport:
        made = FileReport(_name(item, tree, path), kind.name if kind else None, status, detail=detail)
        reports.append(made)
        return made

    rest = []
    for item, kind in find_files(tree.root, wanted).items():
        if item in used or item in tree.failures:
            continue
        if kind is None or (wanted is not None and kind is not wanted):
            rest.append((item, kind))
            continue
        file = report(item, kind, FileStatus.READ)
        number = len(reports) - 1
        frames, companions = _read_file(item, kind, wishes, file)
        for other in companions:
            report(other, kind, FileStatus.PART, file.path)
        used |= {item, *companions}
        found += [(Source(number, frame.index), frame) for frame in frames]
    for item, kind in rest:
        if item not in used:
            detail = (
                f"`{kind.name}`, but only `{wanted.name}` was asked for" if kind and wanted else "no format of ours"
            )
            report(item, kind, FileStatus.NOT_RECOGNISED, detail)
    for item, detail in tree.failures.items():
        report(item, None, FileStatus.UNREADABLE, detail)
    return collect(found, reports)


def _name(item: Path, tree: Tree, path: Path) -> str:
    """Return a name for the report: that of the user's own file, below a folder or beside a file."""
    packed = tree.packed.get(item, item)
    if packed == path or item == tree.root:
        return path.name
    for folder in (path, path.parent, tree.root, tree.root.parent):
        if folder.is_dir() and packed.is_relative_to(folder):
            return packed.relative_to(folder).as_posix()
    return packed.name


def _read_file(item: Path, kind: Format, wishes: _Wishes, report: FileReport) -> tuple[list[ReadFrame], list[Path]]:
    """Return the frames of a file that can be used, and the other files of the same run.

    Whatever goes wrong with a file is said in its report, and costs no other file.
    """
    try:
        return _use_file(item, kind, wishes, report)
    except Exception as exception:
        is_ours = isinstance(exception, NnpgenError | OSError)
        report.status = FileStatus.UNREADABLE
        report.detail = str(exception) if is_ours else f"{type(exception).__name__}: {exception}"
        return [], []


def _use_file(item: Path, kind: Format, wishes: _Wishes, report: FileReport) -> tuple[list[ReadFrame], list[Path]]:
    content = kind.read(item, wishes.hints)
    report.notes += content.notes
    units = None if kind.has_units else wishes.units
    if kind.has_units and wishes.units is not None:
        report.notes.append(f"`{kind.name}` has units of its own: `units` were not used")
    content.frames = convert(content.frames, units or FileUnits())
    report.dropped = content.dropped
    frames = check_frames(content)
    verdict = judge(frames, with_xtb=not kind.has_units)
    report.notes += verdict.notes
    if not verdict.problem:
        return check_labels(content, frames, wishes.checks), content.companions
    if kind.has_units:
        report.notes.append(f"{verdict.problem}; yet `{kind.name}` has fixed units: look at these data before use")
    elif units is not None:
        report.notes.append(f"{verdict.problem}; yet `units` are given: look at these data before use")
    else:
        setting = ", ".join(f"{key}: {value}" for key, value in verdict.units.items())
        advice = f"if so, set `units: {{{setting}}}`" if setting else "correct the file"
        report.status = FileStatus.WRONG_UNITS
        report.detail = f"{verdict.problem}; {advice}; if it is in eV and Å, set `units: {{}}`"
        for frame in frames:
            content.drop(frame.index, DropReason.WRONG_UNITS, verdict.problem)
        return [], content.companions
    return check_labels(content, frames, wishes.checks), content.companions
