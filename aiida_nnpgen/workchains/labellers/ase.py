"""Label with any ASE calculator, many frames per job."""

from __future__ import annotations

from .base import LabellerWorkChain

__all__ = ["AseLabellerWorkChain"]


class AseLabellerWorkChain(LabellerWorkChain):
    """Label batches; what an interrupted job left undone goes into the next one."""

    NAME = "ase"
