"""Input of training jobs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiida import orm
from forged_graph import node

from aiida_nnpgen.calculations.train import TrainCalculation
from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.common.types import Split
from aiida_nnpgen.data import DatasetData, Origin, PotentialData
from aiida_nnpgen.jobs.files import read_frames

SETTINGS = {"architecture": "deepmd", "elements": ["H", "O"], "seed": 9, "parameters": {"steps": 10}}


@pytest.fixture
def inputs(python_code: orm.InstalledCode, generate_labelled: Callable[..., Frames]) -> dict[str, Any]:
    """Return the inputs of a training on two shards, the last row of each for validation."""

    def shard(*parts: Frames) -> DatasetData:
        total = sum(map(len, parts))
        split = np.zeros(total)
        split[-1] = Split.VALIDATION
        return DatasetData(parts, split, [Origin(iteration=0, reason="x")] * total)

    datasets = {
        "a": shard(generate_labelled(3, seed=1)),
        "b": shard(generate_labelled(2, seed=2), generate_labelled(2, (1, 1), seed=3)),
    }
    return {"code": python_code, "datasets": datasets, "settings": orm.Dict(SETTINGS)}


def test_train_joins_shards_by_composition(prepare: Callable[..., Any], inputs: dict[str, Any]) -> None:
    """Rows of one composition of all shards are one set of frames, apart by split."""
    job = prepare(TrainCalculation, **inputs)
    assert [(part.n_atoms, len(part)) for part in read_frames(job.folder, "train")] == [(3, 4), (2, 1)]
    assert [(part.n_atoms, len(part)) for part in read_frames(job.folder, "validation")] == [(3, 1), (2, 1)]
    assert json.loads((job.folder / "config.json").read_text()) == {
        "backend": "aiida_nnpgen.models.deepmd.backend:DEEPMD",
        "settings": {"steps": 10},
        "elements": ["H", "O"],
        "seed": 9,
        "parent": None,
        "restart": False,
    }


def test_train_keeps_copies_out_of_the_repository(
    prepare: Callable[..., Any], inputs: dict[str, Any], generate_potential: Callable[..., PotentialData]
) -> None:
    """Frames and parent model are written for the job, and not stored once more."""
    job = prepare(TrainCalculation, **inputs, parent=generate_potential(("H", "O")))
    assert (job.folder / "parent" / "model.pb").read_bytes() == node("model_of_seed_1", "Placeholder")
    assert json.loads((job.folder / "config.json").read_text())["parent"] == "parent"
    written = {path.relative_to(job.folder).as_posix() for path in job.folder.rglob("*") if path.is_file()}
    assert written - set(job.info.provenance_exclude_list) == {"config.json", "frames.json", "nnpgen.pyz"}


def test_train_copies_what_a_restart_needs(
    prepare: Callable[..., Any], inputs: dict[str, Any], python_code: orm.InstalledCode, tmp_path: Path
) -> None:
    """The working folder of the interrupted job is copied on the computer."""
    remote = orm.RemoteData(remote_path=str(tmp_path), computer=python_code.computer)
    job = prepare(TrainCalculation, **inputs, restart_folder=remote)
    assert json.loads((job.folder / "config.json").read_text())["restart"] is True
    assert job.info.remote_copy_list == [(python_code.computer.uuid, f"{tmp_path}/work", "work")]


def test_train_refuses_a_parent_where_it_cannot_start_from_one(
    prepare: Callable[..., Any],
    inputs: dict[str, Any],
    generate_potential: Callable[..., PotentialData],
    backend_without: Callable[[str], str],
) -> None:
    """The ability is asked for before launch."""
    name = backend_without("warm_start")
    inputs["settings"] = orm.Dict(SETTINGS | {"architecture": name})
    with pytest.raises(ValueError, match="`no_warm_start` cannot start from an earlier model"):
        prepare(TrainCalculation, **inputs, parent=generate_potential(architecture=name))


def test_train_refuses_a_parent_of_another_architecture(
    prepare: Callable[..., Any],
    inputs: dict[str, Any],
    generate_potential: Callable[..., PotentialData],
    standin_backend: str,
) -> None:
    """Its files would mean nothing."""
    with pytest.raises(ValueError, match="`parent` is a `checkpoints`: a `deepmd` cannot start from it"):
        prepare(TrainCalculation, **inputs, parent=generate_potential(architecture=standin_backend))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({key: value for key, value in SETTINGS.items() if key != "seed"}, "`settings` must hold"),
        (SETTINGS | {"steps": 3}, "`settings` must hold"),
        (SETTINGS | {"architecture": "depmd"}, "`depmd` is not registered"),
        (SETTINGS | {"elements": ["H"]}, "datasets.a holds O"),
    ],
)
def test_train_refuses_settings_that_do_not_fit(
    prepare: Callable[..., Any], inputs: dict[str, Any], settings: dict[str, Any], message: str
) -> None:
    """Incomplete settings, and elements that the model would not know, are refused before launch."""
    with pytest.raises(ValueError, match=message):
        prepare(TrainCalculation, **(inputs | {"settings": orm.Dict(settings)}))


def dataset_of(parts: list[Frames]) -> DatasetData:
    """Return a shard to train on."""
    total = sum(map(len, parts))
    return DatasetData(parts, np.zeros(total), [Origin(iteration=0, reason="x")] * total)


def test_train_hands_every_composition_over(
    prepare: Callable[..., Any], inputs: dict[str, Any], generate_labelled: Callable[..., Frames]
) -> None:
    """1100 compositions in two shards are 1100 sets in the job, and the manifest says so."""
    parts = [generate_labelled(1, (1,) * (1 + index // 40) + (8,) * (1 + index % 40)) for index in range(1100)]
    datasets = {"a": dataset_of(parts[:600]), "b": dataset_of(parts[600:])}
    job = prepare(TrainCalculation, **inputs | {"datasets": datasets})
    assert len(read_frames(job.folder, "train")) == 1100
    assert json.loads((job.folder / "frames.json").read_text()) == {"train": [1] * 1100, "validation": []}


def test_train_sees_one_composition_in_a_shuffled_alloy(
    prepare: Callable[..., Any], inputs: dict[str, Any], generate_labelled: Callable[..., Frames]
) -> None:
    """Frames that differ in the order of their atoms are one set, each force with its atom."""
    generator = np.random.default_rng(0)
    parts = [generate_labelled(1, tuple(generator.permutation([1] * 4 + [8] * 4)), seed=seed) for seed in range(50)]
    [joined] = read_frames(prepare(TrainCalculation, **inputs | {"datasets": {"a": dataset_of(parts)}}).folder, "train")
    np.testing.assert_array_equal(joined.numbers, parts[0].numbers)
    for row, part in enumerate(parts):
        rows = [part.positions[0].tolist().index(atom) for atom in joined.positions[row].tolist()]
        np.testing.assert_array_equal(part.numbers[rows], joined.numbers)
        np.testing.assert_array_equal(part.forces[0][rows], joined.forces[row])
        assert part.energies[0] == joined.energies[row]
