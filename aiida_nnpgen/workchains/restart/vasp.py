"""Run VASP, or take what it computed from the cache."""

from __future__ import annotations

from aiida.plugins import WorkflowFactory

from ..caching import CachedPluginWorkChain

__all__ = ["CachedVaspWorkChain"]

VaspWorkChain = WorkflowFactory("vasp.vasp")


class CachedVaspWorkChain(CachedPluginWorkChain, VaspWorkChain):  # type: ignore[misc, valid-type]
    """``vasp.vasp`` whose jobs come from the cache where they can."""
