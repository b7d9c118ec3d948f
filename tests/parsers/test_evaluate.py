"""What evaluations leave."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiida import orm

from aiida_nnpgen.data import PotentialData
from aiida_nnpgen.jobs.evaluate import COLUMNS


@pytest.mark.parametrize(("count", "status"), [(0, 0), (2, 421)])
def test_evaluate_parser_refuses_models_that_predict_no_number(
    parse: Callable[..., Any],
    generate_potential: Callable[..., PotentialData],
    tmp_path: Path,
    count: int,
    status: int,
) -> None:
    """The errors are kept, to be looked at; the message names the model and the number of frames."""
    columns = {name: np.zeros(3, dtype=np.int64 if kind == "i" else float) for name, kind in COLUMNS.items()}
    np.savez(tmp_path / "evaluation.npz", **columns)
    unknown = {"mae": None, "rmse": None}
    errors = {**dict.fromkeys(("energy", "energy_after_offsets", "forces"), unknown), "stress": None}
    errors["forces_by_element"] = {"H": unknown}
    models = [errors | {"not_finite": 0}, errors | {"not_finite": count}]
    result = json.dumps({"frames": 3, "models": models, "committee": errors | {"not_finite": count}})
    inputs: dict[str, orm.Data] = {f"models__model_{index}": generate_potential(("H",), seed=index) for index in (0, 1)}
    parsed = parse("nnpgen.evaluate", inputs, tmp_path, result=result)
    assert parsed.status == status
    assert set(parsed.outputs) == {"errors", "arrays"}
    if status:
        assert "`model_1` for 2 of 3 frames" in parsed.message
