"""Conditions of dynamics."""

from __future__ import annotations

import pytest

from aiida_nnpgen.common.dynamics import Conditions
from aiida_nnpgen.common.types import Ensemble


@pytest.mark.parametrize(("steps", "stride", "frames"), [(10, 5, 11), (11, 5, 11), (4, 5, 1), (1, 1, 2)])
def test_dynamics_ends_with_a_frame_that_is_kept(steps: int, stride: int, frames: int) -> None:
    """Step 0 counts."""
    conditions = Conditions(ensemble=Ensemble.NVT, temperature=300.0, timestep=0.5, steps=steps, stride=stride)
    assert conditions.n_frames == frames
