"""Dynamics with effective medium theory."""

from __future__ import annotations

from aiida_nnpgen.workchains.aimd.base import AimdWorkChain

__all__ = ["EmtAimdWorkChain"]


class EmtAimdWorkChain(AimdWorkChain):
    """Run it with the calculation that takes any ASE calculator."""

    NAME = "emt"

    @classmethod
    def calculation(cls) -> str:
        """Return the entry point of the calculation that runs a dynamics."""
        return "nnpgen.ase_md"
