"""Run ``pw.x``, or take what it computed from the cache."""

from __future__ import annotations

from aiida.plugins import WorkflowFactory

from ..caching import CachedPluginWorkChain

__all__ = ["CachedPwBaseWorkChain"]

PwBaseWorkChain = WorkflowFactory("quantumespresso.pw.base")


class CachedPwBaseWorkChain(CachedPluginWorkChain, PwBaseWorkChain):  # type: ignore[misc, valid-type]
    """``PwBaseWorkChain`` whose jobs come from the cache where they can."""
