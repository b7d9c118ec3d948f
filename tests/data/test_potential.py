"""Models as nodes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from aiida import orm
from aiida.common.exceptions import ValidationError
from forged_graph import net, node

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.data import PotentialData
from aiida_nnpgen.models.deepmd.description import MODEL_FILES, Description

pytestmark = pytest.mark.usefixtures("aiida_profile")


def generate_potential(folder: Path, **changes: object) -> PotentialData:
    """Return a model made of two files."""
    (folder / "model.pb").write_bytes(net())
    Description(version="3", elements=("O", "H"), steps=1, seed=1, model={}).write(folder)
    files = {name: folder / name for name in MODEL_FILES[:2]}
    values = {"architecture": "deepmd", "version": "3", "elements": ["O", "H"], "cutoff": 6.0, "seed": 1, "dtype": "f"}
    return PotentialData(files, **(values | changes))  # type: ignore[arg-type]


def test_potential_gives_back_its_files(tmp_path: Path) -> None:
    """The files that went in come out, with what one asks of the model."""
    node = orm.load_node(generate_potential(tmp_path).store().pk)
    target = tmp_path / "out"
    target.mkdir()
    node.copy_to(target)
    assert (target / "model.pb").read_bytes() == net()
    assert node.files == ["model.json", "model.pb"]
    assert (node.architecture, node.elements, node.cutoff) == ("deepmd", ["O", "H"], 6.0)
    assert node.implementation.abilities.lammps
    assert node.parent is None


def test_potential_keeps_subfolders(tmp_path: Path, register_backend: Callable[[str, str], str]) -> None:
    """Files in folders come out in folders."""
    (tmp_path / "part").write_bytes(b"part")
    values = {
        "architecture": register_backend("gaussians", "pair_model:BACKEND"),
        "version": "3",
        "elements": ["O"],
        "cutoff": 6.0,
        "seed": 1,
        "dtype": "f",
    }
    files = {"model.json": tmp_path / "part", "weights/part.bin": tmp_path / "part"}
    node = PotentialData(files, **values).store()  # type: ignore[arg-type]
    assert node.files == ["model.json", "weights/part.bin"]
    target = tmp_path / "out"
    target.mkdir()
    node.copy_to(target)
    assert (target / "weights" / "part.bin").read_bytes() == b"part"


@pytest.mark.parametrize("name", ["../part", "weights/../../part", "/part", "nnpgen.pyz", "model.pb/x", "-rf"])
def test_potential_refuses_files_outside(tmp_path: Path, name: str) -> None:
    """What a job says of its files is not believed."""
    (tmp_path / "part").write_bytes(b"part")
    values = {"architecture": "deepmd", "version": "3", "elements": ["O"], "cutoff": 6.0, "seed": 1, "dtype": "f"}
    with pytest.raises(InputError, match="is none of a `deepmd` model"):
        PotentialData({name: tmp_path / "part"}, **values)  # type: ignore[arg-type]


def test_potential_copies_nothing_outside(tmp_path: Path) -> None:
    """An archive may hold a folder named `..`."""
    node = generate_potential(tmp_path)
    node.base.repository.put_object_from_bytes(b"harm", "../harm")
    (tmp_path / "out").mkdir()
    with pytest.raises(InputError, match=r"`\.\./harm`"):
        node.copy_to(tmp_path / "out")
    assert not (tmp_path / "harm").exists()


def test_potential_hash_depends_on_content_alone(tmp_path: Path) -> None:
    """Equal files and facts have an equal hash; another seed has another."""
    first, second = (generate_potential(tmp_path).store() for _ in range(2))
    other = generate_potential(tmp_path, seed=2).store()
    assert first.base.caching.get_hash() == second.base.caching.get_hash()
    assert first.base.caching.get_hash() != other.base.caching.get_hash()


def test_potential_needs_a_file() -> None:
    """A model without files cannot be stored."""
    values = {"architecture": "deepmd", "version": "3", "elements": ["O"], "cutoff": 6.0, "seed": 1, "dtype": "f"}
    with pytest.raises(ValidationError, match="file"):
        PotentialData({}, **values).store()  # type: ignore[arg-type]


def test_potential_with_a_harmful_graph_is_not_stored(tmp_path: Path) -> None:
    """What a job leaves is looked at where it becomes a node."""
    model = generate_potential(tmp_path)
    model.base.repository.put_object_from_bytes(net() + node("harm", "WriteFile"), "model.pb")
    with pytest.raises(ValidationError, match="`WriteFile`"):
        model.store()


def test_potential_with_a_harmful_graph_is_not_copied(tmp_path: Path) -> None:
    """A node of an archive was never validated: the check stands before every copy, and nothing is written."""
    model = generate_potential(tmp_path)
    model.check()
    model.base.repository.put_object_from_bytes(net() + node("harm", "WriteFile"), "model.pb")
    (tmp_path / "out").mkdir()
    with pytest.raises(InputError, match="`WriteFile`"):
        model.copy_to(tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


def test_potential_holds_no_other_files(tmp_path: Path) -> None:
    """A file that the back end does not name has no business in a job."""
    model = generate_potential(tmp_path)
    model.base.repository.put_object_from_bytes(b"harm", "config.json")
    with pytest.raises(ValidationError, match=r"config\.json"):
        model.store()
