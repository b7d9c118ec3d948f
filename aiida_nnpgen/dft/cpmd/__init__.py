"""CPMD 4.3: inputs for labels and dynamics, and their outputs as frames."""

from __future__ import annotations

from ..method import Dispersion
from .input import CpmdInput, CpmdSettings, Pseudopotential, write_md, write_single_point
from .labels import read_md, read_single_point, salvage_md
from .sources import INPUT, STDOUT

__all__ = [
    "INPUT",
    "STDOUT",
    "CpmdInput",
    "CpmdSettings",
    "Dispersion",
    "Pseudopotential",
    "read_md",
    "read_single_point",
    "salvage_md",
    "write_md",
    "write_single_point",
]
