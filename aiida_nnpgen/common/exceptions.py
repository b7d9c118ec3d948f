"""Errors that every layer of the package may raise."""

from __future__ import annotations

__all__ = ["InputError", "NnpgenError", "OutputError", "UnphysicalError"]


class NnpgenError(Exception):
    """Base of all errors of this package."""


class InputError(NnpgenError, ValueError):
    """An input value is wrong; the message names the value and its place."""


class OutputError(NnpgenError):
    """A file that a code wrote is missing, truncated or not what it should be."""


class UnphysicalError(OutputError):
    """A result is complete but cannot be right: not finite, all zero, or not converged."""
