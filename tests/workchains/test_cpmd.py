"""Labels and dynamics with the stand-in for CPMD, when all goes well and when it does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiida import orm
from aiida.engine import run_get_node
from ase.calculators.emt import EMT

from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.data.lineage import CALCULATED, label_process, label_processes
from aiida_nnpgen.data.trajectory import trajectory_to_frames
from aiida_nnpgen.dft.code import Effort
from aiida_nnpgen.dft.cpmd.code import CPMD
from aiida_nnpgen.workchains.aimd.cpmd import CpmdAimdWorkChain
from aiida_nnpgen.workchains.labellers.cpmd import CpmdLabellerWorkChain
from aiida_nnpgen.workchains.labelling import LabellingWorkChain

STANDIN = Path(__file__).parents[1] / "standins" / "cpmd.py"
OPTIONS = {"withmpi": False}


def method(**changes: Any) -> orm.Dict:
    """Return a level of theory."""
    return orm.Dict(CPMD.method(Effort.FAST, changes).to_dict())


def conditions(**changes: Any) -> orm.Dict:
    """Return a plan of a short dynamics."""
    values = {"ensemble": "nvt", "temperature": 300.0, "timestep": 0.5, "steps": 9, "stride": 1}
    return orm.Dict({"structure": "a", "conditions": values | changes, "seed": 7})


def runs(folder: Path) -> list[str]:
    """Return the folder of each run of the stand-in."""
    path = folder / "cpmd_runs.txt"
    return path.read_text().splitlines() if path.exists() else []


def jobs(node: orm.ProcessNode) -> list[orm.CalcJobNode]:
    """Return the jobs below a work chain, in the order of their launch."""
    found = [job for job in node.called_descendants if isinstance(job, orm.CalcJobNode)]
    return sorted(found, key=lambda job: job.pk)


def assert_labels(frames: Frames) -> None:
    """Check every frame against the calculator that is in the stand-in."""
    for row, atoms in enumerate(frames.without_labels().to_atoms()):
        atoms.calc = EMT()
        assert frames.energies[row] == pytest.approx(atoms.get_potential_energy(), abs=1e-5)
        np.testing.assert_allclose(frames.forces[row], atoms.get_forces(), atol=1e-5)
        np.testing.assert_allclose(frames.stresses[row], atoms.get_stress(), atol=1e-7)


@pytest.fixture
def run_label(
    cpmd: Callable[..., orm.InstalledCode],
    cpmd_pseudopotentials: dict[str, orm.Data],
    generate_structure: Callable[..., orm.StructureData],
) -> Callable[..., orm.WorkChainNode]:
    """Return a function that labels one frame."""

    def run(trouble: dict[str, Any] | None = None, **changes: Any) -> orm.WorkChainNode:
        values = {"labeller": "cpmd", "protocol": "fast", "pseudopotentials": "files", "max_attempts": 4}
        _, node = run_get_node(
            CpmdLabellerWorkChain,
            code=cpmd(**(trouble or {})),
            options=OPTIONS,
            settings=orm.Dict(values | changes),
            structures={"frame_0003": generate_structure("HOH")},
            pseudopotentials=cpmd_pseudopotentials,
        )
        assert node.is_finished_ok
        return node

    return run


def failures(node: orm.WorkChainNode) -> list[dict[str, Any]]:
    """Return why each job of the only frame made no label, in their order."""
    nodes = node.outputs.failures if "failures" in node.outputs else {}
    found = [facts for item in nodes.values() for facts in item.get_dict().values()]
    return sorted(found, key=lambda facts: orm.load_node(facts["process"]).pk)


def test_labeller_makes_a_label_at_once(run_label: Callable[..., orm.WorkChainNode]) -> None:
    """A good run is one job, whose labels are those of the calculator in the order of the structure."""
    node = run_label()
    [job] = jobs(node)
    labels = node.outputs.labels["batch_000_0"]
    frames = trajectory_to_frames(labels)
    structure = node.inputs.structures.frame_0003.get_ase()
    assert frames.symbols == ["H", "O", "H"] == structure.get_chemical_symbols()
    np.testing.assert_allclose(frames.positions[0], structure.positions, atol=1e-7)
    assert_labels(frames)
    assert labels.get_stepids().tolist() == [3]
    assert label_process(labels).uuid == job.uuid
    assert not failures(node)


def test_labeller_changes_the_optimiser(run_label: Callable[..., orm.WorkChainNode]) -> None:
    """A wavefunction that DIIS does not find is found by conjugate gradients; the method is an input of each job."""
    node = run_label({"iterations": 500})
    assert len(node.outputs.labels) == 1
    assert [job.exit_status for job in jobs(node)] == [430, 0]
    first, second = (job.inputs.method.get_dict() for job in jobs(node))
    assert second["parameters"]["CPMD"]["PCG MINIMIZE"] is True
    first.pop("parameters")
    second.pop("parameters")
    assert first == second
    assert jobs(node)[1].inputs.method.creator.process_label == "change_method"


@pytest.mark.slow
def test_labeller_gives_up_what_does_not_converge(run_label: Callable[..., orm.WorkChainNode]) -> None:
    """After the last remedy the reason is that of the last job."""
    node = run_label({"iterations": 500}, parameters={"CPMD": {"MAXITER": 1}})
    assert [job.exit_status for job in jobs(node)] == [430, 430, 430]
    assert "labels" not in node.outputs
    assert failures(node)[-1]["reason"] == "not_converged"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"functional": "XLYP", "dispersion": "none"}, "UNKNOWN FUNCTIONAL XLYP"),
        ({"parameters": {"CPMD": {"TASKGROUPS MINIMUM": True}}}, "`TASKGROUPS MINIMUM` in `&CPMD`"),
    ],
)
def test_labeller_does_not_repeat_an_error(
    run_label: Callable[..., orm.WorkChainNode], changes: dict[str, Any], words: str
) -> None:
    """What CPMD refuses or skips, it would again: one job, and its message. The stand-in knows neither of these."""
    node = run_label(**changes)
    assert [job.exit_status for job in jobs(node)] == [310]
    [failure] = failures(node)
    assert failure["reason"] == "calculator"
    assert words in failure["detail"]


@pytest.mark.slow
@pytest.mark.parametrize(("trouble", "statuses"), [({"1": 1}, [300, 0]), ({"*": 1}, [300, 300])])
def test_labeller_gives_damaged_outputs_another_attempt(
    run_label: Callable[..., orm.WorkChainNode], trouble: dict[str, int], statuses: list[int]
) -> None:
    """It may have been the machine: as often as a frame is tried, and no more."""
    node = run_label({"lose": trouble}, max_attempts=2)
    assert [job.exit_status for job in jobs(node)] == statuses
    assert ("labels" in node.outputs) == (statuses[-1] == 0)


@pytest.mark.slow
def test_labeller_runs_a_killed_label_again(run_label: Callable[..., orm.WorkChainNode]) -> None:
    """With the same input: it may have been the machine."""
    node = run_label({"kill": {"1": 1}})
    assert len(node.outputs.labels) == 1
    assert [job.exit_status for job in jobs(node)] == [400, 0]
    first, second = jobs(node)
    assert first.inputs.method.uuid == second.inputs.method.uuid


@pytest.mark.slow
def test_labeller_does_not_run_a_killed_label_for_ever(run_label: Callable[..., orm.WorkChainNode]) -> None:
    """A run that is always killed is given up, and says why."""
    node = run_label({"kill": {"*": 1}}, max_attempts=2)
    assert [job.exit_status for job in jobs(node)] == [400, 400]
    assert failures(node)[-1]["reason"] == "no_output"
    assert failures(node)[-1]["process"] == jobs(node)[-1].uuid


@pytest.mark.slow
def test_labeller_does_not_run_out_of_memory_twice(run_label: Callable[..., orm.WorkChainNode]) -> None:
    """It would again, where there is no more to be had."""
    node = run_label({"memory": {"*": 1}})
    assert [job.exit_status for job in jobs(node)] == [411]
    assert [failure["reason"] for failure in failures(node)] == ["out_of_limits"]


@pytest.mark.slow
def test_labeller_takes_a_label_that_exists(run_label: Callable[..., orm.WorkChainNode], tmp_path: Path) -> None:
    """The same frame at the same level is not computed twice."""
    first = run_label()
    inputs = {name: first.inputs[name] for name in ("code", "settings")}
    _, again = run_get_node(
        CpmdLabellerWorkChain,
        structures=dict(first.inputs.structures),
        pseudopotentials=dict(first.inputs.pseudopotentials),
        options=OPTIONS,
        **inputs,
    )
    assert again.is_finished_ok, again.exit_message
    assert len(again.outputs.labels) == 1
    assert len(runs(tmp_path)) == 1


@pytest.fixture
def run_aimd(
    cpmd: Callable[..., orm.InstalledCode],
    cpmd_pseudopotentials: dict[str, orm.Data],
    generate_structure: Callable[..., orm.StructureData],
) -> Callable[..., orm.WorkChainNode]:
    """Return a function that runs one dynamics."""

    def run(trouble: dict[str, Any] | None = None, **changes: Any) -> orm.WorkChainNode:
        inputs = {
            "code": cpmd(**(trouble or {})),
            "structure": generate_structure("HOH"),
            "conditions": conditions(),
            "method": method(),
            "pseudopotentials": cpmd_pseudopotentials,
            "options": OPTIONS,
        }
        _, node = run_get_node(CpmdAimdWorkChain, **inputs | changes)
        return node

    return run


@pytest.mark.parametrize("kind", ["kill", pytest.param("exit", marks=pytest.mark.slow)])
def test_dynamics_goes_on_from_the_restart_file(run_aimd: Callable[..., orm.WorkChainNode], kind: str) -> None:
    """A run that is cut after step 5 of 9 goes on: from step 4 if it was killed, from 5 if it was told to stop."""
    plan = method(parameters={"CPMD": {"STORE": 2}})
    node = run_aimd({kind: {"1": 5}}, conditions=conditions(), method=plan)
    assert node.is_finished_ok, node.exit_message
    first, second = jobs(node)
    assert (first.exit_status, second.exit_status) == (400, 0)
    step = {"kill": 4, "exit": 5}[kind]
    assert second.inputs.steps_done.value == step
    assert second.inputs.restart_folder.uuid == first.outputs.remote_folder.uuid
    assert first.outputs.labels.get_stepids().tolist() == [1, 2, 3, 4, 5]
    assert second.outputs.labels.get_stepids().tolist() == list(range(step + 1, 10))
    labels = node.outputs.labels
    assert labels.get_stepids().tolist() == list(range(1, 10))
    assert labels.creator.process_label == "join_runs"
    assert labels.get_array("run").tolist() == [0] * step + [1] * (9 - step)
    assert [labels.creator.inputs[f"run_0{index}"].creator.uuid for index in range(2)] == [first.uuid, second.uuid]
    assert [node.uuid for node in label_processes(labels)] == [first.uuid] * step + [second.uuid] * (9 - step)
    report = node.outputs.report.get_dict()
    assert (report["end"], report["n_frames"], report["last_step"]) == ("completed", 9, 9)
    assert_labels(trajectory_to_frames(labels))


@pytest.mark.slow
def test_dynamics_that_was_cut_is_the_one_that_was_not(run_aimd: Callable[..., orm.WorkChainNode]) -> None:
    """Joined frames are those of a run in one piece."""
    whole = trajectory_to_frames(run_aimd(conditions=conditions()).outputs.labels)
    assert_labels(whole)
    plan = method(parameters={"CPMD": {"STORE": 3}})
    node = run_aimd({"kill": {"2": 4, "3": 1}}, conditions=conditions(), method=plan)
    assert node.is_finished_ok, node.exit_message
    assert [job.exit_status for job in jobs(node)] == [400, 400, 0]
    joined = trajectory_to_frames(node.outputs.labels)
    np.testing.assert_allclose(joined.positions, whole.positions, atol=1e-10)
    np.testing.assert_allclose(joined.forces, whole.forces, atol=1e-9)


@pytest.mark.slow
def test_dynamics_killed_before_its_first_restart_file_starts_again(
    run_aimd: Callable[..., orm.WorkChainNode],
) -> None:
    """Nothing to go on from: the second run does it all, and is the only one in the result."""
    node = run_aimd({"kill": {"1": 3}}, conditions=conditions(steps=4))
    assert node.is_finished_ok, node.exit_message
    assert [job.exit_status for job in jobs(node)] == [400, 0]
    assert "restart_folder" not in jobs(node)[1].inputs
    assert node.outputs.labels.uuid == jobs(node)[1].outputs.labels.uuid
    assert node.outputs.report["end"] == "completed"


@pytest.mark.slow
def test_dynamics_that_makes_no_progress_is_given_up_with_its_frames(
    run_aimd: Callable[..., orm.WorkChainNode],
) -> None:
    """Runs that always die before their first restart file end; what there is stays."""
    node = run_aimd({"kill": {"*": 2}}, conditions=conditions())
    assert [job.exit_status for job in jobs(node)] == [400, 400]
    assert node.exit_status == 440
    assert node.outputs.labels.get_stepids().tolist() == [1, 2]
    assert node.outputs.report["end"] == "interrupted"


@pytest.mark.slow
def test_dynamics_that_does_not_converge_starts_again(run_aimd: Callable[..., orm.WorkChainNode]) -> None:
    """Dynamics that followed wrong forces is not gone on with."""
    node = run_aimd({"iterations": 500}, conditions=conditions(steps=3))
    assert node.is_finished_ok, node.exit_message
    assert [job.exit_status for job in jobs(node)] == [430, 0]
    assert "restart_folder" not in jobs(node)[1].inputs
    assert node.outputs.labels.get_stepids().tolist() == [1, 2, 3]


@pytest.mark.slow
def test_aimd_goes_on_after_the_walltime(
    run_aimd: Callable[..., orm.WorkChainNode], generate_structure: Callable[..., orm.StructureData]
) -> None:
    """The dynamics of the first dataset has all its frames, and the structure among the inputs of their creator."""
    structure = generate_structure("HOH")
    plan = method(parameters={"CPMD": {"STORE": 3}})
    node = run_aimd({"kill": {"1": 6}}, structure=structure, conditions=conditions(stride=2), method=plan)
    assert node.is_finished_ok, node.exit_message
    labels = node.outputs.labels
    assert labels.get_stepids().tolist() == [1, 3, 5, 7, 9]
    link = labels.base.attributes.get("structure_link")
    assert labels.creator.inputs[link].uuid == structure.uuid
    assert_labels(trajectory_to_frames(labels))


@pytest.mark.slow
def test_dynamics_that_never_converges_is_given_up(run_aimd: Callable[..., orm.WorkChainNode]) -> None:
    """After the last remedy, with the reason."""
    node = run_aimd({"iterations": 500}, method=method(parameters={"CPMD": {"MAXITER": 1}}))
    assert node.exit_status == 440
    assert [job.exit_status for job in jobs(node)] == [430, 430, 430]
    assert node.outputs.report["end"] == "unphysical"


@pytest.mark.slow
def test_dynamics_that_cpmd_refuses_is_tried_once(run_aimd: Callable[..., orm.WorkChainNode]) -> None:
    """It would be refused again; the words of CPMD are in the report."""
    node = run_aimd(method=method(functional="XLYP", dispersion="none"))
    assert node.exit_status == 440
    assert [job.exit_status for job in jobs(node)] == [310]
    assert "UNKNOWN FUNCTIONAL XLYP" in node.outputs.report["message"]
    assert "labels" not in node.outputs


@pytest.fixture
def label(
    cpmd: Callable[..., orm.InstalledCode], cpmd_pseudopotentials: dict[str, orm.Data]
) -> Callable[..., orm.WorkChainNode]:
    """Return a function that labels structures through the work chain of the loop."""

    def run(
        structures: list[orm.StructureData],
        trouble: dict[str, Any] | None = None,
        max_concurrent: int = 1,
        larger: dict[str, Any] | None = None,
        **changes: Any,
    ) -> orm.WorkChainNode:
        values = {
            "labeller": "cpmd",
            "protocol": "fast",
            "pseudopotentials": "files",
            "checks": {"max_force": 60.0, "max_net_force": 0.1},
            "min_yield": 0.5,
            "max_attempts": 3,
            "batch_size": 20,
            "iteration": 0,
            "validation_fraction": 0.0,
            "seed": 1,
        }
        named = {f"frame_{index:04d}": node for index, node in enumerate(structures)}
        _, node = run_get_node(
            LabellingWorkChain,
            code=cpmd(**(trouble or {})),
            options=OPTIONS,
            larger_options=larger or {},
            max_concurrent=max_concurrent,
            settings=orm.Dict(values | changes),
            structures=named,
            pseudopotentials=cpmd_pseudopotentials,
            record=orm.Dict({key: {"reason": f"reason of {key}"} for key in named}),
        )
        return node

    return run


@pytest.mark.slow
def test_labelling_with_cpmd_labels_each_frame_by_a_job_of_its_own(
    label: Callable[..., orm.WorkChainNode], generate_structure: Callable[..., orm.StructureData]
) -> None:
    """Labels, reasons and structures belong together, whatever the order of the atoms; a job made each."""
    structures = [generate_structure(("OH2", "HOH")[index % 2], seed=index) for index in range(3)]
    node = label(structures, max_concurrent=2)
    assert node.is_finished_ok, node.exit_message
    dataset = node.outputs.dataset
    assert len(dataset) == 3
    links = {origin.structure: origin for origin in dataset.origins}
    assert sorted(links) == ["frame_0000", "frame_0001", "frame_0002"]
    assert all(origin.reason == f"reason of {key}" for key, origin in links.items())
    for key, origin in links.items():
        [maker] = [
            link.node for link in dataset.creator.base.links.get_incoming().all() if link.link_label == origin.label
        ]
        assert maker.creator.inputs[key].uuid == structures[int(key[-4:])].uuid
        job = maker.creator.inputs[CALCULATED].creator
        assert job.process_type == "aiida.calculations:nnpgen.cpmd"
        assert_labels(trajectory_to_frames(maker))


@pytest.mark.slow
def test_labelling_with_cpmd_records_what_fails(
    label: Callable[..., orm.WorkChainNode], generate_structure: Callable[..., orm.StructureData], tmp_path: Path
) -> None:
    """A frame whose job is always killed has a reason and a process; the others make the yield."""
    structures = [generate_structure("HOH", seed=index) for index in range(3)]
    node = label(structures, {"kill": {"1": 1, "4": 1}}, max_attempts=2)
    assert node.is_finished_ok, node.exit_message
    report = node.outputs.report.get_dict()
    assert (report["labelled"], report["failed"]) == (2, 1)
    failure = report["failures"]["frame_0000"]
    assert failure["reason"] == "no_output"
    assert orm.load_node(failure["process"]).process_type == "aiida.calculations:nnpgen.cpmd"
    assert len(runs(tmp_path)) == 4


@pytest.mark.slow
@pytest.mark.parametrize(("larger", "memories"), [({"max_memory_kb": 10**8}, [None, 10**8]), ({}, [None])])
def test_labelling_with_cpmd_asks_once_for_more_memory(
    label: Callable[..., orm.WorkChainNode],
    generate_structure: Callable[..., orm.StructureData],
    larger: dict[str, Any],
    memories: list[int | None],
) -> None:
    """A frame that ran out of memory has the larger options next, if there are any."""
    node = label([generate_structure("HOH")], {"memory": {"1": 1}}, larger=larger)
    made = [item for item in node.called_descendants if isinstance(item, orm.CalcJobNode)]
    assert [job.get_option("max_memory_kb") for job in sorted(made, key=lambda job: job.pk)] == memories
    assert node.is_finished_ok == bool(larger)
    assert node.outputs.report["reasons"] == ({} if larger else {"out_of_limits": 1})


@pytest.mark.slow
def test_labelling_with_cpmd_below_its_yield_fails(
    label: Callable[..., orm.WorkChainNode], generate_structure: Callable[..., orm.StructureData], tmp_path: Path
) -> None:
    """Two frames of three that never converge are too many; every remedy was tried once, and none twice."""
    structures = [generate_structure("HOH", seed=index) for index in range(3)]
    rules = [{"match": {"keys": ["frame_0001", "frame_0002"]}, "parameters": {"CPMD": {"MAXITER": 1}}}]
    node = label(structures, {"iterations": 9}, rules=rules)
    assert node.exit_status == 453
    assert node.outputs.report["reasons"] == {"not_converged": 2}
    assert len(node.outputs.dataset) == 1
    assert len(runs(tmp_path)) == 1 + 2 * 3


@pytest.mark.slow
def test_labelling_with_cpmd_refuses_a_net_force(
    label: Callable[..., orm.WorkChainNode], generate_structure: Callable[..., orm.StructureData]
) -> None:
    """A label whose forces do not sum to zero is refused with the number, as BLYP with a coarse mesh gives it."""
    node = label([generate_structure("HOH")], checks={"max_force": 60.0, "max_net_force": 1e-15})
    assert node.exit_status == 453
    assert node.outputs.report["reasons"] == {"net_force": 1}
