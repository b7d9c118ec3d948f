"""Say in one line what an error of AiiDA means for the user."""

from __future__ import annotations

import sys

from ..common.exceptions import NnpgenError

__all__ = ["describe_error"]


def describe_error(exception: Exception) -> str | None:
    """Return a message in place of the traceback; None for what nobody foresaw, which keeps its traceback.

    Not to load AiiDA for commands that do without, its errors are looked for only where it is loaded already.
    """
    if isinstance(exception, NnpgenError):
        return str(exception)
    advice = _advice(exception) if "aiida" in sys.modules else None
    return None if advice is None else f"{' '.join(str(exception).split())} ({advice})"


def _advice(exception: Exception) -> str | None:
    from aiida.common import exceptions
    from sqlalchemy.exc import OperationalError

    known: dict[type[Exception], str] = {
        exceptions.MissingConfigurationError: "create a profile with `verdi presto`",
        exceptions.ProfileConfigurationError: "see `verdi profile list`",
        exceptions.IncompatibleDatabaseSchema: "bring the storage up to date with `verdi storage migrate`",
        exceptions.UnreachableStorage: "see `verdi status`",
        exceptions.CorruptStorage: "see `verdi status`",
        exceptions.LockedProfileError: "another process works on the storage: wait until it has ended",
        exceptions.ConfigurationError: "see `verdi status`",
        exceptions.MultipleObjectsError: "give the pk, the UUID or, of a code, `label@computer`",
        exceptions.NotExistent: "see `verdi node show`, `verdi code list` and `verdi computer list`",
        exceptions.EntryPointError: "is the package that brings it installed?",
        OperationalError: "the storage of the profile cannot be used: see `verdi status`",
        ConnectionError: "a service such as the broker cannot be reached: see `verdi status`",
    }
    return next((advice for kind, advice in known.items() if isinstance(exception, kind)), None)
