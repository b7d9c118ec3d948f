"""What CP2K jobs leave, whole or cut."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiida import orm

from aiida_nnpgen.common.frames import Frames

NUMBERS = (2, 5, 11)


@pytest.fixture
def leave(fixtures: Path, tmp_path: Path) -> Callable[[str], Path]:
    """Return a function that gives a folder as a job leaves it."""
    return lambda name: shutil.copytree(fixtures / "cp2k" / name, tmp_path / name)


def batch(folder: Path) -> dict[str, orm.Data]:
    """Return the inputs of a batch by link label."""
    atoms = Frames.load(folder / "frames.npz").to_atoms()
    keys = [f"structures__frame_{number:04d}" for number in NUMBERS[: len(atoms)]]
    nodes = {key: orm.StructureData(ase=each) for key, each in zip(keys, atoms, strict=True)}
    return nodes | {"method": orm.Dict({"functional": "PBE"})}


def run(folder: Path, **changes: Any) -> dict[str, orm.Data]:
    """Return the inputs of a run of dynamics."""
    conditions = {"ensemble": "nvt", "temperature": 300.0, "timestep": 0.5, "steps": 4, "stride": 2} | changes
    [atoms] = Frames.load(folder / "frames.npz").to_atoms()
    return {"structure": orm.StructureData(ase=atoms), "conditions": orm.Dict({"conditions": conditions, "seed": 1})}


def test_cp2k_label_parser_gives_each_frame_its_key(parse: Callable[..., Any], leave: Callable[[str], Path]) -> None:
    """A finished job gives one row per structure, whose step is the number in its key."""
    folder = leave("batch")
    inputs = batch(folder)
    parsed = parse("nnpgen.cp2k_label", inputs, folder)
    assert parsed.status == 0
    labels = parsed.outputs["labels"]
    assert labels.get_stepids().tolist() == list(NUMBERS)
    assert labels.base.attributes.get("structure_link").format(11) in inputs
    assert parsed.outputs["failures"].get_dict() == {}
    for row, node in enumerate(node for node in inputs.values() if isinstance(node, orm.StructureData)):
        np.testing.assert_allclose(labels.get_positions()[row], node.get_ase().positions, atol=1e-12)


def test_cp2k_label_parser_names_the_frame_that_did_not_converge(
    parse: Callable[..., Any], leave: Callable[[str], Path]
) -> None:
    """The job went well, one frame did not: exit status 0 and a reason."""
    folder = leave("failed_not_converged")
    parsed = parse("nnpgen.cp2k_label", batch(folder), folder)
    assert parsed.status == 0
    assert parsed.outputs["labels"].get_stepids().tolist() == [2, 11]
    [(key, failure)] = parsed.outputs["failures"].get_dict().items()
    assert (key, failure["reason"]) == ("frame_0005", "not_converged")
    assert "kind: metal" in failure["detail"]
    assert orm.load_node(failure["process"]).process_class.__name__ == "Cp2kLabelCalculation"


def test_cp2k_label_parser_leaves_undone_what_the_time_limit_cut(
    parse: Callable[..., Any], leave: Callable[[str], Path]
) -> None:
    """Frames done are kept, the rest is in neither output, for the next job."""
    folder = leave("failed_walltime")
    parsed = parse("nnpgen.cp2k_label", batch(folder), folder)
    assert parsed.status == 400
    assert "the time was over" in parsed.message
    assert parsed.outputs["labels"].get_stepids().tolist() == [2, 5]
    assert parsed.outputs["failures"].get_dict() == {}


def test_cp2k_label_parser_tells_a_refused_input(parse: Callable[..., Any], leave: Callable[[str], Path]) -> None:
    """Another attempt would end the same way."""
    folder = leave("failed_input")
    parsed = parse("nnpgen.cp2k_label", batch(folder), folder)
    assert parsed.status == 310
    assert "unknown keyword ZZZZ" in parsed.message
    assert "labels" not in parsed.outputs


@pytest.mark.parametrize(("stderr", "status"), [("", 300), ("forrtl: Cannot allocate memory", 411)])
def test_cp2k_label_parser_of_nothing(
    parse: Callable[..., Any], leave: Callable[[str], Path], stderr: str, status: int
) -> None:
    """A job that was killed at once has no labels, and may be tried again."""
    folder = leave("batch")
    inputs = batch(folder)
    (folder / "cp2k.out").unlink()
    (folder / "stderr.txt").write_text(stderr)
    parsed = parse("nnpgen.cp2k_label", inputs, folder)
    assert parsed.status == status
    assert set(parsed.outputs) == {"failures"}


def test_cp2k_label_parser_with_cut_trajectories_did_no_frame(
    parse: Callable[..., Any], leave: Callable[[str], Path]
) -> None:
    """The standard output alone makes no label."""
    folder = leave("batch")
    (folder / "cp2k-frc-1.xyz").write_text("")
    parsed = parse("nnpgen.cp2k_label", batch(folder), folder)
    assert parsed.status == 300
    assert "labels" not in parsed.outputs


def test_cp2k_md_parser_makes_every_frame_a_label(parse: Callable[..., Any], leave: Callable[[str], Path]) -> None:
    """Steps, link and report are those of every run."""
    folder = leave("md")
    parsed = parse("nnpgen.cp2k_md", run(folder), folder)
    assert parsed.status == 0
    labels = parsed.outputs["labels"]
    assert labels.get_stepids().tolist() == [0, 2, 4]
    assert labels.base.attributes.get("structure_link") == "structure"
    report = parsed.outputs["report"]
    assert (report["end"], report["n_frames"], report["last_step"]) == ("completed", 3, 4)


@pytest.mark.parametrize(
    ("fixture", "changes", "status", "steps"),
    [
        ("failed_md_walltime", {"steps": 400}, 400, [0, 2, 4]),
        ("failed_md_not_converged", {}, 0, [2, 4]),
        ("md", {"max_temperature": 1000.0}, 420, [0]),
        ("md", {"max_temperature": 300.0001, "temperature": 300.0}, 420, [0]),
    ],
)
def test_cp2k_md_parser_keeps_the_good_part(
    parse: Callable[..., Any],
    leave: Callable[[str], Path],
    fixture: str,
    changes: dict[str, Any],
    status: int,
    steps: list[int],
) -> None:
    """Whatever ends a run, its labels are there."""
    folder = leave(fixture)
    parsed = parse("nnpgen.cp2k_md", run(folder, **changes), folder)
    assert parsed.status == status
    assert parsed.outputs["labels"].get_stepids().tolist() == steps


def test_cp2k_md_parser_without_a_label(parse: Callable[..., Any], leave: Callable[[str], Path]) -> None:
    """A run of which only one, unconverged step was written has a report and no label."""
    folder = leave("failed_md_not_converged")
    parsed = parse("nnpgen.cp2k_md", run(folder, stride=100, steps=4), folder)
    assert parsed.status == 430
    assert set(parsed.outputs) == {"report"}
    (folder / "cp2k.out").write_text("")
    parsed = parse("nnpgen.cp2k_md", run(folder), folder)
    assert parsed.status == 300
