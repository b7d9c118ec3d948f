"""Labelling, when all goes well and when it does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiida import orm
from aiida.engine import run_get_node
from aiida.orm.utils.serialize import deserialize_unsafe, serialize

from aiida_nnpgen.dft.attempts import Batch, NextJob, Progress, Remedy
from aiida_nnpgen.dft.label import LabelFailure
from aiida_nnpgen.workchains.labelling import LabellingWorkChain


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., orm.Dict]:
    """Return a factory of settings for the stand-in; keywords go to the calculator, if they are its own."""

    def generate(keywords: dict[str, Any] | None = None, **changes: Any) -> orm.Dict:
        keywords = {"log": str(tmp_path / "computed.txt")} | (keywords or {})
        values = {
            "labeller": "ase",
            "parameters": {"calculator": "counting_calculator:CountingCalculator", "keywords": keywords},
            "batch_size": 4,
            "checks": {"max_force": 30.0, "max_net_force": 0.1},
            "min_yield": 0.5,
            "max_attempts": 3,
            "iteration": 0,
            "validation_fraction": 0.0,
            "seed": 1,
        }
        return orm.Dict(values | changes)

    return generate


@pytest.fixture
def run(python_code: orm.InstalledCode) -> Callable[..., orm.WorkChainNode]:
    """Return a function that labels structures."""

    def label(settings: orm.Dict, structures: list[orm.StructureData], **inputs: Any) -> orm.WorkChainNode:
        named = {f"frame_{index:04d}": node for index, node in enumerate(structures)}
        record = orm.Dict({key: {"reason": f"reason of {key}"} for key in named})
        _, node = run_get_node(
            LabellingWorkChain, code=python_code, settings=settings, structures=named, record=record, **inputs
        )
        return node

    return label


def jobs(node: orm.WorkChainNode) -> list[orm.CalcJobNode]:
    """Return the jobs of a labelling, in the order of their launch."""
    [labeller] = [process for process in node.called if isinstance(process, orm.WorkChainNode)]
    return sorted((job for job in labeller.called if isinstance(job, orm.CalcJobNode)), key=lambda job: job.pk)


def computed(folder: Path) -> list[str]:
    """Return one line per frame that the stand-in computed."""
    return (folder / "computed.txt").read_text().splitlines()


@pytest.mark.slow
def test_labelling_records_a_frame_that_xtb_cannot_do(
    run: Callable[..., orm.WorkChainNode],
    settings: Callable[..., orm.Dict],
    generate_structure: Callable[..., orm.StructureData],
) -> None:
    """Real xTB refuses coinciding atoms: that frame has a reason and a process, the others have labels."""
    pytest.importorskip("tblite")
    crushed = generate_structure().get_ase()
    crushed.positions[1] = crushed.positions[0]
    structures = [generate_structure(seed=1), orm.StructureData(ase=crushed), generate_structure(seed=2)]
    node = run(settings(parameters={}), structures)
    assert node.is_finished_ok, node.exit_message
    report = node.outputs.report.get_dict()
    assert (report["labelled"], report["failed"]) == (2, 1)
    failure = report["failures"]["frame_0001"]
    assert failure["reason"] == "calculator"
    assert "Too close interatomic distances" in failure["detail"]
    assert failure["process"] == jobs(node)[0].uuid
    assert [origin.structure for origin in node.outputs.dataset.origins] == [
        "structures__frame_0000",
        "structures__frame_0002",
    ]


@pytest.mark.slow
def test_labelling_divides_into_batches_of_one_composition(
    run: Callable[..., orm.WorkChainNode],
    settings: Callable[..., orm.Dict],
    generate_structure: Callable[..., orm.StructureData],
) -> None:
    """No batch is larger than wanted, or mixed; every frame has its own label and reason."""
    structures = [generate_structure(("OH2", "SH2")[index % 2], seed=index) for index in range(5)]
    node = run(settings(batch_size=2), structures)
    assert node.is_finished_ok, node.exit_message
    assert [sorted(job.inputs.structures) for job in jobs(node)] == [
        ["frame_0000", "frame_0002"],
        ["frame_0004"],
        ["frame_0001", "frame_0003"],
    ]
    origins = node.outputs.dataset.origins
    assert sorted(origin.reason for origin in origins) == [f"reason of frame_{index:04d}" for index in range(5)]


def test_labelling_below_its_yield_fails_with_its_outputs(
    run: Callable[..., orm.WorkChainNode],
    settings: Callable[..., orm.Dict],
    generate_structure: Callable[..., orm.StructureData],
) -> None:
    """Too few labels are an error; those that there are, and the reasons, stay."""
    structures = [generate_structure(seed=seed) for seed in range(3)]
    lengths = [node.get_ase().get_distance(0, 1) for node in structures]
    refuse = sorted(lengths)[0] + 1e-6
    node = run(settings({"refuse": refuse}, min_yield=0.5), structures)
    assert node.exit_status == 453
    assert "33%" in node.exit_message
    assert len(node.outputs.dataset) == 1
    assert node.outputs.report["reasons"] == {"calculator": 2}


def test_labelling_without_a_label_fails_at_any_yield(
    run: Callable[..., orm.WorkChainNode],
    settings: Callable[..., orm.Dict],
    generate_structure: Callable[..., orm.StructureData],
) -> None:
    """Nothing is too little, even where no yield is asked for."""
    node = run(settings({"refuse": 0.1}, min_yield=0.0), [generate_structure()])
    assert node.exit_status == 453
    assert "dataset" not in node.outputs
    assert node.outputs.report["failed"] == 1


def test_labelling_goes_on_where_a_job_was_killed(
    run: Callable[..., orm.WorkChainNode],
    settings: Callable[..., orm.Dict],
    generate_structure: Callable[..., orm.StructureData],
    tmp_path: Path,
) -> None:
    """A job that is killed after two of four frames leaves two to the next, with more time; none is computed twice."""
    structures = [generate_structure(seed=seed) for seed in range(4)]
    node = run(settings({"kill_after": 2}), structures, larger_options={"max_wallclock_seconds": 7200})
    assert node.is_finished_ok, node.exit_message
    assert [job.get_option("max_wallclock_seconds") for job in jobs(node)] == [None, 7200]
    assert node.outputs.report["labelled"] == 4
    assert [job.exit_status for job in jobs(node)] == [400, 0]
    assert sorted(jobs(node)[1].inputs.structures) == ["frame_0002", "frame_0003"]
    assert len(computed(tmp_path)) == len(set(computed(tmp_path))) == 4


def test_labelling_gives_frames_up_after_enough_jobs(
    run: Callable[..., orm.WorkChainNode],
    settings: Callable[..., orm.Dict],
    generate_structure: Callable[..., orm.StructureData],
) -> None:
    """Jobs that are always killed are not started for ever, and no frame is lost without a word."""
    node = run(settings({"always": True}, max_attempts=2), [generate_structure(seed=seed) for seed in range(2)])
    assert node.exit_status == 453
    assert [job.exit_status for job in jobs(node)] == [300, 300]
    assert not any(job.base.caching.is_created_from_cache for job in jobs(node))
    failures = node.outputs.report["failures"]
    assert sorted(failures) == ["frame_0000", "frame_0001"]
    assert {failure["process"] for failure in failures.values()} == {jobs(node)[1].uuid}
    assert {failure["reason"] for failure in failures.values()} == {"job_failed"}


def test_labelling_does_not_repeat_an_error_of_the_job(
    run: Callable[..., orm.WorkChainNode],
    settings: Callable[..., orm.Dict],
    generate_structure: Callable[..., orm.StructureData],
) -> None:
    """A calculator that does not exist is tried once, and named."""
    parameters = {"calculator": "no_such_module:Calculator"}
    node = run(settings(parameters=parameters), [generate_structure()])
    assert node.exit_status == 453
    assert [job.exit_status for job in jobs(node)] == [310]
    assert "no_such_module" in node.outputs.report["failures"]["frame_0000"]["detail"]


def test_context_survives_a_checkpoint() -> None:
    """A daemon that starts again finds batches and dynamics as they were."""
    remedy = Remedy(reason=LabelFailure.NOT_CONVERGED, number=1)
    batch = Batch(number=3, frames=("frame_0001",), method="0_method_1", remedy=remedy, history=("not_converged",))
    context = {"batches": {batch.key: batch}, "next": NextJob.CHANGE, "progress": Progress(done=3, remedies=1)}
    found = deserialize_unsafe(serialize(context))
    assert found == context
    assert str(found["batches"][batch.key].remedy) == "not_converged_1"
    assert found["next"] is NextJob.CHANGE


@pytest.mark.slow
def test_labelling_never_repeats_a_label(
    run: Callable[..., orm.WorkChainNode],
    settings: Callable[..., orm.Dict],
    generate_structure: Callable[..., orm.StructureData],
    tmp_path: Path,
) -> None:
    """A second phase with the same frames and other limits takes the labels that are there."""
    structures = [generate_structure(seed=seed) for seed in range(2)]
    run(settings(), structures)
    node = run(settings(checks={"max_force": 20.0, "max_net_force": None}, batch_size=9), structures)
    assert node.outputs.report["labelled"] == 2
    assert len(computed(tmp_path)) == 2
