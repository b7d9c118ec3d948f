"""Parse molecular dynamics with a committee in ASE."""

from __future__ import annotations

from ..ase_md import AseRunParser
from .base import SamplerParser

__all__ = ["AseSamplerParser"]


class AseSamplerParser(AseRunParser, SamplerParser):
    """Read the trajectory that the program left."""
