"""Label with CP2K, many frames per job, or run dynamics with it."""

from __future__ import annotations

from .aimd import AimdWorkChain
from .base import LabellerWorkChain

__all__ = ["Cp2kAimdWorkChain", "Cp2kLabellerWorkChain"]


class Cp2kLabellerWorkChain(LabellerWorkChain):
    """Label batches; what an interrupted job left undone, or did not converge, goes into the next one."""

    NAME = "cp2k"


class Cp2kAimdWorkChain(AimdWorkChain):
    """Run Born-Oppenheimer dynamics in CP2K."""

    NAME = "cp2k"
