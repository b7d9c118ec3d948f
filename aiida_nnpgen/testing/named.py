"""What suites for things that have a name share."""

from __future__ import annotations

import pytest

__all__ = ["NamedSuite"]


class NamedSuite:
    """A suite for what is found by its name.

    :cvar NAME: registered name or import path ``module:attribute``.
    """

    NAME: str

    @pytest.fixture
    def name(self) -> str:
        """Return the name of what is tested."""
        return self.NAME
