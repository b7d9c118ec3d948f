"""Labelled frames and structures that users already have."""

from __future__ import annotations

from .formats import FORMATS
from .reading import ExistingData, read_existing
from .record import Dropped, DropReason, FileReport, FileStatus
from .units import FileUnits

__all__ = ["FORMATS", "DropReason", "Dropped", "ExistingData", "FileReport", "FileStatus", "FileUnits", "read_existing"]
