"""Every frame leads to the job that computed it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from aiida import orm
from aiida.common.links import LinkType

from aiida_nnpgen.calculations.functions import collect_labels
from aiida_nnpgen.calculations.functions.join_runs import join_runs
from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.data.labels import StructureLink, label_node
from aiida_nnpgen.data.lineage import _frames_of_shard, label_processes

SETTINGS = {"checks": {"max_force": None, "max_net_force": None}, "iteration": 0, "validation_fraction": 0.0, "seed": 1}


@pytest.fixture
def run(python_code: orm.InstalledCode, generate_labelled: Callable[..., Frames]) -> Callable[..., orm.TrajectoryData]:
    """Return a function that makes the labels of a job of a dynamics, by the job."""

    def make(*steps: int) -> orm.TrajectoryData:
        job = orm.CalcJobNode(computer=python_code.computer, process_type="aiida.calculations:nnpgen.cpmd").store()
        node = label_node(generate_labelled(len(steps), seed=steps[0]), steps, StructureLink.START)
        node.base.links.add_incoming(job, LinkType.CREATE, "labels")
        return node.store()

    return make


def conditions(steps: int) -> orm.Dict:
    """Return the plan of a dynamics."""
    values = {"ensemble": "nvt", "temperature": 300.0, "timestep": 0.5, "steps": steps, "stride": 1}
    return orm.Dict({"conditions": values, "seed": 1})


def test_frames_of_a_dynamics_in_several_jobs_have_their_own(
    run: Callable[..., orm.TrajectoryData], generate_structure: Callable[..., orm.StructureData]
) -> None:
    """In the label node, and in the dataset that is made of it, also for frames that are refused."""
    first, second = run(1, 2, 3), run(3, 4)
    jobs = [first.creator.uuid] * 2 + [second.creator.uuid] * 2
    facts = orm.Dict({"reason": None, "detail": None})
    made = join_runs(generate_structure(), conditions(4), facts, run_00=first, run_01=second)
    assert made["labels"].get_stepids().tolist() == [1, 2, 3, 4]
    assert [job.uuid for job in label_processes(made["labels"])] == jobs
    shard = collect_labels(orm.Dict(SETTINGS), labels_a=made["labels"])["dataset"]
    assert [frame.process for frame in _frames_of_shard(shard)] == jobs
    strict = SETTINGS | {"checks": {"max_force": 1e-6, "max_net_force": None}}
    report = collect_labels(orm.Dict(strict), labels_a=made["labels"])["report"]
    assert [report["failures"][f"labels_a_{row}"]["process"] for row in range(4)] == jobs


def test_report_of_a_single_run_comes_alone(
    run: Callable[..., orm.TrajectoryData], generate_structure: Callable[..., orm.StructureData]
) -> None:
    """Its labels are those that the job made; the report says how the dynamics ended."""
    labels, facts = run(1, 2), orm.Dict({"reason": "not_converged", "detail": "step 3 has not converged"})
    made = join_runs(generate_structure(), conditions(4), facts, run_00=labels)
    assert set(made) == {"report"}
    report = made["report"].get_dict()
    assert (report["end"], report["n_frames"], report["last_step"]) == ("unphysical", 2, 2)
    assert report["failure_time"] == 1.5
    assert [job.uuid for job in label_processes(labels)] == 2 * [labels.creator.uuid]
