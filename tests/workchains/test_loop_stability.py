"""A real loop that finds by itself that its dynamics does not hold, and why, and appends an iteration."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from aiida import orm
from aiida.common.links import LinkType
from aiida.engine import run_get_node
from aiida.manage.caching import enable_caching

from aiida_nnpgen.data.lineage import frames_of_model
from aiida_nnpgen.data.trajectory import read_steps
from aiida_nnpgen.workchains.active_learning import ActiveLearningWorkChain
from aiida_nnpgen.workchains.summary import errors, stability_table

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("loop")]

STABILITY = """\
stability:
  {temperature: 900 K, target: 0.1 ps, probes: 4, stride: 4, last_frames: 5, halt_deviation: 8,
   stabilise: {max_iterations: 1, share: 1}}
"""


@pytest.fixture(scope="module")
def process(loop: orm.WorkChainNode, loop_inputs: Callable[..., dict[str, Any]]) -> orm.WorkChainNode:
    """Return a finished loop of one iteration of the schedule, with probes, one to append, and a final committee.

    First dataset and first committee are those of the other loop, by the cache.
    """
    assert loop.is_finished_ok
    inputs = loop_inputs(("schedule:\n", f"{STABILITY}schedule:\n"))
    config = inputs["config"].get_dict()
    nemd = config["schedule"].pop(1)
    nemd["screening"]["window"]["mode"] = "fixed"
    config["stability"]["stabilise"] |= {name: nemd[name] for name in ("sampling", "screening")}
    config["final"] = config["training"] | {
        "committee": 2,
        "parameters": config["training"]["parameters"] | {"steps": 30},
    }
    inputs["config"], inputs["codes"]["final"] = orm.Dict(config), inputs["codes"]["training"]
    with enable_caching():
        _, node = run_get_node(ActiveLearningWorkChain, **inputs)
    return node


def test_loop_appends_an_iteration_where_probes_fail(process: orm.WorkChainNode) -> None:
    """The schedule has one; the second is appended, and its committee is probed as those before."""
    assert process.is_finished_ok, process.exit_message
    assert sorted(process.outputs.models) == ["final", "iteration_00", "iteration_01", "iteration_02"]
    assert sorted(process.outputs.survival) == ["final", "iteration_00", "iteration_01", "iteration_02"]
    assert not process.outputs.survival.iteration_01["is_stable"]
    [appended] = process.base.links.get_outgoing(link_label_filter="iteration_01_sampling").all_nodes()
    assert appended.inputs.settings["runs"][0]["ensemble"] == "nemd"


def test_loop_fills_the_hole_that_was_diagnosed(process: orm.WorkChainNode) -> None:
    """What left the range of the data is the third axis of the appended screening."""
    cause = process.outputs.diagnoses.iteration_01["cause"]
    [screening] = process.base.links.get_outgoing(link_label_filter="iteration_01_screening").all_nodes()
    [axis] = screening.inputs.settings["quantities"]
    if cause["pair"] is None:
        assert axis["name"] == "density"
    else:
        assert axis["keywords"]["pair"] == cause["pair"]


def test_loop_probes_every_member(process: orm.WorkChainNode) -> None:
    """Each member drives as many probes as the other, with its own seed, and frames lie just before the failure."""
    [stability] = process.base.links.get_outgoing(link_label_filter="iteration_00_stability").all_nodes()
    probes = stability.base.links.get_outgoing(orm.CalcJobNode, link_label_filter="probe%").all_nodes()
    driving = [probe.inputs.models.member_00.uuid for probe in probes]
    committee = [model.uuid for model in process.outputs.models.iteration_00.values()]
    assert sorted(driving) == sorted(2 * committee)
    assert len({probe.inputs.conditions["seed"] for probe in probes}) == 4
    for probe in probes:
        report = probe.outputs.report
        if "trajectory" in probe.outputs:
            steps = read_steps(probe.outputs.trajectory)
            assert steps[0] == 0
            assert steps[-1] == report["last_step"]
            assert len(steps) <= 6


def test_loop_labels_frames_from_before_a_failure(process: orm.WorkChainNode) -> None:
    """They are candidates of the same iteration; where one is selected, its reason says so."""
    [screening] = process.base.links.get_outgoing(link_label_filter="iteration_00_screening").all_nodes()
    last = [key for key in screening.inputs.deviations if key.startswith("probe")]
    assert last
    assert sorted(screening.inputs.failing) == sorted(last)
    records = [entry for record in process.outputs.records.values() for entry in record.get_dict().values()]
    told = [entry for entry in records if entry["reason"].startswith("just before a probe failed")]
    assert {entry["trajectory"] for entry in told} == {
        entry["trajectory"] for entry in records if entry["trajectory"].startswith("probe")
    }


def test_loop_trains_a_final_committee_on_all_data(process: orm.WorkChainNode) -> None:
    """From scratch with its own settings, and measured like the others."""
    final, last = process.outputs.models.final, process.outputs.models.iteration_02
    assert all(model.parent is None for model in final.values())
    assert len(frames_of_model(final.model_0)) == len(frames_of_model(last.model_0))
    assert final.model_0.creator.outputs.learning_curve.get_array("step")[-1] == 30
    assert [row.iteration for row in errors(process)] == [0, 1, 2, "final"]


def test_loop_with_probes_has_creators(process: orm.WorkChainNode) -> None:
    """Survival, diagnosis, and what the screening took of probes come from processes."""
    for name in ("survival", "diagnoses"):
        for node in process.outputs[name].values():
            assert node.creator is not None
    for link in process.base.links.get_outgoing(link_type=LinkType.CALL_WORK).all():
        if link.link_label.endswith("screening"):
            assert all(node.creator is not None for node in link.node.inputs.deviations.values())


def test_stability_table_tells_of_every_committee(process: orm.WorkChainNode) -> None:
    """As many rows as committees, with what is in the nodes."""
    rows = stability_table(process)
    assert [row.iteration for row in rows] == [0, 1, 2, "final"]
    survival = process.outputs.survival.iteration_00
    assert (rows[0].held, rows[0].probes) == (survival["held"], 4)
    assert rows[0].share == tuple(survival["share"])
    assert np.isfinite(rows[0].share).all()
    assert rows[0].cause
