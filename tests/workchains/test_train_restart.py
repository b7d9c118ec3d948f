"""Training that is cut, and goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from aiida import orm
from aiida.engine import run_get_node

from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.data import DatasetData, Origin
from aiida_nnpgen.workchains.restart.train import TrainBaseWorkChain
from aiida_nnpgen.workchains.training import TrainingWorkChain


@pytest.fixture
def dataset(aiida_profile: object, generate_labelled: Callable[..., Frames]) -> DatasetData:
    """Return a small shard."""
    return DatasetData([generate_labelled(3)], [0, 0, 1], [Origin(iteration=0, reason="x")] * 3)


@pytest.fixture
def train(
    python_code: orm.InstalledCode, standin_backend: str, dataset: DatasetData
) -> Callable[..., orm.WorkChainNode]:
    """Return a function that trains one model of the stand-in, with parameters of its own."""

    def run(**parameters: Any) -> orm.WorkChainNode:
        settings = {"architecture": standin_backend, "elements": ["H", "O"], "seed": 3, "parameters": parameters}
        inputs = {"code": python_code, "datasets": {"a": dataset}, "settings": orm.Dict(settings)}
        _, node = run_get_node(TrainBaseWorkChain, train=inputs, max_iterations=orm.Int(3))
        return node

    return run


def jobs(node: orm.WorkChainNode) -> list[orm.CalcJobNode]:
    """Return the jobs of a training, in the order of their launch."""
    return sorted((job for job in node.called if isinstance(job, orm.CalcJobNode)), key=lambda job: job.pk)


def test_train_base_makes_a_model_at_once(train: Callable[..., orm.WorkChainNode]) -> None:
    """A training that is left alone is one job."""
    node = train(steps=4)
    assert node.is_finished_ok, node.exit_message
    assert len(jobs(node)) == 1
    assert node.outputs.potential.base.repository.get_object_content("model.txt") == "seed 3"


def test_train_base_goes_on_from_the_checkpoint(train: Callable[..., orm.WorkChainNode]) -> None:
    """A job that is killed at its third step leaves two steps, on which the next one builds."""
    node = train(steps=5, die_at=2)
    assert node.is_finished_ok, node.exit_message
    assert [job.exit_status for job in jobs(node)] == [400, 0]
    assert jobs(node)[1].inputs.restart_folder.uuid == jobs(node)[0].outputs.remote_folder.uuid
    curve = node.outputs.learning_curve
    np.testing.assert_array_equal(curve.get_array("step"), [1, 2, 3, 4, 5])
    process = curve.get_array("process")
    assert process[0] == process[1] != process[2] == process[4]


@pytest.mark.slow
def test_train_base_gives_up_after_enough_jobs(train: Callable[..., orm.WorkChainNode]) -> None:
    """A training that is always killed ends with an error."""
    node = train(steps=5, die_at=2, always=True)
    assert not node.is_finished_ok
    assert [job.exit_status for job in jobs(node)] == [400, 400, 400]


def test_train_base_does_not_repeat_an_error(train: Callable[..., orm.WorkChainNode]) -> None:
    """An error of the back end would come again: one job, and its message."""
    node = train(fail=True)
    assert [job.exit_status for job in jobs(node)] == [310]
    assert "bad mood" in jobs(node)[0].exit_message


def test_train_base_does_not_repeat_a_divergence(train: Callable[..., orm.WorkChainNode]) -> None:
    """A diverged training gives no model."""
    node = train(diverge=True)
    assert [job.exit_status for job in jobs(node)] == [410]
    assert "potential" not in node.outputs


@pytest.fixture
def committee(
    python_code: orm.InstalledCode, standin_backend: str, dataset: DatasetData
) -> Callable[..., orm.WorkChainNode]:
    """Return a function that trains a committee of the stand-in."""

    def run(committee: int = 3, parents: dict[str, orm.Data] | None = None, **parameters: Any) -> orm.WorkChainNode:
        settings = {
            "architecture": standin_backend,
            "elements": ["H", "O"],
            "seed": 3,
            "parameters": parameters,
            "committee": committee,
            "max_attempts": 2,
        }
        inputs = {"settings": orm.Dict(settings), "datasets": {"a": dataset}, "parents": parents or {}}
        _, node = run_get_node(TrainingWorkChain, code=python_code, **inputs)
        return node

    return run


@pytest.mark.slow
def test_training_gives_each_member_its_seed(committee: Callable[..., orm.WorkChainNode]) -> None:
    """Members are independent nets."""
    node = committee()
    assert node.is_finished_ok, node.exit_message
    models = node.outputs.models
    assert sorted(models) == ["model_0", "model_1", "model_2"]
    assert len({model.base.attributes.get("seed") for model in models.values()}) == 3
    assert sorted(node.outputs.learning_curves) == sorted(models)


@pytest.mark.slow
def test_training_starts_each_member_from_its_own_parent(committee: Callable[..., orm.WorkChainNode]) -> None:
    """Members keep their identity over iterations."""
    parents = dict(committee(committee=2).outputs.models)
    models = committee(committee=2, parents=parents).outputs.models
    assert {key: model.parent.uuid for key, model in models.items()} == {
        key: parent.uuid for key, parent in parents.items()
    }


def test_training_fails_with_the_message_of_the_job(committee: Callable[..., orm.WorkChainNode]) -> None:
    """The reason that the user reads is the back end's own."""
    node = committee(committee=1, fail=True)
    assert node.exit_status == 450
    assert "model_0" in node.exit_message
    assert "bad mood" in node.exit_message
