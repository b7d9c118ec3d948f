"""Labelled frames and structures that users already have."""

from __future__ import annotations

from ..dft.reading import Dropped, DropReason, FileReport, FileStatus
from .formats import FORMATS
from .read import ExistingData, read_existing
from .units.declared import FileUnits

__all__ = ["FORMATS", "DropReason", "Dropped", "ExistingData", "FileReport", "FileStatus", "FileUnits", "read_existing"]
