"""Closed sets of words."""

from __future__ import annotations

import pytest

from aiida_nnpgen.common.types import RunEnd


@pytest.mark.parametrize("end", RunEnd)
def test_run_end_is_a_failure_unless_completed_or_cut(end: RunEnd) -> None:
    """A run that was killed from outside tells nothing about its physics."""
    assert end.is_failure == (end not in {RunEnd.COMPLETED, RunEnd.INTERRUPTED})
