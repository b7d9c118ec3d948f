"""What is said about each file of an import."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

from ..dft.reading import Dropped

__all__ = ["MAX_LISTED", "FileReport", "FileStatus"]

MAX_LISTED = 200
"""Dropped frames of a file that a report names one by one; all are counted."""


class FileStatus(StrEnum):
    """What became of a file."""

    READ = "read"  # frames were found; see the counts
    PART = "part"  # belongs to a run that was read from another file
    NOT_RECOGNISED = "not_recognised"  # no format of ours
    UNREADABLE = "unreadable"  # damaged or incomplete as a whole
    WRONG_UNITS = "wrong_units"  # refused until `units` are given


@dataclass
class FileReport:
    """What became of one file.

    :ivar path: relative to what was imported.
    :ivar format: name of the format, or None.
    :ivar labelled: frames used with their labels; ``unlabelled``: without; ``no_stress``: labels without stress.
    :ivar dropped: frames that are not used.
    :ivar detail: why the file as a whole is not used.
    """

    path: str
    format: str | None
    status: FileStatus
    labelled: int = 0
    unlabelled: int = 0
    no_stress: int = 0
    dropped: list[Dropped] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    detail: str = ""

    def to_dict(self) -> dict[str, object]:
        """Return the report as plain values; the first :data:`MAX_LISTED` dropped frames are named."""
        return {
            "path": self.path,
            "format": self.format,
            "status": self.status.value,
            "labelled": self.labelled,
            "unlabelled": self.unlabelled,
            "no_stress": self.no_stress,
            "dropped": len(self.dropped),
            "reasons": dict(Counter(item.reason for item in self.dropped)),
            "dropped_frames": [[item.index, item.reason, item.detail] for item in self.dropped[:MAX_LISTED]],
            "notes": list(self.notes),
            "detail": self.detail,
        }
