"""Take single jobs from the cache."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

from aiida.manage.caching import enable_caching, get_use_cache

__all__ = ["cached"]


def cached(identifier: str) -> AbstractContextManager[None]:
    """Return a context in which a job is taken from the cache if it can be.

    Leaving the context of AiiDA also ends one that surrounds it, hence none where caching is on already.
    """
    context: AbstractContextManager[None] = enable_caching(identifier=identifier)
    return nullcontext() if get_use_cache(identifier=identifier) else context
