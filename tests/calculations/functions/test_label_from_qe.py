"""From what a job of pw.x leaves to labels; the files are of real runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiida import orm
from aiida.common.links import LinkType
from aiida.engine import ExitCode
from aiida.plugins import ParserFactory
from ase import Atoms

from aiida_nnpgen.calculations.functions.label_from_qe import label_from_qe
from aiida_nnpgen.calculations.functions.prepare_qe import prepare_qe
from aiida_nnpgen.common.units import GPA, HARTREE
from aiida_nnpgen.data.lineage import CALCULATED

STDOUT, XML = "aiida.out", "data-file-schema.xml"
CELL = [[5.0, 0.0, 0.0], [0.3, 5.2, 0.0], [0.1, 0.2, 5.5]]
ENERGY = -32.48192103 * HARTREE / 2
"""Energy of the single point in eV, as printed."""

Left = dict[str, Any]


@pytest.fixture
def water() -> orm.StructureData:
    """Return what was computed."""
    positions = [[2.0, 2.0, 2.0], [2.96, 2.0, 2.0], [1.76, 2.93, 2.0]]
    return orm.StructureData(ase=Atoms("OH2", positions=positions, cell=CELL, pbc=True)).store()


@pytest.fixture
def left(python_code: orm.InstalledCode, fixtures: Path, water: orm.StructureData) -> Callable[..., Left]:
    """Return a function that parses a folder of pw.x, with some files changed, as the plugin does it.

    A scheduler status is what AiiDA knows before parsing.
    """
    pytest.importorskip("aiida_quantumespresso")
    mesh = orm.KpointsData()
    mesh.set_kpoints_mesh([1, 1, 1])
    mesh.store()

    def parse(name: str, scheduler: int | None = None, **changed: bytes | None) -> Left:
        kind = "md" if name.startswith("md") else "scf"
        parameters = orm.Dict({"CONTROL": {"calculation": kind}, "SYSTEM": {}, "ELECTRONS": {}}).store()
        node = orm.CalcJobNode(computer=python_code.computer, process_type="aiida.calculations:quantumespresso.pw")
        node.set_option("output_filename", STDOUT)
        for label, data in {"structure": water, "parameters": parameters, "kpoints": mesh}.items():
            node.base.links.add_incoming(data, LinkType.INPUT_CALC, label)
        node.store()
        if scheduler is not None:
            node.set_exit_status(scheduler)
        contents = {path.name: path.read_bytes() for path in (fixtures / "qe" / name).iterdir()}
        retrieved = orm.FolderData()
        for file, content in (
            contents | {STDOUT if key == "stdout" else XML: new for key, new in changed.items()}
        ).items():
            if content is not None:
                retrieved.base.repository.put_object_from_bytes(content, file)
        retrieved.base.links.add_incoming(node, LinkType.CREATE, "retrieved")
        retrieved.store()
        parser = ParserFactory("quantumespresso.pw")(node)
        code = parser.parse() or ExitCode(0)
        facts = {"process": node.uuid, "exit_status": code.status, "exit_message": code.message}
        return {
            "facts": orm.Dict(facts),
            "method": orm.Dict({"functional": "PBE", "cutoff": 20.0}),
            CALCULATED: retrieved,
        }

    return parse


def test_label_is_made_of_a_good_run(left: Callable[..., Left], water: orm.StructureData) -> None:
    """Units, sign of the stress, number of the frame, and the link of its structure."""
    made = label_from_qe(**left("scf"), frame_0007=water)
    assert set(made) == {"labels"}
    node = made["labels"]
    assert node.get_stepids().tolist() == [7]
    assert node.base.attributes.get("structure_link").format(7) == "frame_0007"
    assert node.get_array("energies")[0] == pytest.approx(ENERGY, abs=2e-7)
    np.testing.assert_allclose(
        node.get_array("stresses")[0] / GPA, [22.99, 24.57, 30.19, -0.35, -0.32, 1.18], atol=0.01
    )
    np.testing.assert_array_equal(node.get_positions()[0], water.get_ase().positions)
    assert node.creator.inputs.frame_0007.uuid == water.uuid
    assert node.creator.inputs[CALCULATED].creator.uuid
    assert node.creator.inputs.method["functional"] == "PBE"


@pytest.mark.parametrize(
    ("name", "reason", "words"),
    [
        ("not_converged", "not_converged", "self-consistency"),
        ("out_of_time", "out_of_limits", "walltime"),
        ("overlap", "calculator", "atoms # 1 and # 2 overlap!"),
    ],
)
def test_failure_has_a_reason(
    left: Callable[..., Left], water: orm.StructureData, name: str, reason: str, words: str
) -> None:
    """Real runs that gave no label."""
    state = left(name)
    failure = label_from_qe(**state, frame_0000=water)["failures"].get_dict()["frame_0000"]
    assert failure["reason"] == reason
    assert words in failure["detail"]
    assert failure["process"] == state["facts"]["process"]


@pytest.mark.parametrize(("scheduler", "reason"), [(110, "out_of_limits"), (120, "out_of_limits"), (140, "no_output")])
def test_scheduler_says_why_a_job_was_killed(
    left: Callable[..., Left], water: orm.StructureData, scheduler: int, reason: str
) -> None:
    """Out of memory and out of time would come again; a broken node is worth another attempt."""
    state = left("scf", scheduler, stdout=b"Program PWSCF starts\n", xml=None)
    failure = label_from_qe(**state, frame_0000=water)["failures"].get_dict()["frame_0000"]
    assert failure["reason"] == reason


def test_run_that_left_nothing_is_worth_another_attempt(left: Callable[..., Left], water: orm.StructureData) -> None:
    """No file at all: it was killed before it began."""
    failure = label_from_qe(**left("scf", stdout=None, xml=None), frame_0000=water)["failures"].get_dict()["frame_0000"]
    assert failure["reason"] == "no_output"


def test_good_exit_without_convergence_is_no_label(left: Callable[..., Left], water: orm.StructureData) -> None:
    """The flag in the output counts, whatever the exit code."""
    state = left("not_converged")
    state["facts"] = orm.Dict(state["facts"].get_dict() | {"exit_status": 0, "exit_message": None})
    failure = label_from_qe(**state, frame_0000=water)["failures"].get_dict()["frame_0000"]
    assert failure["reason"] == "not_converged"


@pytest.mark.parametrize("occupations", ["fixed", "smearing"])
def test_fixed_occupations_are_suspected_where_nothing_converges(
    left: Callable[..., Left], water: orm.StructureData, occupations: str
) -> None:
    """The way out is in the detail, and not where levels are smeared already."""
    system = {"occupations": occupations, "smearing": "cold", "degauss": 0.02}
    state = left("not_converged") | {"method": orm.Dict({"functional": "PBE", "parameters": {"SYSTEM": system}})}
    failure = label_from_qe(**state, frame_0000=water)["failures"].get_dict()["frame_0000"]
    assert ("kind: metal" in failure["detail"]) == (occupations == "fixed")


def conditions(steps: int, stride: int = 1) -> orm.Dict:
    """Return conditions as the plan of the phase gives them."""
    values = {"ensemble": "nvt", "temperature": 300.0, "timestep": 0.5, "steps": steps, "stride": stride}
    return orm.Dict({"structure": "water", "conditions": values | {"thermostat": "csvr"}, "seed": 1})


def joined(first: Left, second: Left) -> Left:
    """Return what is known after the second of two jobs."""
    return second | {"run_00": first[CALCULATED]}


def test_dynamics_joins_its_jobs(left: Callable[..., Left], water: orm.StructureData) -> None:
    """Frames of both, at the stride, each with its job; the last step of the run counts."""
    first, second = left("md_first"), left("md_second")
    made = label_from_qe(**joined(first, second), conditions=conditions(3, stride=3), structure=water)
    node, report = made["labels"], made["report"].get_dict()
    assert (report["end"], report["n_frames"], report["last_step"]) == ("completed", 2, 3)
    assert node.get_stepids().tolist() == [0, 3]
    assert node.base.attributes.get("structure_link") == "structure"
    assert node.get_array("run").tolist() == [0, 1]
    assert node.get_array("energies")[0] == pytest.approx(ENERGY, abs=2e-7)
    assert node.get_array("energies")[1] == pytest.approx(-32.49909478 * HARTREE / 2, abs=2e-7)


def test_dynamics_that_is_not_done_keeps_its_frames(left: Callable[..., Left], water: orm.StructureData) -> None:
    """More steps were wanted: the run counts as interrupted."""
    state = joined(left("md_first"), left("md_second"))
    made = label_from_qe(**state, conditions=conditions(9), structure=water)
    assert made["report"]["end"] == "interrupted"
    assert len(made["labels"].get_stepids()) == 4


def test_dynamics_that_does_not_converge_says_so(left: Callable[..., Left], water: orm.StructureData) -> None:
    """pw.x ends well, and the plugin says nothing: the frame before is good, and the report has the reason."""
    state = left("md_not_converged")
    assert state["facts"]["exit_status"] == 0
    made = label_from_qe(**state, conditions=conditions(3), structure=water)
    report = made["report"].get_dict()
    assert (report["end"], report["n_frames"], report["failure_time"]) == ("unphysical", 1, 0.5)
    assert "step 1 does not converge" in report["message"]


def test_dynamics_of_another_structure_is_refused(left: Callable[..., Left], water: orm.StructureData) -> None:
    """Positions are followed from the structure on."""
    state = left("md_second")
    made = label_from_qe(**state, conditions=conditions(2), structure=water)
    assert set(made) == {"report"}
    assert made["report"]["n_frames"] == 0


def damaged(stdout: bytes, xml: bytes) -> Iterator[dict[str, bytes | None]]:
    """Yield the two files, truncated at some places, with flipped bytes, empty, absent, or of another code."""
    for key, content in (("stdout", stdout), ("xml", xml)):
        lines = content.splitlines(keepends=True)
        for end in range(0, len(lines), len(lines) // 12):
            yield {key: b"".join(lines[:end])}
        generator = np.random.default_rng(3)
        for _ in range(12):
            flipped = bytearray(content)
            for place in generator.integers(len(flipped), size=20):
                flipped[place] = int(generator.integers(32, 127))
            yield {key: bytes(flipped)}
        yield {key: None}
        yield {key: b" PROGRAM CPMD STARTED AT: today\n ****\n"}


@pytest.mark.slow
def test_damaged_files_never_make_a_wrong_label(
    left: Callable[..., Left], water: orm.StructureData, fixtures: Path
) -> None:
    """Whatever becomes of a file: the right label, or a reason."""
    stdout, xml = ((fixtures / "qe" / "scf" / name).read_bytes() for name in (STDOUT, XML))
    good = label_from_qe(**left("scf"), frame_0000=water)["labels"]
    outcomes = []
    for change in damaged(stdout, xml):
        made = label_from_qe.__wrapped__(**left("scf", **change), frame_0000=water)
        outcomes.append(set(made))
        for name in ("energies", "forces", "stresses") if "labels" in made else ():
            np.testing.assert_allclose(made["labels"].get_array(name), good.get_array(name), rtol=0, atol=1e-5)
    assert {"failures"} in outcomes
    assert {"labels"} in outcomes


def test_preparation_tells_first_and_later_jobs_apart(water: orm.StructureData) -> None:
    """Velocities in the first one; the others are asked for what is missing."""
    method = orm.Dict({"functional": "PBE", "cutoff": 30.0})
    first = prepare_qe(method, water, conditions(6, stride=3), orm.Int(0))
    later = prepare_qe(method, water, conditions(6, stride=3), orm.Int(2))
    assert np.shape(first["settings"]["atomic_velocities"]) == (3, 3)
    assert first["parameters"]["CONTROL"]["nstep"] == 1
    assert later["parameters"]["CONTROL"]["nstep"] == 5
    assert later["settings"].get_dict() == {"gamma_only": True}


def test_preparation_of_a_single_point_has_its_mesh(water: orm.StructureData) -> None:
    """As the spacing wants it in this cell."""
    made = prepare_qe(orm.Dict({"functional": "PBE", "cutoff": 30.0, "kpoints_spacing": 0.8}), water)
    assert made["kpoints"].get_kpoints_mesh() == ([2, 2, 2], [0.0, 0.0, 0.0])
    assert made["settings"].get_dict() == {}
    assert made["parameters"]["CONTROL"]["calculation"] == "scf"


def test_full_disk_is_the_reason(left: Callable[..., Left], water: orm.StructureData) -> None:
    """What pw.x says as it stops for want of room is told as such, and the frame may come again."""
    state = left("scf", stdout=b"     Program PWSCF v.6.7\nforrtl: No space left on device\n")
    failure = label_from_qe(**state, frame_0007=water)["failures"]["frame_0007"]
    assert failure["reason"] == "no_output"
    assert failure["detail"] == "there was no room on the disk: forrtl: No space left on device"
