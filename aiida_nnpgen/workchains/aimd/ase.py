"""Run dynamics with any ASE calculator."""

from __future__ import annotations

from .base import AimdWorkChain

__all__ = ["AseAimdWorkChain"]


class AseAimdWorkChain(AimdWorkChain):
    """Run dynamics in ASE."""

    NAME = "ase"
