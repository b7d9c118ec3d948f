"""Frames are named, and found again, in one place."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from aiida_nnpgen.common.dynamics import MdRun
from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.common.types import RunEnd
from aiida_nnpgen.data.labels import (
    StructureLink,
    frame_key,
    frame_number,
    is_run_key,
    label_node,
    labelled_keys,
    link_key,
    run_links,
    run_nodes,
    structure_link,
)


@pytest.mark.parametrize("number", [0, 7, 9999, 10_000, 1_234_567])
def test_key_of_a_frame_gives_its_number_back(number: int) -> None:
    """Also beyond four digits."""
    assert frame_number(frame_key(number)) == number


@pytest.mark.parametrize("key", ["", "frame_", "0007", "water_0007", "frame_7x", "frame_-1"])
def test_other_keys_are_refused(key: str) -> None:
    """A key that is not of a frame has no number."""
    with pytest.raises(ValueError, match="no key of a frame"):
        frame_number(key)


@pytest.mark.parametrize(
    ("link", "name", "key"),
    [
        (StructureLink.FRAME, "frame_0012", "frame_0012"),
        (StructureLink.NAMESPACE, "structures__frame_0012", "frame_0012"),
        (StructureLink.START, "structure", None),
    ],
)
def test_label_node_names_the_structure_of_each_row(
    aiida_profile: object, generate_labelled: Callable[..., Frames], link: StructureLink, name: str, key: str | None
) -> None:
    """Each way in which a structure enters is told apart."""
    node = label_node(generate_labelled(n_frames=2), [3, 12], link)
    assert structure_link(node, 1) == name
    assert link_key(name) == key
    assert labelled_keys(node) == {"frame_0003", "frame_0012"}


def joined(frames: Frames, makers: list[int]) -> MdRun:
    """Return a dynamics that several jobs made."""
    steps = np.arange(len(frames))
    return MdRun(frames=frames, steps=steps, end=RunEnd.COMPLETED, message="", makers=np.array(makers))


def test_run_nodes_name_the_job_of_each_frame(aiida_profile: object, generate_labelled: Callable[..., Frames]) -> None:
    """By the link through which what the job computed enters the function that joins."""
    made = run_nodes(joined(generate_labelled(n_frames=3), [0, 1, 1]))
    assert run_links(made["labels"]) == ["run_00", "run_01", "run_01"]
    assert made["report"].get_dict()["n_frames"] == 3
    assert all(is_run_key(link) for link in run_links(made["labels"]))
    assert not is_run_key("structure")


def test_run_nodes_without_a_frame_are_a_report(
    aiida_profile: object, generate_labelled: Callable[..., Frames]
) -> None:
    """There is no label node without labels."""
    assert set(run_nodes(joined(generate_labelled(n_frames=1)[[]], []))) == {"report"}


def test_run_links_of_one_job_are_none(aiida_profile: object, generate_labelled: Callable[..., Frames]) -> None:
    """Nothing is to be told apart."""
    assert run_links(label_node(generate_labelled(n_frames=2), [0, 1], StructureLink.START)) == [None, None]
