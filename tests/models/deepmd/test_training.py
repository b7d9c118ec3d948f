"""When a training has failed, by its numbers."""

from __future__ import annotations

import numpy as np
import pytest

from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.models.deepmd.training import has_diverged

FRAME = Frames(
    numbers=[1],
    positions=np.zeros((1, 1, 3)),
    cells=[np.eye(3)],
    energies=[0.0],
    forces=[[[1.0, 1.0, 1.0]]],
)


def judge(energy: float = 0.01, force: float = 0.1, predicted: float = 1.0) -> bool:
    """Judge a curve with the given last errors and a predicted force, for labels of 1 eV/Å."""
    curve = {"rmse_energy_train": np.array([1.0, energy]), "rmse_force_train": np.array([1.0, force])}
    prediction = Frames(**{**vars(FRAME), "forces": np.full((1, 1, 3), predicted)})
    return has_diverged(curve, prediction, [FRAME])


def test_has_diverged_accepts_training_that_held() -> None:
    """Small errors and a finite prediction are a model."""
    assert not judge()


@pytest.mark.parametrize(
    "errors",
    [{"force": np.nan}, {"energy": np.inf}, {"predicted": np.nan}, {"force": 11.0}, {"energy": 11.0}],
    ids=["nan error", "infinite error", "nan prediction", "hopeless force", "hopeless energy"],
)
def test_has_diverged_recognises_failure(errors: dict[str, float]) -> None:
    """Each sign alone is enough."""
    assert judge(**errors)
