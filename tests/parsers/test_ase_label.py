"""What labelling jobs leave, whole or cut."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiida import orm


def write_label(folder: Path, key: str, energy: float) -> None:
    """Write the label of one frame as the job does."""
    (folder / "labels").mkdir(exist_ok=True)
    forces = np.array([[energy, 0, 0], [-energy, 0, 0], [0, 0, 0]])
    np.savez(folder / "labels" / f"{key}.npz", energy=energy, forces=forces, stress=np.full(6, energy))


@pytest.fixture
def inputs(generate_structure: Callable[..., orm.StructureData]) -> dict[str, orm.Data]:
    """Return four structures."""
    return {f"structures__frame_{number:04d}": generate_structure(seed=number) for number in (1, 4, 5, 12)}


def test_ase_label_parser_orders_labels_by_key(
    parse: Callable[..., Any], inputs: dict[str, Any], tmp_path: Path
) -> None:
    """A finished job gives one row per structure, whose step is the number in its key."""
    for number in (12, 1, 5, 4):
        write_label(tmp_path, f"frame_{number:04d}", float(number))
    parsed = parse("nnpgen.ase_label", inputs, tmp_path, result='{"labelled": 4, "failed": 0}')
    assert parsed.status == 0
    labels = parsed.outputs["labels"]
    assert labels.get_stepids().tolist() == [1, 4, 5, 12]
    np.testing.assert_array_equal(labels.get_array("energies"), [1, 4, 5, 12])
    np.testing.assert_array_equal(labels.get_array("forces")[:, 0, 0], [1, 4, 5, 12])
    np.testing.assert_array_equal(labels.get_array("stresses")[:, 3], [1, 4, 5, 12])
    for row, number in enumerate((1, 4, 5, 12)):
        expected = inputs[f"structures__frame_{number:04d}"].get_ase().positions
        np.testing.assert_allclose(labels.get_positions()[row], expected, atol=1e-12)
    assert labels.base.attributes.get("structure_link").format(12) in inputs


def test_ase_label_parser_keeps_what_an_interrupted_job_finished(
    parse: Callable[..., Any], inputs: dict[str, Any], tmp_path: Path
) -> None:
    """Neither result nor error: the job was cut; its labels and failures count."""
    write_label(tmp_path, "frame_0004", 4.0)
    (tmp_path / "labels" / "frame_0005.part").write_bytes(b"PK half a file")
    (tmp_path / "failures").mkdir()
    (tmp_path / "failures" / "frame_0001.json").write_text(json.dumps({"reason": "calculator", "detail": "no"}))
    parsed = parse("nnpgen.ase_label", inputs, tmp_path)
    assert parsed.status == 400
    assert parsed.outputs["labels"].get_stepids().tolist() == [4]
    failure = parsed.outputs["failures"]["frame_0001"]
    assert (failure["reason"], failure["detail"]) == ("calculator", "no")
    assert orm.load_node(failure["process"]).process_class.__name__ == "AseLabelCalculation"


def test_ase_label_parser_without_labels_gives_no_empty_node(
    parse: Callable[..., Any], inputs: dict[str, Any], tmp_path: Path
) -> None:
    """A job cut before its first frame has no labels, and must not be taken from the cache by the next attempt."""
    parsed = parse("nnpgen.ase_label", inputs, tmp_path)
    assert parsed.status == 300
    assert "from outside" in parsed.message
    assert set(parsed.outputs) == {"failures"}
    assert parsed.outputs["failures"].get_dict() == {}


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        ({"type": "InputError", "message": "`a:B` cannot be loaded"}, 310, "`a:B` cannot be loaded"),
        ({"type": "MemoryError", "message": ""}, 411, "memory"),
    ],
)
def test_ase_label_parser_tells_errors_of_the_job(
    parse: Callable[..., Any], inputs: dict[str, Any], tmp_path: Path, error: dict[str, str], status: int, message: str
) -> None:
    """An error of the job is told from an interruption, and a lack of memory from other errors."""
    write_label(tmp_path, "frame_0004", 4.0)
    parsed = parse("nnpgen.ase_label", inputs, tmp_path, error=json.dumps(error))
    assert parsed.status == status
    assert message in parsed.message
