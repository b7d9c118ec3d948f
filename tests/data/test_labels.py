"""Frames are named, and found again, in one place."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.data.labels import (
    StructureLink,
    frame_key,
    frame_number,
    label_node,
    labelled_keys,
    link_key,
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
