"""Label with CP2K, many frames per job."""

from __future__ import annotations

from .base import LabellerWorkChain

__all__ = ["Cp2kLabellerWorkChain"]


class Cp2kLabellerWorkChain(LabellerWorkChain):
    """Label batches; what an interrupted job left undone, or did not converge, goes into the next one."""

    NAME = "cp2k"
