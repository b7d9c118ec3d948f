"""Ports of calculations that ask a whole committee."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from aiida import orm

from aiida_nnpgen.calculations.evaluate import EvaluateCalculation
from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.common.types import Split
from aiida_nnpgen.data import DatasetData, Origin, PotentialData


@pytest.mark.usefixtures("standin_backend")
@pytest.mark.parametrize(
    ("architectures", "percentile", "message"),
    [
        ([], 100.0, "a committee is needed"),
        (["deepmd", "checkpoints"], 100.0, "mixes architectures: checkpoints, deepmd"),
        (["deepmd"], 0.0, "not `0.0`"),
        (["deepmd"], 101.0, "not `101.0`"),
    ],
)
def test_committee_is_checked_before_launch(
    prepare: Callable[..., Any],
    python_code: orm.InstalledCode,
    generate_labelled: Callable[..., Frames],
    generate_potential: Callable[..., PotentialData],
    architectures: list[str],
    percentile: float,
    message: str,
) -> None:
    """No models, models that do not belong together, and impossible percentiles are named."""
    origin = Origin(iteration=0, reason="test", label=None, index=0, structure=None)
    shard = DatasetData([generate_labelled(1)], [Split.TRAIN], [origin])
    models = {f"m{index}": generate_potential(architecture=name) for index, name in enumerate(architectures)}
    inputs = {"datasets": {"a": shard}, "models": models, "percentile": orm.Float(percentile)}
    with pytest.raises(ValueError, match=message):
        prepare(EvaluateCalculation, code=python_code, **inputs)
