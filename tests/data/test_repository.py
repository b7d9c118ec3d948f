"""Files of nodes, as they come out of the repository."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from aiida import orm

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.data.repository import copy_files, file_names, unpacked

pytestmark = pytest.mark.usefixtures("aiida_profile")


def folder(*names: str) -> orm.FolderData:
    """Return a node with files that hold their own names."""
    node = orm.FolderData()
    for name in names:
        node.base.repository.put_object_from_filelike(io.BytesIO(name.encode()), name)
    return node


def test_files_come_out_with_their_folders(tmp_path: Path) -> None:
    """As they went in, also from a stored node."""
    node = folder("a.txt", "out/b-1_2.xml").store()
    assert file_names(node) == ["a.txt", "out/b-1_2.xml"]
    assert copy_files(node, tmp_path) == ["a.txt", "out/b-1_2.xml"]
    assert (tmp_path / "out" / "b-1_2.xml").read_text() == "out/b-1_2.xml"
    with unpacked(node) as place:
        assert (place / "a.txt").read_text() == "a.txt"
    assert not place.exists()


def test_files_of_the_user_have_their_own_names(tmp_path: Path) -> None:
    """Blanks and accents are theirs, and no name of ours."""
    node = folder("Läufe 2024/run (1).xyz")
    with pytest.raises(InputError, match="is no plain name"):
        copy_files(node, tmp_path)
    assert copy_files(node, tmp_path, own=True) == ["Läufe 2024/run (1).xyz"]
