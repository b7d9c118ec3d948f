"""Frames."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.common.frames import Frames


def generate_frames(n_frames: int = 3, *, labelled: bool = True, numbers: tuple[int, ...] = (8, 1, 1)) -> Frames:
    """Return frames of random numbers."""
    generator = np.random.default_rng(n_frames)
    labels = {
        "energies": generator.normal(size=n_frames),
        "forces": generator.normal(size=(n_frames, len(numbers), 3)),
        "stresses": generator.normal(size=(n_frames, 6)),
    }
    return Frames(
        numbers=np.array(numbers),
        positions=generator.normal(size=(n_frames, len(numbers), 3)),
        cells=np.tile(np.diag([4.0, 5.0, 6.0]), (n_frames, 1, 1)),
        **(labels if labelled else {}),
    )


def assert_equal(first: Frames, second: Frames) -> None:
    """Check that all arrays agree."""
    for name in ("numbers", "positions", "cells", "energies", "forces", "stresses"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


@pytest.mark.parametrize(
    ("name", "shape"), [("positions", (3, 4, 3)), ("cells", (3, 9)), ("forces", (2, 3, 3)), ("stresses", (3, 3, 3))]
)
def test_frames_refuse_a_wrong_shape(name: str, shape: tuple[int, ...]) -> None:
    """The error names the array and both shapes."""
    frames = generate_frames()
    arrays = {"numbers": frames.numbers, "positions": frames.positions, "cells": frames.cells}
    with pytest.raises(InputError, match=f"`{name}` has shape"):
        Frames(**(arrays | {name: np.zeros(shape)}))


@pytest.mark.parametrize("labelled", [True, False])
def test_frames_survive_a_file(tmp_path: Path, labelled: bool) -> None:
    """What is saved is loaded, absent labels included."""
    frames = generate_frames(labelled=labelled)
    frames.save(tmp_path / "a.npz")
    assert_equal(Frames.load(tmp_path / "a.npz"), frames)


def test_frames_survive_ase() -> None:
    """Conversion to ASE and back keeps configurations, and the calculators hold the labels."""
    frames = generate_frames()
    images = frames.to_atoms()
    assert_equal(Frames.from_atoms(images), frames.without_labels())
    assert images[1].get_potential_energy() == frames.energies[1]
    np.testing.assert_array_equal(images[1].get_stress(), frames.stresses[1])


@pytest.mark.parametrize(
    ("index", "rows"),
    [([2, 0], [2, 0]), (np.array([True, False, True]), [0, 2]), (slice(1, None), [1, 2]), (1, [1]), ([], [])],
)
def test_frames_select_rows_of_every_array(index: object, rows: list[int]) -> None:
    """Index arrays, masks, slices and numbers select frames, none included."""
    frames = generate_frames()
    chosen = frames[index]  # type: ignore[index]
    assert len(chosen) == len(rows)
    for name in ("positions", "cells", "energies", "forces", "stresses"):
        expected = np.array([getattr(frames, name)[row] for row in rows]).reshape(getattr(chosen, name).shape)
        np.testing.assert_array_equal(getattr(chosen, name), expected)


def test_concatenate_keeps_the_labels_that_all_parts_have() -> None:
    """A label that one part lacks is absent from the whole."""
    joined = Frames.concatenate([generate_frames(2), generate_frames(3, labelled=False)])
    assert len(joined) == 5
    assert not joined.is_labelled


def test_concatenate_refuses_another_order_of_atoms() -> None:
    """Frames of one composition in another order are not joined."""
    with pytest.raises(InputError, match="order"):
        Frames.concatenate([generate_frames(), generate_frames(numbers=(1, 8, 1))])


@pytest.mark.parametrize("join", [Frames.concatenate, Frames.from_atoms])
def test_nothing_cannot_be_joined(join: object) -> None:
    """No frames have no species."""
    with pytest.raises(InputError, match="no "):
        join([])  # type: ignore[operator]


def test_from_atoms_names_the_structure_that_differs() -> None:
    """The error gives the index of the odd one."""
    with pytest.raises(InputError, match="structure 1"):
        Frames.from_atoms([Atoms("CO"), Atoms("OC")])


def test_volumes_are_positive_for_left_handed_cells() -> None:
    """The order of the cell vectors does not change the volume."""
    frames = Frames(numbers=[1], positions=np.zeros((1, 1, 3)), cells=[[[0, 2, 0], [3, 0, 0], [0, 0, 4]]])
    assert frames.volumes == pytest.approx([24.0])


def test_frames_know_their_symbols() -> None:
    """Symbols follow the order of the atoms."""
    assert generate_frames().symbols == ["O", "H", "H"]


def test_by_composition_joins_other_orders_of_the_same_atoms() -> None:
    """Forces go with their atoms; with `keep_order`, another order is another set."""
    one = Frames.from_atoms([Atoms("OHH", positions=np.arange(9).reshape(3, 3), cell=np.eye(3) * 9, pbc=True)])
    one = replace(one, forces=np.arange(9.0).reshape(1, 3, 3))
    order = [1, 0, 2]
    two = replace(one, numbers=one.numbers[order], positions=one.positions[:, order], forces=one.forces[:, order])
    other = Frames.from_atoms([Atoms("OOH", positions=np.arange(9).reshape(3, 3), cell=np.eye(3) * 9, pbc=True)])
    joined, alone = Frames.by_composition([one, replace(other, forces=np.zeros((1, 3, 3))), two])
    assert joined.numbers.tolist() == [8, 1, 1]
    assert len(alone) == 1
    np.testing.assert_array_equal(joined.positions[0], joined.positions[1])
    np.testing.assert_array_equal(joined.forces[0], joined.forces[1])
    assert [len(part) for part in Frames.by_composition([one, two, one], keep_order=True)] == [2, 1]
