"""Systems and input.json of DeePMD-kit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.models.deepmd.input import input_document, model_section, split_by_stress, write_systems
from aiida_nnpgen.models.deepmd.settings import DeepmdSettings


@pytest.fixture
def frames() -> Frames:
    """Return four labelled frames of water-like atoms with stresses 1 to 6 in units of 0.01 eV/Å³."""
    rng = np.random.default_rng(0)
    return Frames(
        numbers=[8, 1, 1],
        positions=rng.normal(size=(4, 3, 3)),
        cells=np.tile(2 * np.eye(3), (4, 1, 1)),
        energies=rng.normal(size=4),
        forces=rng.normal(size=(4, 3, 3)),
        stresses=np.tile(0.01 * np.arange(1, 7), (4, 1)),
    )


def document(frames: Frames, validation: bool = False, **settings: object) -> dict:
    """Return ``input.json`` for one system."""
    chosen = DeepmdSettings(**settings)
    model = model_section(chosen, ["H", "O"], (8, 4))
    return input_document(model, chosen, [("train", frames)], [("valid", frames)] if validation else [], seed=5)


def test_split_by_stress_drops_nothing(frames: Frames) -> None:
    """Frames with a row of NaN become a set without stresses."""
    frames.stresses[[0, 2]] = np.nan
    first, second = split_by_stress(frames)
    np.testing.assert_array_equal(first.energies, frames.energies[[1, 3]])
    np.testing.assert_array_equal(second.energies, frames.energies[[0, 2]])
    assert second.stresses is None


def test_split_by_stress_leaves_no_empty_set(frames: Frames) -> None:
    """All frames have stresses: one set."""
    assert [len(part) for part in split_by_stress(frames)] == [4]


def test_split_by_stress_refuses_unlabelled(frames: Frames) -> None:
    """Frames without labels cannot be trained on."""
    with pytest.raises(InputError, match="label"):
        split_by_stress(frames.without_labels())


def test_write_systems_writes_virial(tmp_path: Path, frames: Frames) -> None:
    """The virial is minus the volume (8 Å³) times the stress, as a full matrix."""
    write_systems(tmp_path, "train", [frames], ["H", "O"])
    virial = np.load(tmp_path / "train_000" / "set.000" / "virial.npy")[0].reshape(3, 3)
    expected = -0.08 * np.array([[1, 6, 5], [6, 2, 4], [5, 4, 3]])
    np.testing.assert_allclose(virial, expected)


def test_write_systems_writes_types(tmp_path: Path, frames: Frames) -> None:
    """Types count in the order of the model's elements."""
    write_systems(tmp_path, "train", [frames], ["H", "O"])
    assert (tmp_path / "train_000" / "type.raw").read_text().split() == ["1", "0", "0"]
    assert (tmp_path / "train_000" / "type_map.raw").read_text().split() == ["H", "O"]


def test_write_systems_writes_labels(tmp_path: Path, frames: Frames) -> None:
    """Coordinates, cells, energies and forces are written frame by frame."""
    write_systems(tmp_path, "train", [frames], ["H", "O"])
    arrays = {name: np.load(tmp_path / f"train_000/set.000/{name}.npy") for name in ("coord", "box", "energy", "force")}
    np.testing.assert_array_equal(arrays["coord"], frames.positions.reshape(4, 9))
    np.testing.assert_array_equal(arrays["box"], frames.cells.reshape(4, 9))
    np.testing.assert_array_equal(arrays["energy"], frames.energies.reshape(4, 1))
    np.testing.assert_array_equal(arrays["force"], frames.forces.reshape(4, 9))


def test_write_systems_writes_no_left_handed_cell(tmp_path: Path, frames: Frames) -> None:
    """DeePMD-kit would read it wrongly: two vectors change places, and nothing else does."""
    frames.cells[1] = np.diag([1.0, 2.0, -4.0])
    write_systems(tmp_path, "train", [frames], ["H", "O"])
    box = np.load(tmp_path / "train_000" / "set.000" / "box.npy")[1]
    np.testing.assert_array_equal(box, [0, 2, 0, 1, 0, 0, 0, 0, -4])
    coordinates = np.load(tmp_path / "train_000" / "set.000" / "coord.npy")
    np.testing.assert_array_equal(coordinates, frames.positions.reshape(4, 9))


def test_write_systems_refuses_foreign_element(tmp_path: Path, frames: Frames) -> None:
    """An element that the model lacks is named."""
    with pytest.raises(InputError, match="`O`"):
        write_systems(tmp_path, "train", [frames], ["H", "C"])


def test_write_systems_refuses_not_finite(tmp_path: Path, frames: Frames) -> None:
    """One NaN in the labels would spoil the whole training."""
    frames.forces[0, 0, 0] = np.nan
    with pytest.raises(InputError, match="`force`"):
        write_systems(tmp_path, "train", [frames], ["H", "O"])


def test_input_document_derives_three_seeds(frames: Frames) -> None:
    """Descriptor, fitting net and training draw from different seeds."""
    content = document(frames)
    seeds = {content["model"][name]["seed"] for name in ("descriptor", "fitting_net")} | {content["training"]["seed"]}
    assert len(seeds) == 3


def test_input_document_ignores_virial_without_stress(frames: Frames) -> None:
    """Without any stress the virial has no part in the loss."""
    assert document(frames)["loss"]["start_pref_v"] == 0.02
    loss = document(replace(frames, stresses=None))["loss"]
    assert (loss["start_pref_v"], loss["limit_pref_v"]) == (0, 0)


@pytest.mark.parametrize(("size", "expected"), [(1, 1), (3, 3), (100, 4), ("auto", 4)])
def test_input_document_limits_batch(frames: Frames, size: int | str, expected: int) -> None:
    """A batch holds at most the frames there are; ``auto`` means 32 atoms, here 11 frames."""
    assert document(frames, batch_size=size)["training"]["training_data"]["batch_size"] == [expected]


def test_input_document_without_validation(frames: Frames) -> None:
    """Validation data are optional."""
    assert "validation_data" not in document(frames)["training"]
    assert document(frames, validation=True)["training"]["validation_data"]["batch_size"] == [4]


@pytest.mark.parametrize(
    ("steps", "given", "expected"), [(400_000, None, 2000), (4_000_000, None, 5000), (50, None, 1), (400_000, 7, 7)]
)
def test_input_document_scales_decay(frames: Frames, steps: int, given: int | None, expected: int) -> None:
    """The learning rate falls 200 times, or every 5000 steps, or as asked for."""
    assert document(frames, steps=steps, decay_steps=given)["learning_rate"]["decay_steps"] == expected
