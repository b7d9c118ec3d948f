"""The hand-over of frames to a job."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.jobs.files import MANIFEST, TAKEN, find_loss, frames_name, read_frames, write_frames, write_result


def chain(n_atoms: int, n_frames: int = 1) -> Frames:
    """Return frames of a composition of its own."""
    positions = np.random.default_rng(n_atoms).normal(size=(n_frames, n_atoms, 3))
    return Frames(numbers=np.ones(n_atoms), positions=positions, cells=np.tile(np.eye(3), (n_frames, 1, 1)))


@pytest.fixture(scope="module")
def many() -> list[Frames]:
    """Return more sets than three digits can count."""
    return [chain(n_atoms) for n_atoms in range(1, 1101)]


def test_every_set_arrives_in_order(tmp_path: Path, many: list[Frames]) -> None:
    """1100 compositions are written, 1100 are read, each as it was."""
    write_frames(tmp_path, "train", many)
    found = read_frames(tmp_path, "train")
    assert [part.n_atoms for part in found] == [part.n_atoms for part in many]
    for part, other in zip(found, many, strict=True):
        np.testing.assert_array_equal(part.positions, other.positions)


def test_labels_arrive_where_there_are_any(tmp_path: Path, spring_frames: Callable[..., Frames]) -> None:
    """Sets with and without labels travel together; none at all is none."""
    labelled = spring_frames(2)
    write_frames(tmp_path, "frames", [labelled, labelled.without_labels()])
    write_frames(tmp_path, "other", [])
    first, second = read_frames(tmp_path, "frames")
    np.testing.assert_array_equal(first.forces, labelled.forces)
    assert (first.is_labelled, second.is_labelled) == (True, False)
    assert read_frames(tmp_path, "other") == []


def lose_archive(folder: Path) -> None:
    """Remove the archive."""
    (folder / frames_name("frames")).unlink()


def cut_archive(folder: Path) -> None:
    """Cut the archive."""
    path = folder / frames_name("frames")
    path.write_bytes(path.read_bytes()[:-100])


def lose_set(folder: Path) -> None:
    """Leave the last set out of the archive."""
    told = (folder / MANIFEST).read_text()
    write_frames(folder, "frames", [chain(1, 2)])
    (folder / MANIFEST).write_text(told)


def add_set(folder: Path) -> None:
    """Put a set too many into the archive."""
    told = (folder / MANIFEST).read_text()
    write_frames(folder, "frames", [chain(1, 2), chain(2), chain(3)])
    (folder / MANIFEST).write_text(told)


def lose_frame(folder: Path) -> None:
    """Leave a frame out of a set."""
    told = (folder / MANIFEST).read_text()
    write_frames(folder, "frames", [chain(1), chain(2)])
    (folder / MANIFEST).write_text(told)


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lose_archive, "`frames.npz` is missing or damaged"),
        (cut_archive, "`frames.npz` is missing or damaged"),
        (lose_set, "^`frames.npz` lacks set `1` of 2"),
        (add_set, "^`frames.npz` holds set `2`, of which `frames.json` does not tell"),
        (lose_frame, "^set `0` of `frames.npz` has 1 frames, not 2"),
    ],
)
def test_what_lacks_is_named(tmp_path: Path, harm: Callable[[Path], None], message: str) -> None:
    """An archive that does not hold what the manifest says is refused."""
    write_frames(tmp_path, "frames", [chain(1, 2), chain(2)])
    harm(tmp_path)
    with pytest.raises(InputError, match=message):
        read_frames(tmp_path, "frames")


def test_a_kind_that_was_not_handed_over_is_named(tmp_path: Path) -> None:
    """Frames that nobody wrote are an error, not an empty list."""
    write_frames(tmp_path, "train", [chain(1)])
    with pytest.raises(InputError, match=r"`frames\.json` tells of no `validation`"):
        read_frames(tmp_path, "validation")


def test_result_tells_what_was_taken(tmp_path: Path, many: list[Frames]) -> None:
    """A job that worked on fewer frames than it was given is found out."""
    write_frames(tmp_path, "train", many)
    manifest = json.loads((tmp_path / MANIFEST).read_text())
    write_result(tmp_path, {}, train=many)
    assert find_loss(manifest, json.loads((tmp_path / TAKEN).read_text())) is None
    write_result(tmp_path, {}, train=many[:1000])
    loss = find_loss(manifest, json.loads((tmp_path / TAKEN).read_text()))
    assert loss == "it took 1000 frames in 1000 sets of `train`, not the 1100 in 1100 that it was given"
