"""What is known at launch about the whole schedule."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiida import orm
from ase.build import bulk

from aiida_nnpgen.config.load import parse_config
from aiida_nnpgen.config.root import LoopSettings
from aiida_nnpgen.workchains.dry_pass import check_starts, check_validation_frames


@pytest.fixture
def text(fixtures: Path) -> str:
    """Return a configuration whose last iteration calibrates its window."""
    text = (fixtures / "loop" / "water.yaml").read_text()
    assert "perturb: {count: 6" in text
    assert "length: 20 fs, stride: 5}" in text
    return text


def loop(text: str, **window: Any) -> LoopSettings:
    """Return the science of a configuration with another window in each iteration."""
    values = parse_config(text, "x").loop().model_dump(mode="json")
    for entry in values["schedule"]:
        entry["screening"]["window"] = window or {"mode": "auto"}
    return LoopSettings.model_validate(values)


def starts(*sizes: int) -> dict[str, Any]:
    """Return crystals of so many atoms as inputs."""
    return {
        "structures": {
            f"s_{index}": orm.StructureData(ase=bulk("Cu").repeat((size, 1, 1))) for index, size in enumerate(sizes)
        }
    }


@pytest.mark.parametrize(
    ("change", "n_starts", "message"),
    [
        (("", ""), 1, None),
        (("validation_fraction: 0.2", "validation_fraction: 0.01"), 1, "`0.01` of 6 + 9 frames gives none"),
        (("validation_fraction: 0.2", "validation_fraction: 0.07"), 1, None),
        (("validation_fraction: 0.2", "validation_fraction: 0.05"), 1, "`0.05` of 6 + 9 frames gives none"),
        (("validation_fraction: 0.2", "validation_fraction: 0.05"), 2, None),
        (("perturb: {count: 6", "perturb: {count: 1"), 1, None),
    ],
)
def test_check_validation_frames_counts_the_first_dataset(
    text: str, change: tuple[str, str], n_starts: int, message: str | None
) -> None:
    """Shares are rounded in each shard: a small one may give none."""
    found = check_validation_frames(loop(text.replace(*change)), starts(*n_starts * [2]))
    if message is None:
        assert found is None
    else:
        assert found is not None
        assert found.startswith("schedule[0].screening.window.mode: `auto` needs a validation frame")
        assert message in found


def test_check_validation_frames_needs_none_elsewhere(text: str) -> None:
    """Fixed windows ask for no calibration, and what an import gives is not known."""
    small = text.replace("validation_fraction: 0.2", "validation_fraction: 0.01")
    assert check_validation_frames(loop(small, lo=0.1, hi=1.0), starts(2)) is None
    imported = small.replace("  perturb:", "  existing: [{name: a, path: a.xyz}]\n  perturb:", 1)
    assert check_validation_frames(loop(imported), starts(2)) is None


def test_check_validation_frames_counts_shards_of_an_earlier_run(text: str) -> None:
    """They are there, whatever the configuration says."""

    class Shard:
        def __init__(self, *split: int) -> None:
            self.split = np.array(split, dtype=np.int8)

    small = loop(text.replace("validation_fraction: 0.2", "validation_fraction: 0.01"))
    assert check_validation_frames(small, starts(2) | {"datasets": {"a": Shard(0, 0), "b": Shard(0, 1)}}) is None
    assert check_validation_frames(loop(text), starts(2) | {"datasets": {"a": Shard(0, 0)}}) is not None


@pytest.mark.parametrize(("sizes", "message"), [((2, 3), None), ((2, 1), "`structures.s_1` has one atom")])
def test_check_starts_refuses_an_atom_alone(text: str, sizes: tuple[int, ...], message: str | None) -> None:
    """It feels no force, and has no temperature once its drift is taken away."""
    found = check_starts(loop(text), starts(*sizes))
    assert found is None if message is None else message in str(found)
