"""Run dynamics with CP2K."""

from __future__ import annotations

from .base import AimdWorkChain

__all__ = ["Cp2kAimdWorkChain"]


class Cp2kAimdWorkChain(AimdWorkChain):
    """Run Born-Oppenheimer dynamics in CP2K."""

    NAME = "cp2k"
