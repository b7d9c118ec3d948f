"""From what VASP leaves to labels, and from a method to what aiida-vasp takes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
import pytest
from aiida import orm
from aiida.common.links import LinkType
from ase import Atoms
from ase.calculators.emt import EMT

from aiida_nnpgen.calculations.functions.label_from_vasp import label_from_vasp
from aiida_nnpgen.calculations.functions.prepare_vasp import prepare_vasp
from aiida_nnpgen.data.lineage import CALCULATED, label_process, label_processes

pytest.importorskip("aiida_vasp")

STANDIN = Path(__file__).parents[2] / "standins" / "vasp.py"
METHOD = {"functional": "BLYP", "dispersion": "d3", "cutoff": 30.0, "parameters": {"EDIFF": 1e-6, "NELM": 20}}

Left = dict[str, Any]


@pytest.fixture
def water() -> orm.StructureData:
    """Return what is computed: hydrogen comes first, and the cell is triclinic."""
    cell = [[5.0, 0.0, 0.0], [0.3, 5.2, 0.0], [0.1, 0.2, 5.5]]
    positions = [[2.96, 2.0, 2.0], [2.0, 2.0, 2.0], [1.76, 2.93, 2.0]]
    return orm.StructureData(ase=Atoms("HOH", positions=positions, cell=cell, pbc=True)).store()


def conditions(steps: int, stride: int = 1, thermostat: str = "csvr") -> orm.Dict:
    """Return conditions as the plan of the phase gives them."""
    values = {"ensemble": "nvt", "temperature": 300.0, "timestep": 0.5, "steps": steps, "stride": stride}
    return orm.Dict({"structure": "water", "conditions": values | {"thermostat": thermostat}, "seed": 5})


def incar(prepared: dict[str, Any]) -> str:
    """Return INCAR as aiida-vasp writes it."""
    from aiida_vasp.parsers.content_parsers.incar import IncarParser

    parser = IncarParser(data=orm.Dict(prepared["parameters"]["incar"]), validate_tags=False)
    return str(parser._content_data_to_content_parser().get_string())


@pytest.fixture
def left(python_code: orm.InstalledCode, water: orm.StructureData, tmp_path: Path) -> Callable[..., Left]:
    """Return a function that runs the stand-in on what was prepared, and leaves its files like a job does."""

    def leave(
        *prepared_for: orm.Dict, files: dict[str, bytes | None] | None = None, status: int = 0, **trouble: Any
    ) -> Left:
        prepared = prepare_vasp.__wrapped__(orm.Dict(METHOD), water, *prepared_for)
        folder = tmp_path / f"run_{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        ase.io.write(folder / "POSCAR", prepared["structure"].get_ase(), format="vasp", direct=False)
        (folder / "KPOINTS").write_text("mesh\n0\nGamma\n1 1 1\n")
        (folder / "INCAR").write_text(incar(prepared))
        (folder / "POTCAR").write_text("VRHFIN =H: ZVAL = 1.0\nVRHFIN =O: ZVAL = 6.0\n")
        if len(prepared_for) > 1:
            [last] = [path for path in tmp_path.iterdir() if path.name == "run_0"]
            shutil.copy(last / "CONTCAR", folder / "POSCAR")
        (folder / "trouble.json").write_text(json.dumps(trouble))
        environment = os.environ | {"STANDIN_TROUBLE": str(folder / "trouble.json")}
        done = subprocess.run([sys.executable, STANDIN], cwd=folder, env=environment, capture_output=True, check=False)
        contents = {name: folder / name for name in ("vasprun.xml", "OUTCAR")}
        found: dict[str, bytes | None] = {n: path.read_bytes() for n, path in contents.items() if path.exists()}
        found["vasp_output"] = done.stdout
        node = orm.CalcJobNode(computer=python_code.computer, process_type="aiida.calculations:vasp.vasp").store()
        retrieved = orm.FolderData()
        for name, content in (found | (files or {})).items():
            if content is not None:
                retrieved.base.repository.put_object_from_bytes(content, name)
        retrieved.base.links.add_incoming(node, LinkType.CREATE, "retrieved")
        retrieved.store()
        facts = {"process": node.uuid, "exit_status": status, "exit_message": f"status {status}"}
        return {"facts": orm.Dict(facts), "method": orm.Dict(METHOD), CALCULATED: retrieved}

    return leave


def test_label_is_made_of_a_good_run(left: Callable[..., Left], water: orm.StructureData) -> None:
    """One frame, in the order of the structure, with the number of its key; lineage leads to the job."""
    state = left()
    made = label_from_vasp(**state, frame_0007=water)
    assert set(made) == {"labels"}
    node, atoms = made["labels"], water.get_ase()
    atoms.calc = EMT()
    assert node.get_stepids().tolist() == [7]
    assert node.base.attributes.get("structure_link").format(7) == "frame_0007"
    assert node.get_array("energies")[0] == pytest.approx(atoms.get_potential_energy(), abs=1e-7)
    np.testing.assert_allclose(node.get_array("forces")[0], atoms.get_forces(), atol=1e-7)
    np.testing.assert_allclose(node.get_array("stresses")[0], atoms.get_stress(), atol=1e-7)
    np.testing.assert_array_equal(node.get_positions()[0], atoms.positions)
    assert label_process(node).uuid == state["facts"]["process"]
    assert node.creator.inputs.method["functional"] == "BLYP"


@pytest.mark.parametrize(
    ("trouble", "status", "reason", "words"),
    [
        ({"iterations": {"*": 99}}, 701, "not_converged", "20 electronic iterations"),
        ({"kill": {"1": 0}}, 700, "no_output", "`0` configurations"),
        ({"kill": {"1": 0}}, 120, "out_of_limits", "status 120"),
        ({"kill": {"1": 0}}, 110, "out_of_limits", "status 110"),
        ({"cut": {"1": "vasprun.xml"}}, 700, "no_output", "`0` configurations"),
        ({"lose": {"1": "OUTCAR"}}, 352, "no_output", "VASP left no `OUTCAR`"),
        ({"error": {"1": "Error reading item NCORE from file INCAR."}}, 352, "calculator", "Error reading item NCORE"),
    ],
)
def test_failure_has_a_reason(
    left: Callable[..., Left],
    water: orm.StructureData,
    trouble: dict[str, Any],
    status: int,
    reason: str,
    words: str,
) -> None:
    """Not converged, killed, out of time or memory, cut, lost, and refused by VASP itself."""
    state = left(status=status, **trouble)
    failure = label_from_vasp(**state, frame_0000=water)["failures"].get_dict()["frame_0000"]
    assert failure["reason"] == reason
    assert words in failure["detail"]
    assert failure["process"] == state["facts"]["process"]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (b"slurmstepd: error: *** JOB 7 ON n1 CANCELLED AT 2026-11-24T01:00:00 DUE TO TIME LIMIT ***", "TIME LIMIT"),
        (b"slurmstepd: error: Detected 1 oom-kill event(s) in StepId=7.batch.", "oom-kill"),
    ],
)
def test_scheduler_is_heard(left: Callable[..., Left], water: orm.StructureData, said: bytes, words: str) -> None:
    """aiida-vasp's exit code for a cut file hides that of the scheduler; it would be cut again."""
    state = left(kill={"1": 0}, status=700, files={"_scheduler-stderr.txt": b"module loaded\n" + said})
    failure = label_from_vasp(**state, frame_0000=water)["failures"].get_dict()["frame_0000"]
    assert failure["reason"] == "out_of_limits"
    assert words in failure["detail"]


def test_run_that_left_nothing_is_worth_another_attempt(left: Callable[..., Left], water: orm.StructureData) -> None:
    """No files at all: it was killed before it began."""
    state = left()
    state.pop(CALCULATED)
    failure = label_from_vasp(**state, frame_0000=water)["failures"].get_dict()["frame_0000"]
    assert failure["reason"] == "no_output"


def test_good_exit_without_convergence_is_no_label(left: Callable[..., Left], water: orm.StructureData) -> None:
    """The files count, whatever the exit code."""
    failure = label_from_vasp(**left(iterations={"*": 99}), frame_0000=water)["failures"].get_dict()["frame_0000"]
    assert failure["reason"] == "not_converged"


def test_dynamics_is_kept_at_its_stride(left: Callable[..., Left], water: orm.StructureData) -> None:
    """Every second of five configurations, less one that did not converge."""
    wanted = conditions(4, stride=2)
    made = label_from_vasp(**left(wanted, unconverged={"1": [1, 2]}), conditions=wanted, structure=water)
    node, report = made["labels"], made["report"].get_dict()
    assert (report["end"], report["n_frames"], report["n_left_out"], report["last_step"]) == ("completed", 2, 1, 4)
    assert "left out: 1 not_converged" in report["message"]
    assert node.get_stepids().tolist() == [0, 4]
    assert node.base.attributes.get("structure_link") == "structure"
    np.testing.assert_array_equal(node.get_positions()[0], water.get_ase().positions)


def test_dynamics_joins_its_jobs(left: Callable[..., Left], water: orm.StructureData) -> None:
    """Killed after three configurations, and gone on from CONTCAR; each frame has its job."""
    wanted = conditions(6, stride=2)
    first = left(wanted, kill={"1": 3})
    second = left(wanted, orm.Int(3))
    files = {"run_00": first[CALCULATED]}
    made = label_from_vasp(**second, **files, conditions=wanted, structure=water)
    node, report = made["labels"], made["report"].get_dict()
    assert (report["end"], report["n_frames"], report["last_step"]) == ("completed", 4, 6)
    assert node.get_stepids().tolist() == [0, 2, 4, 6]
    makers = [first["facts"]["process"], second["facts"]["process"]]
    assert node.get_array("run").tolist() == [0, 0, 1, 1]
    assert [job.uuid for job in label_processes(node)] == [makers[0], makers[0], makers[1], makers[1]]
    for positions, forces in zip(node.get_positions(), node.get_array("forces"), strict=True):
        atoms = water.get_ase()
        atoms.positions = positions
        atoms.calc = EMT()
        np.testing.assert_allclose(forces, atoms.get_forces(), atol=1e-5)


def test_dynamics_that_is_not_done_keeps_its_frames(left: Callable[..., Left], water: orm.StructureData) -> None:
    """Interrupted, with the reason."""
    wanted = conditions(6)
    state = left(wanted, kill={"1": 2}, status=120)
    made = label_from_vasp(**state, conditions=wanted, structure=water)
    assert made["report"]["end"] == "interrupted"
    assert "status 120" in made["report"]["message"]
    assert made["labels"].get_stepids().tolist() == [0, 1]


def test_dynamics_without_a_good_frame_has_no_labels(left: Callable[..., Left], water: orm.StructureData) -> None:
    """All steps done, none converged."""
    wanted = conditions(2)
    made = label_from_vasp(**left(wanted, iterations={"*": 99}), conditions=wanted, structure=water)
    assert set(made) == {"report"}
    assert made["report"].get_dict() | {"end": "unphysical", "n_left_out": 3, "failure_time": 0.0} == dict(
        made["report"].get_dict()
    )


def test_dynamics_of_another_structure_is_refused(left: Callable[..., Left], water: orm.StructureData) -> None:
    """No labels, and a report that says so."""
    atoms = water.get_ase()
    atoms.rattle(0.01)
    wanted = conditions(2)
    made = label_from_vasp(**left(wanted), conditions=wanted, structure=orm.StructureData(ase=atoms))
    assert set(made) == {"report"}
    assert made["report"]["end"] == "interrupted"
    assert "do not match" in made["report"]["message"]


def test_preparation_writes_what_vasp_needs(water: orm.StructureData) -> None:
    """Grouped atoms, logical values and lists as VASP writes them."""
    made = prepare_vasp(orm.Dict(METHOD | {"kpoints_spacing": 0.8}), water)
    assert [site.kind_name for site in made["structure"].sites] == ["H", "H", "O"]
    assert made["kpoints"].get_kpoints_mesh() == ([2, 2, 2], [0.0, 0.0, 0.0])
    lines = {line.strip() for line in incar(made).splitlines()}
    assert {"GGA = B5", "ALDAC = 0.0", "IVDW = 12", "LWAVE = .FALSE.", "NSW = 0", "ISIF = 2"} <= lines


def test_tags_that_the_plugin_does_not_know_are_written_all_the_same(water: orm.StructureData) -> None:
    """CSVR_PERIOD is behind another tag, with a semicolon between; aiida-vasp's own check lets it pass."""
    from aiida_vasp.common import parameters_validator

    made = prepare_vasp(orm.Dict(METHOD), water, conditions(4))
    parameters_validator(made["parameters"])
    text = incar(made)
    assert "ISIF = 2 ; CSVR_PERIOD = 200.0" in text
    assert "MDALGO = 5" in text


@pytest.mark.parametrize("thermostat", ["nose_hoover", "langevin", "csvr"])
def test_every_thermostat_runs(left: Callable[..., Left], water: orm.StructureData, thermostat: str) -> None:
    """With the tags that it needs, and the seed."""
    wanted = conditions(3, thermostat=thermostat)
    made = [label_from_vasp(**left(wanted), conditions=wanted, structure=water)["labels"] for _ in range(2)]
    assert made[0].get_stepids().tolist() == [0, 1, 2, 3]
    np.testing.assert_array_equal(made[0].get_positions(), made[1].get_positions())
    assert np.abs(made[0].get_positions()[3] - made[0].get_positions()[0]).max() > 1e-4


def test_continued_job_finds_where_it_was(water: orm.StructureData) -> None:
    """CONTCAR is brought along, and fewer configurations are wanted."""
    made = prepare_vasp(orm.Dict(METHOD), water, conditions(6), orm.Int(3))
    assert made["settings"]["ADDITIONAL_REMOTE_COPY_LIST"] == ["CONTCAR"]
    assert made["parameters"]["incar"]["nsw"] == 4
    assert "ADDITIONAL_REMOTE_COPY_LIST" not in prepare_vasp(orm.Dict(METHOD), water)["settings"].get_dict()


def test_full_disk_is_the_reason(left: Callable[..., Left], water: orm.StructureData) -> None:
    """What the scheduler says is told, and the frame may come again."""
    files = {"OUTCAR": b"", "_scheduler-stderr.txt": b"slurmstepd: error: No space left on device\n"}
    failure = label_from_vasp(**left(files=files, status=700), frame_0007=water)["failures"]["frame_0007"]
    assert failure["reason"] == "no_output"
    assert failure["detail"].startswith("there was no room on the disk: slurmstepd")
