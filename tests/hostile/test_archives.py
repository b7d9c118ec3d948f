"""Archives of strangers: names of files are paths, and nothing is written where they lead."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiida import orm
from aiida.common.exceptions import ValidationError
from aiida.plugins import DataFactory

from aiida_nnpgen.calculations.functions import import_frames
from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.data import PotentialData
from aiida_nnpgen.data.repository import check_single_file, copy_files, unpacked
from aiida_nnpgen.data.validators import validate_nodes

PATHS: list[tuple[str, ...]] = [
    ("..", "harm"),
    ("..", "nnpgen.pyz"),
    ("..", "..", "..", "harm"),
    ("weights", "..", "..", "harm"),
    ("../harm",),
    ("weights/../../harm",),
    ("/harm",),
    ("..",),
    (".", "harm"),
    ("",),
    ("", "harm"),
    ("-rf",),
    ("a b",),
    ("harm\n",),
    ("$(harm)",),
    ("..\\harm",),
    ("harm\x00",),
    ("ha\u202erm",),
    ("h" * 300,),
    ("~",),
    ("*",),
]
NOT_OF_A_MODEL: list[tuple[str, ...]] = [
    ("nnpgen.pyz",),
    ("config.json",),
    ("weights.index", "harm"),
    ("weights", "model.pb"),
    ("MODEL.PB",),
    (".bashrc",),
    ("sitecustomize.py",),
]
REFUSED = "is no plain name|nested too deep"


def test_model_of_an_archive_writes_nothing_else(
    generate_potential: Callable[..., PotentialData],
    forge_names: Callable[..., Any],
    through_archive: Callable[..., list[Any]],
    written: Callable[[], set[str]],
    tmp_path: Path,
) -> None:
    """The good file beside it is not written either, and no clone can be stored."""
    paths = PATHS + NOT_OF_A_MODEL
    models = through_archive(*(forge_names(generate_potential(), [path]) for path in paths))
    (tmp_path / "job" / "model").mkdir(parents=True)
    before = written()
    for path, model in zip(paths, models, strict=True):
        for attempt in (model.copy_to, partial(validate, model)):
            try:
                message = attempt(tmp_path / "job" / "model")
            except InputError as exception:
                message = str(exception)
            assert message is not None, path
            assert model.uuid in message
            # AiiDA itself walks round in circles where a folder is named `.`.
            words = ("no plain name", "is none of a `deepmd` model", "nested too deep")
            assert any(word in message for word in words), path
        assert written() == before, path
        # AiiDA's own copy stumbles over some of the names.
        with pytest.raises((ValidationError, OSError, TypeError, RecursionError)):
            model.clone().store()


def validate(model: PotentialData, _folder: Path) -> str | None:
    """Return what is wrong with a model, as a port says it."""
    return validate_nodes({"model": model}, None)


@pytest.mark.parametrize("own", [False, True], ids=["plain", "own"])
def test_folder_of_an_archive_is_unpacked_inside(
    own: bool,
    forge_names: Callable[..., Any],
    through_archive: Callable[..., list[Any]],
    written: Callable[[], set[str]],
    tmp_path: Path,
) -> None:
    """Folders with the user's own files may have names of other letters; what leads out is refused there too."""
    nodes = through_archive(*(forge_names(orm.FolderData(), [("good.txt",), path]) for path in PATHS))
    for number, (path, node) in enumerate(zip(PATHS, nodes, strict=True)):
        target = tmp_path / f"job_{number}" / "files"
        target.mkdir(parents=True)
        before = written()
        if own and path in (("-rf",), ("a b",), ("$(harm)",), ("~",), ("*",)):
            assert sorted(copy_files(node, target, own=True)) == sorted(["good.txt", path[0]])
            assert written() == before | {f"job_{number}/files/{name}" for name in ("good.txt", path[0])}
            continue
        with pytest.raises(InputError, match=REFUSED):
            copy_files(node, target, own=own)
        assert written() == before, path
        with pytest.raises(InputError, match=REFUSED), unpacked(node, own=own):
            pytest.fail(f"{path} was unpacked")


def test_folders_without_end_are_refused(aiida_profile: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tree that is deeper than Python goes is an error with a name."""

    def walk(self: object) -> Any:
        raise RecursionError

    node = orm.FolderData()
    monkeypatch.setattr(type(node.base.repository), "walk", walk)
    with pytest.raises(InputError, match="nested too deep"):
        copy_files(node, Path("/nonexistent"))


def test_copy_replaces_no_file(aiida_profile: object, tmp_path: Path) -> None:
    """What is there already stays, also where a name leads to it that is plain."""
    node = orm.FolderData()
    node.base.repository.put_object_from_filelike(io.BytesIO(b"harm"), "nnpgen.pyz")
    (tmp_path / "nnpgen.pyz").write_bytes(b"program")
    with pytest.raises(InputError, match=r"`nnpgen\.pyz` would replace"):
        copy_files(node, tmp_path)
    assert (tmp_path / "nnpgen.pyz").read_bytes() == b"program"


FILENAMES = ["..", "../harm", "/etc/passwd", "", ".", "sub", "other.psp", "a b", None, 3, ["x"]]


def test_single_file_of_an_archive_is_called_what_it_is(
    store_unchecked: Callable[..., Any], through_archive: Callable[..., list[Any]]
) -> None:
    """The attribute is a path from which and to which jobs copy."""
    nodes = [orm.SinglefileData(io.BytesIO(b"harm"), filename="pseudo.psp") for _ in FILENAMES]
    for node, filename in zip(nodes, FILENAMES, strict=True):
        node.base.attributes.set("filename", filename)
    for found in through_archive(*map(store_unchecked, nodes)):
        with pytest.raises(InputError, match="its `filename` is"):
            check_single_file(found)


@pytest.mark.parametrize("kind", ["core.singlefile", "pseudo.upf"])
def test_single_file_that_is_a_tree_is_refused(kind: str, forge_names: Callable[..., Any]) -> None:
    """AiiDA's list of copies unpacks a folder by the name of a file, and follows what is in it."""
    if kind not in ("core.singlefile",):
        pytest.importorskip("aiida_pseudo")
    content = b'<UPF version="2.0.1">\n<PP_HEADER element="O" z_valence="6.0"/></UPF>'
    node = DataFactory(kind)(io.BytesIO(content), filename="O.upf")
    found = forge_names(node, [("more", "..", "..", "harm")])
    assert "no plain name" in str(validate_nodes({"O": found}, None))


@pytest.mark.parametrize("filename", ["../data.xyz", "..", "other.xyz"])
def test_import_reads_one_file_by_its_name(filename: str, store_unchecked: Callable[..., Any]) -> None:
    """It is written to a folder under the name that the node says."""
    node = orm.SinglefileData(io.BytesIO(b"1\n\nH 0 0 0\n"), filename="data.xyz")
    node.base.attributes.set("filename", filename)
    settings = orm.Dict({"name": "data", "path": "data.xyz", "checks": {}, "validation_fraction": 0.0, "seed": 1})
    with pytest.raises(InputError, match="its `filename` is"):
        import_frames(settings, store_unchecked(node))


def test_forging_is_as_real_as_an_archive(
    generate_potential: Callable[..., PotentialData],
    forge_names: Callable[..., Any],
    through_archive: Callable[..., list[Any]],
    tmp_path: Path,
) -> None:
    """Without this package AiiDA's own copy of a tree follows the names: the fixtures forge what they should."""
    [model] = through_archive(forge_names(generate_potential(), [("..", "harm")]))
    (tmp_path / "folder").mkdir()
    model.base.repository.copy_tree(tmp_path / "folder")
    assert (tmp_path / "harm").read_bytes() == b"harm"
