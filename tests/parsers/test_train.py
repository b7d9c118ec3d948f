"""What training jobs leave."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiida import orm
from forged_graph import net, node

from aiida_nnpgen.models.deepmd.description import Description

FILES = ["model.json", "model.pb"]
RESULT = {"files": FILES, "version": "3.2", "cutoff": 4.5, "dtype": "float32", "steps": 20, "diverged": False}


@pytest.fixture
def inputs(aiida_profile: object) -> dict[str, orm.Data]:
    """Return the settings that the job had."""
    settings = {"architecture": "deepmd", "elements": ["H", "O"], "seed": 9, "parameters": {}}
    return {"settings": orm.Dict(settings)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return what a training leaves for parsing."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.pb").write_bytes(net())
    Description(version="3.2", elements=("H", "O"), steps=20, seed=9, model={}).write(tmp_path / "model")
    np.savez(tmp_path / "curve.npz", step=np.array([10.0, 20.0]), rmse=np.array([0.2, 0.1]))
    return tmp_path


def test_train_parser_makes_model_and_curve(
    parse: Callable[..., Any], inputs: dict[str, orm.Data], folder: Path
) -> None:
    """The model knows its files and facts, the curve its columns."""
    parsed = parse("nnpgen.train", inputs, folder, result=json.dumps(RESULT))
    assert parsed.status == 0
    potential = parsed.outputs["potential"]
    assert (potential.files, potential.elements, potential.cutoff) == (FILES, ["H", "O"], 4.5)
    names = ("architecture", "version", "seed", "dtype")
    assert [potential.base.attributes.get(name) for name in names] == ["deepmd", "3.2", 9, "float32"]
    np.testing.assert_array_equal(parsed.outputs["learning_curve"].get_array("rmse"), [0.2, 0.1])


def test_train_parser_refuses_a_diverged_model(
    parse: Callable[..., Any], inputs: dict[str, orm.Data], folder: Path
) -> None:
    """The curve is kept, to be looked at; the model is not."""
    parsed = parse("nnpgen.train", inputs, folder, result=json.dumps(RESULT | {"diverged": True}))
    assert parsed.status == 410
    assert "step 20" in parsed.message
    assert set(parsed.outputs) == {"learning_curve"}


def test_train_parser_refuses_a_harmful_model(
    parse: Callable[..., Any], inputs: dict[str, orm.Data], folder: Path
) -> None:
    """What a computer sends back is not believed more than an archive; the process does not fail over it."""
    (folder / "model" / "model.pb").write_bytes(net() + node("harm", "WriteFile"))
    parsed = parse("nnpgen.train", inputs, folder, result=json.dumps(RESULT))
    assert parsed.status == 310
    assert "`WriteFile`" in parsed.message
    assert "potential" not in parsed.outputs


def test_train_parser_tells_an_interrupted_job(
    parse: Callable[..., Any], inputs: dict[str, orm.Data], tmp_path: Path
) -> None:
    """A job that left nothing was cut."""
    parsed = parse("nnpgen.train", inputs, tmp_path)
    assert parsed.status == 400
    assert parsed.outputs == {}


def test_train_parser_refuses_a_model_that_has_not_seen_all(
    parse: Callable[..., Any], inputs: dict[str, orm.Data], folder: Path
) -> None:
    """A job that lost frames on the way has failed, whatever it says."""
    manifest = json.dumps({"train": [1] * 1100, "validation": []})
    all_taken = json.dumps({"train": [1] * 1100, "validation": []})
    assert parse("nnpgen.train", inputs, folder, manifest, result=json.dumps(RESULT), taken=all_taken).status == 0
    taken = json.dumps({"train": [1] * 1000, "validation": []})
    parsed = parse("nnpgen.train", inputs, folder, manifest, result=json.dumps(RESULT), taken=taken)
    assert parsed.status == 310
    assert "it took 1000 frames in 1000 sets of `train`, not the 1100" in parsed.message
    assert "potential" not in parsed.outputs


@pytest.mark.parametrize("name", ["../../curve.npz", "nnpgen.pyz", "/etc/passwd"])
def test_train_parser_takes_the_files_of_a_model_alone(
    parse: Callable[..., Any], inputs: dict[str, orm.Data], folder: Path, name: str
) -> None:
    """What a job says of its files is not believed, and no other file is read."""
    parsed = parse("nnpgen.train", inputs, folder, result=json.dumps(RESULT | {"files": ["model.pb", name]}))
    assert parsed.status == 310
    assert f"`{name}` is none of a `deepmd` model" in parsed.message
    assert "potential" not in parsed.outputs
