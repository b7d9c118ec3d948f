"""A back end of springs, and frames that it can be judged by."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from aiida_nnpgen.common.frames import Frames


@pytest.fixture
def spring_backend(monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the import path of the stand-in back end."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "standins"))
    return "spring_model:BACKEND"


@pytest.fixture
def spring_frames() -> Callable[..., Frames]:
    """Return a factory of frames with labels of a spring of stiffness 1 eV/Å²."""

    def generate(n_frames: int, n_atoms: int = 2, seed: int = 0) -> Frames:
        positions = np.random.default_rng(seed).normal(size=(n_frames, n_atoms, 3))
        return Frames(
            numbers=np.ones(n_atoms),
            positions=positions,
            cells=np.tile(10 * np.eye(3), (n_frames, 1, 1)),
            energies=0.5 * (positions**2).sum(axis=(1, 2)),
            forces=-positions,
        )

    return generate
