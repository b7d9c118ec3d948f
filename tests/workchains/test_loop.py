"""A real loop of two tiny iterations, and what it leaves in the provenance graph."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from aiida import orm
from aiida.common.links import LinkType
from aiida.engine import run_get_node
from aiida.manage.caching import enable_caching

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.common.types import Split
from aiida_nnpgen.data.lineage import frames_of_model, models_of_frame
from aiida_nnpgen.workchains.active_learning import ActiveLearningWorkChain
from aiida_nnpgen.workchains.continuation import continue_from
from aiida_nnpgen.workchains.summary import errors, sampling_table

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("loop")]


def descendants(process: orm.ProcessNode) -> Iterator[orm.ProcessNode]:
    """Yield a process and all that it called."""
    yield process
    for child in process.called:
        yield from descendants(child)


def test_loop_ends_well(loop: orm.WorkChainNode) -> None:
    """Both iterations and the last training are done, and their outputs attached."""
    assert loop.is_finished_ok, loop.exit_message
    assert sorted(loop.outputs.models) == ["iteration_00", "iteration_01", "iteration_02"]
    assert sorted(loop.outputs.datasets) == ["initial_aimd", "initial_perturb_water", "iteration_00", "iteration_01"]
    assert sorted(loop.outputs.errors) == ["iteration_00", "iteration_01", "iteration_02"]
    assert len(loop.outputs.datasets.iteration_00) == 5
    assert 1 <= len(loop.outputs.datasets.iteration_01) <= 5


def test_loop_starts_from_the_previous_models(loop: orm.WorkChainNode) -> None:
    """From iteration 1 on each member continues its own predecessor, with fewer steps."""
    models = loop.outputs.models
    assert models.iteration_00.model_0.parent is None
    for key in ("model_0", "model_1"):
        assert models.iteration_01[key].parent.uuid == models.iteration_00[key].uuid
        curves = [models[f"iteration_0{index}"][key].creator.outputs.learning_curve for index in range(2)]
        assert [curve.get_array("step")[-1] for curve in curves] == [200, 100]


def test_loop_seeds_differ(loop: orm.WorkChainNode) -> None:
    """No two trainings share a seed."""
    models = [model for committee in loop.outputs.models.values() for model in committee.values()]
    seeds = {model.base.attributes.get("seed") for model in models}
    assert len(seeds) == len(models) == 6


def test_loop_data_have_creators(loop: orm.WorkChainNode) -> None:
    """Every data node that the loop reached has a creator, is a declared input of the loop, or is a plain number."""
    declared = {node.uuid for node in loop.base.links.get_incoming(link_type=LinkType.INPUT_WORK).all_nodes()}
    for process in descendants(loop):
        kinds = (LinkType.INPUT_CALC, LinkType.INPUT_WORK, LinkType.CREATE, LinkType.RETURN)
        links = [*process.base.links.get_incoming(link_type=kinds[:2]), *process.base.links.get_outgoing()]
        for link in links:
            node = link.node
            if isinstance(node, orm.Data) and node.creator is None and node.uuid not in declared:
                assert isinstance(node, orm.Int | orm.Float | orm.Str | orm.Bool | orm.List), (
                    process,
                    link.link_label,
                    node,
                )


def test_loop_keeps_links_few(loop: orm.WorkChainNode) -> None:
    """No process of the loop has more than a hundred links on either side."""
    for process in descendants(loop):
        assert len(process.base.links.get_incoming().all()) <= 100
        assert len(process.base.links.get_outgoing().all()) <= 100


def test_lineage_of_a_model_names_every_frame(loop: orm.WorkChainNode) -> None:
    """The last model was trained with all shards; each frame leads to its structure and the job that labelled it."""
    frames = frames_of_model(loop.outputs.models.iteration_02.model_0)
    assert len(frames) == sum(len(shard) for shard in loop.outputs.datasets.values())
    for frame in frames:
        assert frame.process is not None
        assert frame.structure is not None
        job = orm.load_node(frame.process)
        assert job.process_label in ("AseLabelCalculation", "AseMdCalculation")
        assert frame.structure in {node.uuid for node in job.base.links.get_incoming().all_nodes()}
        assert frame.reason
    assert {frame.iteration for frame in frames} == {-1, 0, 1}
    assert len(frames_of_model(loop.outputs.models.iteration_00.model_0)) == 15


def test_lineage_leads_to_the_very_numbers(loop: orm.WorkChainNode) -> None:
    """The row of a shard, the label node and the structure hold the same frame."""
    shard = loop.outputs.datasets.iteration_01
    [rows] = shard.get_frames()
    for frame in frames_of_model(loop.outputs.models.iteration_02.model_0):
        if frame.dataset == shard.uuid:
            label = orm.load_node(frame.label)
            assert label.get_array("energies")[frame.index] == rows.energies[frame.row]
            positions = orm.load_node(frame.structure).get_ase().positions
            np.testing.assert_allclose(positions, rows.positions[frame.row], atol=1e-12)


def test_lineage_of_a_frame_names_every_model(loop: orm.WorkChainNode) -> None:
    """A frame of iteration 0 trained the committees of iterations 1 and 2, a validation frame none."""
    frames = [frame for frame in frames_of_model(loop.outputs.models.iteration_02.model_0) if frame.iteration == 0]
    for frame in frames:
        models = {model.uuid for model in models_of_frame(orm.load_node(frame.structure))}
        later = [loop.outputs.models[f"iteration_0{index}"] for index in (1, 2)]
        expected = {model.uuid for committee in later for model in committee.values()}
        assert models == (expected if frame.split == Split.TRAIN else set())


def test_summary_counts_agree(loop: orm.WorkChainNode) -> None:
    """The table accounts for every sampled, selected and labelled frame."""
    rows = sampling_table(loop)
    assert [(row.iteration, row.ensemble, row.sampled) for row in rows] == [
        (0, "nvt", 21),
        (0, "npt", 21),
        (1, "nemd 0.8", 21),
    ]
    assert sum(row.selected for row in rows if row.iteration == 0) == 5
    shards = [loop.outputs.datasets[f"iteration_0{index}"] for index in range(2)]
    assert sum(row.labelled for row in rows) == sum(len(shard) for shard in shards)
    assert len(errors(loop)) == 3


def test_window_is_calibrated_on_validation_frames(loop: orm.WorkChainNode) -> None:
    """In mode `auto` the bounds come from an evaluation, and a percentile from a job that asks the whole committee."""
    fixed, chosen = (loop.outputs.windows[key].get_dict() for key in ("iteration_00", "iteration_01"))
    assert (fixed["lo"], fixed["hi"]) == (0.01, 20.0)
    screening = next(
        process
        for process in loop.called
        if process.process_label == "ScreeningWorkChain" and "calibration" in process.outputs
    )
    assert chosen == screening.outputs.window.get_dict()
    assert screening.outputs.calibration["n_frames"] == screening.inputs.evaluation.get_array("deviation").size == 4
    levels = next(child for child in screening.called if child.process_label == "DeviationCalculation")
    measured = levels.outputs.deviation.get_array("force_run_000")
    sampled = screening.inputs.deviations.run_000.get_array("deviation")
    assert (measured < sampled * (1 + 1e-4)).all()
    assert screening.outputs.counts["known"] == np.count_nonzero(measured < chosen["lo"])


def test_second_run_computes_nothing(loop: orm.WorkChainNode, loop_inputs: Callable[..., dict[str, Any]]) -> None:
    """With caching on, the same inputs give the same outputs without a single job."""
    with enable_caching():
        _, again = run_get_node(ActiveLearningWorkChain, **loop_inputs())
    assert again.is_finished_ok
    calculations = [process for process in descendants(again) if isinstance(process, orm.CalculationNode)]
    assert len(calculations) > 20
    assert all(process.base.caching.is_created_from_cache for process in calculations)
    model = again.outputs.models.iteration_02.model_0
    assert len(frames_of_model(model)) == len(frames_of_model(loop.outputs.models.iteration_02.model_0))
    used = {frame.structure for frame in frames_of_model(model) if frame.iteration >= 0}
    own = {node.uuid for process in descendants(again) for node in process.base.links.get_outgoing().all_nodes()}
    assert used <= own


@pytest.mark.parametrize(
    ("old", "new", "samplers"),
    [
        ("sampler: lammps", "sampler: ase", ["AseSamplerCalculation"] * 3),
        (
            "sampler: lammps\n      stride: 10\n      runs:\n        - {ensemble: nemd",
            "sampler: ase\n      stride: 10\n      runs:\n        - {ensemble: nemd",
            ["LammpsCalculation"] * 2 + ["AseSamplerCalculation"],
        ),
    ],
    ids=["ase", "lammps and ase"],
)
def test_loop_runs_with_other_samplers(
    loop: orm.WorkChainNode, loop_inputs: Callable[..., dict[str, Any]], old: str, new: str, samplers: list[str]
) -> None:
    """The name of the sampler is all that changes; what came before the first change is taken from the first loop."""
    with enable_caching():
        _, node = run_get_node(ActiveLearningWorkChain, **loop_inputs((old, new)))
    assert node.is_finished_ok, node.exit_message
    phases = [process for process in node.called if process.process_label == "SamplingWorkChain"]
    runs = [run for phase in phases for run in phase.called if isinstance(run, orm.CalcJobNode)]
    assert [run.process_label for run in runs] == samplers
    for run in runs:
        assert run.is_finished_ok, run.exit_message
        assert len(run.outputs.deviation.get_array("deviation")) == run.outputs.report["n_frames"] == 21
    assert all(1 <= len(node.outputs.datasets[f"iteration_0{index}"]) <= 5 for index in range(2))
    taken = [process for process in descendants(node) if process.base.caching.is_created_from_cache]
    assert any(process.process_label == "TrainCalculation" for process in taken)
    assert not any(process.process_label == "AseSamplerCalculation" for process in taken)


def test_continuation_goes_on_where_a_run_ended(
    loop: orm.WorkChainNode, loop_inputs: Callable[..., dict[str, Any]]
) -> None:
    """A longer schedule takes over shards, test set and models, and starts at its third iteration."""
    earlier = continue_from(loop)
    assert earlier.first_iteration == 2
    assert sorted(earlier.datasets) == sorted(loop.outputs.datasets)
    inputs = loop_inputs(earlier=loop)
    assert inputs["first_iteration"].value == 2
    assert {node.uuid for node in inputs["models"].values()} == {
        node.uuid for node in loop.outputs.models.iteration_01.values()
    }
    with enable_caching():
        _, node = run_get_node(ActiveLearningWorkChain, **inputs)
    assert node.is_finished_ok
    # Nothing is left of the schedule but the last training, which is the earlier run's.
    assert sorted(node.outputs.models) == ["iteration_02"]
    assert "datasets" not in node.outputs
    frames = frames_of_model(node.outputs.models.iteration_02.model_0)
    assert len(frames) == sum(len(shard) for shard in loop.outputs.datasets.values())


def test_continuation_refuses_another_process(loop: orm.WorkChainNode) -> None:
    """Only a run of the loop can be continued."""
    child = next(process for process in descendants(loop) if process.process_label == "SamplingWorkChain")
    with pytest.raises(InputError, match="SamplingWorkChain"):
        continue_from(child)
