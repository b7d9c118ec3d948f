"""Take single jobs from the cache: what an earlier run finished is not computed again.

Everything that a job depends on, its seed among it, is an input. So a run that goes on from another one, or is started
again after a failure, finds the trainings, dynamics and labels that were finished.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from aiida import orm
from aiida.engine import BaseRestartWorkChain, ExitCode, Process
from aiida.manage.caching import enable_caching, get_use_cache

__all__ = ["CachedPluginWorkChain", "CachedRestartWorkChain", "cached", "forget"]


def cached(process: type[Process]) -> AbstractContextManager[None]:
    """Return a context in which a job is taken from the cache if it can be.

    Leaving the context of AiiDA also ends one that surrounds it, hence none where caching is on already.
    """
    identifier = process.build_process_type()
    context: AbstractContextManager[None] = enable_caching(identifier=identifier)
    return nullcontext() if get_use_cache(identifier=identifier) else context


def forget(job: orm.ProcessNode) -> None:
    """Never take a job from the cache: another attempt at the same must run."""
    job.base.caching.is_valid_cache = False


class CachedRestartWorkChain(BaseRestartWorkChain):
    """Take each job from the cache if it can be."""

    def run_process(self) -> Any:
        """Submit the next job."""
        with cached(self.process_class):
            return super().run_process()


class CachedPluginWorkChain(CachedRestartWorkChain):
    """Take each job from the cache if it can be; those that failed are never taken.

    To be put before the ``BaseRestartWorkChain`` of a plugin, which submits its jobs itself. Plugins let jobs that ran
    out of time into the cache, and the time is no part of the hash: more of it would not help.
    """

    def inspect_process(self) -> ExitCode | None:
        """Look at the job that ended."""
        job = self.ctx.children[self.ctx.iteration - 1]
        if not job.is_finished_ok:
            forget(job)
        code: ExitCode | None = super().inspect_process()
        return code
