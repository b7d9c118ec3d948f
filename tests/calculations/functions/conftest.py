"""What tests of plans share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from aiida import orm

from aiida_nnpgen.config.load import load_config


@pytest.fixture
def config(aiida_profile: object, fixtures: Path) -> orm.Dict:
    """Return the configuration of the tiny loop, as the loop stores it."""
    values: dict[str, Any] = load_config(fixtures / "loop" / "water.yaml").loop().model_dump(mode="json")
    values["training"]["elements"] = ["H", "O"]
    return orm.Dict(values)
