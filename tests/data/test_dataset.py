"""Shards of labelled frames."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from aiida import orm
from aiida.common.exceptions import ModificationNotAllowed

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.common.types import Split
from aiida_nnpgen.data import DatasetData, Origin

pytestmark = pytest.mark.usefixtures("aiida_profile")


@pytest.fixture
def generate_frames() -> Callable[..., Frames]:
    """Return a factory of labelled frames."""

    def generate(n_frames: int = 3, numbers: tuple[int, ...] = (8, 1, 1), seed: int = 0, stress: bool = True) -> Frames:
        generator = np.random.default_rng(seed)
        shape = (n_frames, len(numbers), 3)
        return Frames(
            numbers=np.array(numbers),
            positions=generator.normal(size=shape),
            cells=np.tile(5 * np.eye(3), (n_frames, 1, 1)),
            energies=generator.normal(size=n_frames),
            forces=generator.normal(size=shape),
            stresses=generator.normal(size=(n_frames, 6)) if stress else None,
        )

    return generate


def generate_dataset(parts: list[Frames]) -> DatasetData:
    """Return a dataset whose last row is for validation."""
    total = sum(len(part) for part in parts)
    split = np.zeros(total)
    split[-1] = Split.VALIDATION
    origins = [Origin(iteration=1, reason=f"row {row}", label="labels_a", index=row) for row in range(total)]
    return DatasetData(parts, split, origins)


def test_dataset_returns_what_was_stored(generate_frames: Callable[..., Frames]) -> None:
    """Mixed compositions come back as they were, stress missing where it was."""
    parts = [generate_frames(), generate_frames(2, (6, 1), seed=1, stress=False)]
    node = orm.load_node(generate_dataset(parts).store().pk)
    back = node.get_frames()
    for part, expected in zip(back, parts, strict=True):
        for name in ("numbers", "positions", "cells", "energies", "forces"):
            np.testing.assert_array_equal(getattr(part, name), getattr(expected, name))
    np.testing.assert_array_equal(back[0].stresses, parts[0].stresses)
    assert np.isnan(back[1].stresses).all()
    assert node.elements == ["C", "H", "O"]
    assert [origin.reason for origin in node.origins] == [f"row {row}" for row in range(5)]


def test_dataset_splits_rows(generate_frames: Callable[..., Frames]) -> None:
    """Training and validation rows are told apart, and empty compositions left out."""
    node = generate_dataset([generate_frames(), generate_frames(2, (6, 1))])
    assert [len(part) for part in node.get_frames(Split.TRAIN)] == [3, 1]
    assert [len(part) for part in node.get_frames(Split.VALIDATION)] == [1]
    assert len(node) == 5


def test_dataset_hash_depends_on_content_alone(generate_frames: Callable[..., Frames]) -> None:
    """Equal content has an equal hash; one changed digit has another."""
    first, second = (generate_dataset([generate_frames()]).store() for _ in range(2))
    other = generate_dataset([generate_frames(seed=1)]).store()
    assert first.base.caching.get_hash() == second.base.caching.get_hash()
    assert first.base.caching.get_hash() != other.base.caching.get_hash()


def test_dataset_clone_has_the_frames(generate_frames: Callable[..., Frames]) -> None:
    """A clone is a full copy."""
    node = generate_dataset([generate_frames()]).store()
    clone = node.clone().store()
    assert clone.uuid != node.uuid
    np.testing.assert_array_equal(clone.get_frames()[0].forces, node.get_frames()[0].forces)


def test_dataset_cannot_change(generate_frames: Callable[..., Frames]) -> None:
    """A stored shard is immutable."""
    node = generate_dataset([generate_frames()]).store()
    with pytest.raises(ModificationNotAllowed):
        node.base.attributes.set("n_frames", 7)
    with pytest.raises(ModificationNotAllowed):
        node.base.repository.delete_object("energies.npy")


def test_dataset_size_is_that_of_its_arrays(generate_frames: Callable[..., Frames]) -> None:
    """Storage takes hardly more than the raw numbers."""
    frames = generate_frames(200, (8, 1, 1) * 20)
    node = DatasetData([frames], np.zeros(200), [Origin(iteration=0, reason="x")] * 200).store()
    names = node.base.repository.list_object_names()
    size = sum(len(node.base.repository.get_object_content(name, "rb")) for name in names)
    raw = sum(array.nbytes for array in (frames.positions, frames.forces, frames.cells, frames.stresses))
    assert size < 1.03 * raw


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"energies": None}, "energy and forces"),
        ({"forces": np.full((3, 3, 3), np.nan)}, "`forces`"),
        ({"positions": np.full((3, 3, 3), np.inf)}, "`positions`"),
    ],
)
def test_dataset_refuses_what_is_no_label(
    generate_frames: Callable[..., Frames], change: dict[str, object], message: str
) -> None:
    """Missing or non-finite labels never get into a dataset."""
    frames = generate_frames()
    values = {name: getattr(frames, name) for name in ("numbers", "positions", "cells", "energies", "forces")}
    with pytest.raises(InputError, match=message):
        generate_dataset([Frames(**(values | change))])


def test_dataset_refuses_wrong_lengths(generate_frames: Callable[..., Frames]) -> None:
    """Rows, splits and origins must match."""
    with pytest.raises(InputError, match="2 splits"):
        DatasetData([generate_frames()], [0, 1], [Origin(iteration=0, reason="x")] * 3)
    with pytest.raises(InputError, match="at least one frame"):
        DatasetData([], [], [])
