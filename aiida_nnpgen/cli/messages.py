"""What is said where AiiDA raises because of how it is set up, or of what was asked for."""

from __future__ import annotations

__all__ = ["describe_aiida_error"]


def describe_aiida_error(exception: Exception) -> str | None:
    """Return what is wrong and what to do; None for what nobody expected, whose traceback is wanted.

    Nothing of AiiDA is imported here: an exception of AiiDA or SQLAlchemy comes from what has been imported.
    """
    names = {kind.__name__ for kind in type(exception).__mro__}
    module, text = type(exception).__module__, " ".join(str(exception).split())
    if module.startswith("sqlalchemy.") and names & {"OperationalError", "DatabaseError"}:
        return f"the storage of the profile cannot be used: {text}: see `verdi status`"
    if not module.startswith("aiida."):
        return None
    for kinds, advice in _ADVICE:
        if names & kinds:
            return f"{text.rstrip('.')}: {advice}" if text else advice
    return None


_ADVICE: tuple[tuple[frozenset[str], str], ...] = (
    (frozenset({"IncompatibleStorageSchema", "ConfigurationVersionError"}), "see `verdi storage migrate`"),
    (frozenset({"UnreachableStorage", "CorruptStorage", "ClosedStorage", "LockedProfileError"}), "see `verdi status`"),
    (frozenset({"ConfigurationError"}), "see `verdi profile list`, or make a profile with `verdi presto`"),
    (frozenset({"MultipleObjectsError"}), "give the pk, the UUID, or the full label of one of them"),
    (frozenset({"NotExistent"}), "see `verdi process list -a` or `verdi node show`"),
    (frozenset({"DaemonException", "DaemonNotRunningException"}), "see `verdi daemon status`"),
)
"""Names of exceptions of AiiDA, and what to do; the first that fits holds."""
