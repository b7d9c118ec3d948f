"""Read what users already have: one file, or all files of a folder."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..common.exceptions import InputError, NnpgenError
from ..dft.label import LabelChecks
from ..dft.reading import DropReason, Reading
from .checks import check_frames, check_labels
from .collect import ImportedData, Source, collect
from .formats import FORMATS, Format
from .hints import Hints, LabelKeys
from .packed import Tree, unpacked
from .report import FileReport, FileStatus
from .search import find_files
from .units.declared import FileUnits, convert
from .units.judge import judge
from .units.verdict import Verdict

__all__ = ["read"]

_MAX_SECONDS = 60.0  # of one import that may go into judging units
_MAX_DETAIL = 300  # letters of what a foreign reader says
_TIME_SPENT = "forces were not compared with GFN1-xTB: the files before took the time that there is for it"


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
        run = _Import(tree, path, wishes)
        run.read_all(FORMATS[format] if format else None)
        return collect(run.found, run.reports)


class _Stopwatch:
    """Time that may still go into comparisons with a method that is slow for some elements."""

    def __init__(self, seconds: float) -> None:
        self.left = seconds

    def judge(self, frames: Sequence[Reading], with_xtb: bool) -> Verdict:
        """Return what speaks against the units of a file, without the slow method once the time is spent."""
        start = time.monotonic()
        verdict = judge(frames, with_xtb=with_xtb and self.left > 0)
        if with_xtb and self.left <= 0:
            return verdict & Verdict(notes=(_TIME_SPENT,))
        self.left -= time.monotonic() - start
        return verdict


class _Import:
    """One import, file by file.

    :ivar found: frames that can be used, and where each was read.
    :ivar reports: what became of each file.
    """

    def __init__(self, tree: Tree, path: Path, wishes: _Wishes) -> None:
        self.found: list[tuple[Source, Reading]] = []
        self.reports: list[FileReport] = []
        self._tree = tree
        self._path = path
        self._wishes = wishes
        self._stopwatch = _Stopwatch(_MAX_SECONDS)

    def read_all(self, wanted: Format | None) -> None:
        """Read what is of the wanted format, None: of any, and report the rest."""
        used: set[Path] = set(self._tree.failures)
        rest: dict[Path, str] = {}
        for item, kind in find_files(self._tree.root, wanted).items():
            if kind is None:
                rest[item] = "no format of ours" if os.access(item, os.R_OK) else "it cannot be opened"
            elif wanted is not None and kind is not wanted:
                rest[item] = f"`{kind.name}`, but only `{wanted.name}` was asked for"
            elif item not in used:
                used |= {item, *self._read_file(item, kind)}
        for item, detail in rest.items():
            if item not in used:
                self._report(item, FileStatus.NOT_RECOGNISED, detail=detail)
        for item, detail in self._tree.failures.items():
            self._report(item, FileStatus.UNREADABLE, detail=detail)

    def _read_file(self, item: Path, kind: Format) -> list[Path]:
        """Read one file, and return the other files of the same run.

        Whatever goes wrong with a file is said in its report, and costs no other file.
        """
        report = self._report(item, FileStatus.READ, kind)
        number = len(self.reports) - 1
        try:
            frames, companions = _use_file(item, kind, self._wishes, report, self._stopwatch)
        except Exception as exception:
            report.status, report.detail = FileStatus.UNREADABLE, _describe(exception)
            return []
        self.found += [(Source(number, frame.index), frame) for frame in frames]
        for other in companions:
            self._report(other, FileStatus.PART, kind, report.path)
        return companions

    def _report(self, item: Path, status: FileStatus, kind: Format | None = None, detail: str = "") -> FileReport:
        report = FileReport(self._name(item), kind.name if kind else None, status, detail=detail)
        self.reports.append(report)
        return report

    def _name(self, item: Path) -> str:
        """Return a name for the report: that of the user's own file, below a folder or beside a file."""
        if item == self._tree.root:
            return self._path.name
        folders = (self._path, self._tree.root)
        own = self._tree.packed.get(item, item)
        bases = [folder if self._path.is_dir() else folder.parent for folder in folders]
        return next((own.relative_to(base).as_posix() for base in bases if own.is_relative_to(base)), own.name)


def _describe(exception: Exception) -> str:
    """Return what went wrong, without the path of a temporary folder; what nobody expected comes with its type."""
    if isinstance(exception, NnpgenError):
        return str(exception)
    if isinstance(exception, OSError) and exception.strerror:
        return exception.strerror
    return f"{type(exception).__name__}: {exception}"[:_MAX_DETAIL]


def _use_file(
    item: Path, kind: Format, wishes: _Wishes, report: FileReport, stopwatch: _Stopwatch
) -> tuple[list[Reading], list[Path]]:
    """Return the frames of a file that can be used, and the other files of the same run."""
    content = kind.read(item, wishes.hints)
    report.notes += content.notes
    report.dropped = content.dropped
    content.frames = convert(content.frames, FileUnits() if kind.has_units or wishes.units is None else wishes.units)
    if kind.has_units and wishes.units is not None:
        report.notes.append(f"`{kind.name}` has units of its own: `units` were not used")
    frames = check_frames(content)
    verdict = stopwatch.judge(frames, with_xtb=not kind.has_units)
    report.notes += verdict.notes
    if verdict.problem and not kind.has_units and wishes.units is None:
        report.status, report.detail = FileStatus.WRONG_UNITS, _refuse(verdict)
        for frame in frames:
            content.drop(frame.index, DropReason.WRONG_UNITS, verdict.problem)
        return [], content.companions
    if verdict.problem:
        given = f"`{kind.name}` has fixed units" if kind.has_units else "`units` are given"
        report.notes.append(f"{verdict.problem}; yet {given}: look at these data before using them")
    return check_labels(content, frames, wishes.checks), content.companions


def _refuse(verdict: Verdict) -> str:
    """Return why a file is refused, and what to do."""
    setting = ", ".join(f"{key}: {value}" for key, value in verdict.units.items())
    advice = f"if so, set `units: {{{setting}}}`" if setting else "correct the file"
    return f"{verdict.problem}; {advice}; if it is in eV and Å all the same, set `units: {{}}`"
