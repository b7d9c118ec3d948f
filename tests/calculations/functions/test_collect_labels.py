"""Labels, and what becomes of bad ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from aiida import orm

from aiida_nnpgen.calculations.functions import collect_labels
from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.common.types import Split
from aiida_nnpgen.data.trajectory import frames_to_trajectory

pytestmark = pytest.mark.usefixtures("aiida_profile")


def label_node(frames: Frames, first: int = 0) -> orm.TrajectoryData:
    """Return labels of the structures ``frame_<first>`` and following."""
    node = frames_to_trajectory(frames, np.arange(first, first + len(frames)))
    node.base.attributes.set("structure_link", "structures__frame_{:04d}")
    return node


def plan(**changes: Any) -> orm.Dict:
    """Return the settings of a collection."""
    checks = {"max_force": 30.0, "max_net_force": 0.1}
    return orm.Dict({"checks": checks, "iteration": 2, "validation_fraction": 0.25, "seed": 5} | changes)


def record(count: int) -> orm.Dict:
    """Return a reason for each structure."""
    return orm.Dict({f"frame_{index:04d}": {"reason": f"reason {index}"} for index in range(count)})


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ([[40.0, 0, 0], [-40.0, 0, 0], [0, 0, 0]], "large_force"),
        ([[0.5, 0, 0], [0, 0, 0], [0, 0, 0]], "net_force"),
        ([[np.nan, 0, 0], [0, 0, 0], [0, 0, 0]], "not_finite"),
        (np.zeros((3, 3)), "all_zero"),
    ],
)
def test_collect_labels_refuses_what_is_no_label(
    generate_labelled: Callable[..., Frames], row: object, reason: str
) -> None:
    """A bad label is left out and recorded with its reason and its place; the others stay."""
    frames = generate_labelled(3)
    frames.forces[1] = row
    made = collect_labels(plan(), record(3), labels_a=label_node(frames))
    failure = made["report"]["failures"]["frame_0001"]
    assert (failure["reason"], failure["label"], failure["index"]) == (reason, "labels_a", 1)
    assert made["report"]["reasons"] == {reason: 1}
    np.testing.assert_array_equal(made["dataset"].get_frames()[0].energies, frames.energies[[0, 2]])


def test_collect_labels_keeps_the_limits_it_is_given(generate_labelled: Callable[..., Frames]) -> None:
    """The same large force passes under a higher limit."""
    frames = generate_labelled(1)
    frames.forces[0] = [[40.0, 0, 0], [-40.0, 0, 0], [0, 0, 0]]
    settings = plan(checks={"max_force": 50.0, "max_net_force": None})
    assert collect_labels(settings, record(1), labels_a=label_node(frames))["report"]["labelled"] == 1


@pytest.mark.parametrize(("fraction", "expected"), [(0.0, 0), (0.25, 5), (0.99, 19)])
def test_collect_labels_splits_by_fraction(
    generate_labelled: Callable[..., Frames], fraction: float, expected: int
) -> None:
    """The share for validation is the one wanted, and never everything."""
    made = collect_labels(plan(validation_fraction=fraction), record(20), labels_a=label_node(generate_labelled(20)))
    assert np.count_nonzero(made["dataset"].split == Split.VALIDATION) == expected


def test_collect_labels_never_keeps_a_lone_frame_for_validation(generate_labelled: Callable[..., Frames]) -> None:
    """One frame is for training, whatever the fraction."""
    made = collect_labels(plan(validation_fraction=0.9), record(1), labels_a=label_node(generate_labelled(1)))
    assert made["dataset"].split.tolist() == [Split.TRAIN]


def test_collect_labels_splits_by_seed(generate_labelled: Callable[..., Frames]) -> None:
    """Equal seeds draw the same rows, another seed others."""
    splits = [
        collect_labels(plan(seed=seed), record(40), labels_a=label_node(generate_labelled(40)))["dataset"].split
        for seed in (5, 5, 6)
    ]
    np.testing.assert_array_equal(splits[0], splits[1])
    assert (splits[0] != splits[2]).any()


def test_collect_labels_groups_compositions(generate_labelled: Callable[..., Frames]) -> None:
    """Batches of one composition are joined, and every origin stays with its frame."""
    batches = {
        "labels_a": label_node(generate_labelled(2, seed=1)),
        "labels_b": label_node(generate_labelled(2, (6, 1, 1, 1, 1), seed=2), first=2),
        "labels_c": label_node(generate_labelled(1, seed=3), first=4),
    }
    dataset = collect_labels(plan(), record(5), **batches)["dataset"]
    assert [(part.n_atoms, len(part)) for part in dataset.get_frames()] == [(3, 3), (5, 2)]
    energies = np.concatenate([part.energies for part in dataset.get_frames()])
    for energy, origin in zip(energies, dataset.origins, strict=True):
        node = batches[origin.label]
        assert energy == node.get_array("energies")[origin.index]
        number = int(node.get_stepids()[origin.index])
        assert (origin.structure, origin.reason) == (f"structures__frame_{number:04d}", f"reason {number}")
        assert origin.iteration == 2


def test_collect_labels_takes_over_failures(generate_labelled: Callable[..., Frames]) -> None:
    """Failures of all jobs are in the report, and the yield counts them."""
    made = collect_labels(
        plan(),
        record(4),
        labels_a=label_node(generate_labelled(1)),
        failures_a=orm.Dict({"frame_0001": {"reason": "calculator", "detail": "no"}}),
        failures_b=orm.Dict({"frame_0002": {"reason": "job_failed"}, "frame_0003": {"reason": "job_failed"}}),
    )
    report = made["report"].get_dict()
    assert sorted(report["failures"]) == ["frame_0001", "frame_0002", "frame_0003"]
    assert report["reasons"] == {"calculator": 1, "job_failed": 2}
    assert (report["labelled"], report["failed"], report["yield"]) == (1, 3, 0.25)


def test_collect_labels_makes_no_empty_shard() -> None:
    """Without a single label there is a report and no dataset."""
    made = collect_labels(plan(), record(1), failures_a=orm.Dict({"frame_0000": {"reason": "calculator"}}))
    assert set(made) == {"report"}
    assert made["report"]["yield"] == 0


def test_collect_labels_keeps_frames_without_stress(generate_labelled: Callable[..., Frames]) -> None:
    """A method without stress gives labels."""
    frames = replace(generate_labelled(2), stresses=None)
    made = collect_labels(plan(), record(2), labels_a=label_node(frames))
    assert made["report"]["labelled"] == 2
    assert np.isnan(made["dataset"].get_frames()[0].stresses).all()


def test_collect_labels_names_each_bad_frame_of_dynamics(generate_labelled: Callable[..., Frames]) -> None:
    """Frames of a run share one structure: their failures do not overwrite each other."""
    frames = generate_labelled(3)
    frames.forces[:2] = 0
    node = label_node(frames)
    node.base.attributes.set("structure_link", "structure")
    made = collect_labels(plan(), labels_aimd_000=node)
    assert sorted(made["report"]["failures"]) == ["labels_aimd_000_0", "labels_aimd_000_1"]
    assert made["dataset"].origins[0].reason == "molecular dynamics with the reference method"


def test_collect_labels_counts_frames_of_which_nobody_tells(generate_labelled: Callable[..., Frames]) -> None:
    """A frame that was asked for and is neither label nor failure has failed."""
    reasons = orm.Dict({"frame_0001": {"reason": "calculator"}})
    made = collect_labels(plan(), record(4), labels_a=label_node(generate_labelled(1)), failures_a=reasons)
    report = made["report"].get_dict()
    assert (report["labelled"], report["failed"], report["yield"]) == (1, 3, 0.25)
    assert report["reasons"] == {"calculator": 1, "no_output": 2}
    assert report["failures"]["frame_0003"]["reason"] == "no_output"


def test_collect_labels_counts_planned_frames_of_dynamics(generate_labelled: Callable[..., Frames]) -> None:
    """A run that was cut, and one that gave nothing, count with all their frames but those to be skipped."""
    conditions = {"ensemble": "nvt", "temperature": 300.0, "timestep": 0.5, "steps": 90, "stride": 10}
    planned = {f"planned_aimd_{index:03d}": orm.Dict({"conditions": conditions}) for index in range(3)}
    frames = generate_labelled(6)
    frames.forces[5] = 0
    nodes = {"labels_aimd_000": label_node(frames), "labels_aimd_001": label_node(generate_labelled(10))}
    for node in nodes.values():
        node.base.attributes.set("structure_link", "structure")
    report = collect_labels(plan(skip=2), **nodes, **planned)["report"].get_dict()
    assert report["labelled"] == 3 + 8
    assert report["failed"] == (1 + 4) + 8
    assert report["yield"] == pytest.approx(11 / 24)
    assert report["reasons"] == {"all_zero": 1, "no_output": 12}
    assert report["failures"]["aimd_000"]["detail"] == "4 of 8 planned frames are missing"
