"""Label with effective medium theory, many frames per job."""

from __future__ import annotations

from aiida_nnpgen.workchains.labellers.base import LabellerWorkChain

__all__ = ["EmtLabellerWorkChain"]


class EmtLabellerWorkChain(LabellerWorkChain):
    """Send batches to the calculation that runs any ASE calculator."""

    NAME = "emt"

    @classmethod
    def calculation(cls) -> str:
        """Return the entry point of the calculation that labels a batch."""
        return "nnpgen.ase_label"
