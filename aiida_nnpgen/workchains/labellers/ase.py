"""Label with any ASE calculator, many frames per job, or run dynamics with it."""

from __future__ import annotations

from .aimd import AimdWorkChain
from .base import LabellerWorkChain

__all__ = ["AseAimdWorkChain", "AseLabellerWorkChain"]


class AseLabellerWorkChain(LabellerWorkChain):
    """Label batches; what an interrupted job left undone goes into the next one."""

    NAME = "ase"


class AseAimdWorkChain(AimdWorkChain):
    """Run dynamics in ASE."""

    NAME = "ase"
