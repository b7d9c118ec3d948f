"""Outputs of real CPMD runs, through the parser."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiida import orm

from aiida_nnpgen.data.trajectory import trajectory_to_frames
from aiida_nnpgen.dft.code import Effort
from aiida_nnpgen.dft.cpmd import read_md, read_single_point
from aiida_nnpgen.dft.cpmd.code import CPMD


@pytest.fixture
def sample(fixtures: Path, tmp_path: Path, parse: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that parses a real run; ``change`` may damage its folder before."""

    def run(
        name: str,
        change: Callable[[Path], object] | None = None,
        conditions: dict[str, int] | None = None,
        done: int | None = None,
    ) -> Any:
        kept = "single_point_pg" if name == "failed_not_converged" else name
        read = read_md if conditions else read_single_point
        atoms = read(fixtures / "cpmd" / kept).without_labels().to_atoms()[0]
        folder = shutil.copytree(fixtures / "cpmd" / name, tmp_path / name)
        if change:
            change(folder)
        inputs: dict[str, orm.Data] = {
            "structure": orm.StructureData(ase=atoms),
            "method": orm.Dict(CPMD.method(Effort.FAST).to_dict()),
        }
        if conditions:
            inputs["conditions"] = orm.Dict({"conditions": conditions, "seed": 1})
        if done is not None:
            inputs["steps_done"] = orm.Int(done)
        return parse("nnpgen.cpmd", inputs, folder)

    return run


def cut(line: str) -> Callable[[Path], object]:
    """Return what ends the output before the last appearance of a line."""

    def change(folder: Path) -> None:
        text = (folder / "cpmd.out").read_text()
        (folder / "cpmd.out").write_text(text[: text.rindex(line)])

    return change


@pytest.mark.parametrize("name", ["single_point_pg", "single_point_h2o"])
def test_cpmd_parser_gives_the_label_of_a_single_point(sample: Callable[..., Any], fixtures: Path, name: str) -> None:
    """The node holds what the reader reads."""
    parsed = sample(name)
    assert parsed.status in (None, 0), parsed.message
    frames, good = trajectory_to_frames(parsed.outputs["labels"]), read_single_point(fixtures / "cpmd" / name)
    for array in ("numbers", "positions", "energies", "forces", "stresses"):
        np.testing.assert_array_equal(getattr(frames, array), getattr(good, array))
    assert parsed.outputs["labels"].base.attributes.get("structure_link") == "structure"
    assert parsed.outputs["report"]["reason"] is None


def test_cpmd_parser_gives_the_frames_of_a_dynamics(sample: Callable[..., Any], fixtures: Path) -> None:
    """Each frame is a label under its time step, its stress without the kinetic part."""
    parsed = sample("md_pg", conditions={"steps": 4})
    assert parsed.status in (None, 0), parsed.message
    labels = parsed.outputs["labels"]
    assert labels.get_stepids().tolist() == [1, 2, 3, 4]
    np.testing.assert_array_equal(labels.get_array("stresses"), read_md(fixtures / "cpmd" / "md_pg").stresses)


def test_cpmd_parser_reads_a_folder_in_which_a_restart_appended(sample: Callable[..., Any]) -> None:
    """No step is there twice."""
    parsed = sample("md_restart_pg", conditions={"steps": 7})
    assert parsed.status in (None, 0), parsed.message
    assert parsed.outputs["labels"].get_stepids().tolist() == [1, 2, 3, 4, 5, 6, 7]


def test_cpmd_parser_refuses_what_has_not_converged(sample: Callable[..., Any]) -> None:
    """Exit status 0, a normal end and zero forces are no label."""
    parsed = sample("failed_not_converged")
    assert parsed.status == 430
    assert "labels" not in parsed.outputs
    assert parsed.outputs["report"]["reason"] == "not_converged"


@pytest.mark.parametrize(
    ("change", "status", "reason"),
    [
        (cut("PROGRAM CPMD ENDED"), 400, "no_output"),
        (lambda folder: (folder / "cpmd.out").write_text(""), 400, "no_output"),
        (lambda folder: (folder / "GEOMETRY").unlink(), 300, "no_output"),
        (lambda folder: (folder / "LocalError-0-0-0.log").write_text("NO SUCH FILE\n"), 310, "calculator"),
        (lambda folder: (folder / "stderr.txt").write_text("oom-kill\n"), None, None),
        (lambda folder: (cut("GEMAX")(folder), (folder / "stderr.txt").write_text("oom-kill\n")), 411, "out_of_limits"),
    ],
)
def test_cpmd_parser_has_an_exit_code_for_each_end(
    sample: Callable[..., Any], change: Callable[[Path], object], status: int | None, reason: str | None
) -> None:
    """Cut, damaged, refused, out of memory: never a label, always a reason."""
    parsed = sample("single_point_pg", change)
    assert (parsed.status or None) == status, parsed.message
    assert ("labels" in parsed.outputs) == (status is None)
    assert parsed.outputs["report"]["reason"] == reason


def test_cpmd_parser_keeps_the_frames_of_a_dynamics_that_was_cut(sample: Callable[..., Any]) -> None:
    """What was finished is kept, and the step from which to go on."""

    def change(folder: Path) -> None:
        (folder / "LATEST").write_text("./RESTART.1\n")

    parsed = sample("md_pg", change, conditions={"steps": 50})
    assert parsed.status == 400
    assert parsed.outputs["labels"].get_stepids().tolist() == [1, 2, 3, 4]
    assert parsed.outputs["report"]["restart_step"] == 4
