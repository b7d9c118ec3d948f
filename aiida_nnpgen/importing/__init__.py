"""Labelled frames and structures that users already have."""

from __future__ import annotations

from ..dft.reading import Dropped, DropReason
from .collect import ImportedData, Source
from .formats import FORMATS
from .hints import LabelKeys
from .read import read
from .report import MAX_LISTED, FileReport, FileStatus
from .units.declared import FileUnits

__all__ = [
    "FORMATS",
    "MAX_LISTED",
    "DropReason",
    "Dropped",
    "FileReport",
    "FileStatus",
    "FileUnits",
    "ImportedData",
    "LabelKeys",
    "Source",
    "read",
]
