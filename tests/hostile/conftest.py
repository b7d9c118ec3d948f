"""Nodes as no program of this package makes them, forged at run time and brought in through an archive."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiida import orm
from aiida.tools import delete_nodes
from aiida.tools.archive import create_archive, import_archive

from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.data import DatasetData, Origin, PotentialData

Forged = Callable[..., Any]


@pytest.fixture
def pair_backend(register_backend: Callable[[str, str], str]) -> str:
    """Register the architecture of the finished training, and return its name."""
    return register_backend("pairs", "pair_model:BACKEND")


@pytest.fixture
def store_unchecked(aiida_profile: object, monkeypatch: pytest.MonkeyPatch) -> Forged:
    """Return a function that stores a node without validation, as an import does."""

    def store(node: orm.Data) -> Any:
        with monkeypatch.context() as patch:
            patch.setattr(type(node), "_validate", lambda _: True)
            return node.store()

    return store


@pytest.fixture
def through_archive(aiida_profile: object, tmp_path_factory: pytest.TempPathFactory) -> Forged:
    """Return a function that exports nodes, deletes them, and returns them as they come back from the archive."""

    def bring(*nodes: orm.Node) -> list[Any]:
        path = tmp_path_factory.mktemp("archive") / "stranger.aiida"
        uuids = [node.uuid for node in nodes]
        create_archive(list(nodes), filename=path)
        delete_nodes([node.pk for node in nodes], dry_run=False)
        import_archive(path)
        return [orm.load_node(uuid) for uuid in uuids]

    return bring


@pytest.fixture
def forge_names(store_unchecked: Forged) -> Forged:
    """Return a function that stores a node and gives it more files, of any names.

    AiiDA refuses some of these names where it writes a file, and takes them all from an archive.
    """

    def forge(node: orm.Data, paths: Iterable[Sequence[str]]) -> Any:
        node.base.repository.put_object_from_filelike(io.BytesIO(b"harm"), "seed.txt")
        stored = store_unchecked(node)
        metadata: dict[str, Any] = stored.base.repository.metadata
        content = metadata["o"].pop("seed.txt")
        for path in paths:
            place = metadata
            for part in path[:-1]:
                place = place.setdefault("o", {}).setdefault(part, {})
            place.setdefault("o", {})[path[-1]] = content
        stored.backend_entity.repository_metadata = metadata
        return orm.load_node(stored.uuid)

    return forge


@pytest.fixture
def forge_dataset(aiida_profile: object, generate_labelled: Callable[..., Frames]) -> Forged:
    """Return a factory of datasets of two compositions, of which files and attributes are other ones.

    A file is given as its bytes, as an array that is written as numpy does, or as None for none.
    """

    def forge(files: Mapping[str, Any] | None = None, **attributes: Any) -> DatasetData:
        parts = [generate_labelled(3), generate_labelled(2, (6, 1), seed=1)]
        origins = [Origin(iteration=1, reason=f"row {row}", label="labels_a", index=row) for row in range(5)]
        node = DatasetData(parts, [0, 0, 0, 0, 1], origins)
        for name, value in (files or {}).items():
            if name in node.base.repository.list_object_names():
                node.base.repository.delete_object(name)
            if value is not None:
                content = value if isinstance(value, bytes) else saved(value)
                node.base.repository.put_object_from_filelike(io.BytesIO(content), name)
        for name, value in attributes.items():
            node.base.attributes.set(name, value)
        return node

    return forge


@pytest.fixture
def dataset(generate_labelled: Callable[..., Frames]) -> DatasetData:
    """Return a shard that is as it should be."""
    return DatasetData([generate_labelled(2)], [0, 0], [Origin(iteration=-1, reason="x")] * 2)


def saved(array: Any) -> bytes:
    """Return an array as numpy writes it; objects are pickled."""
    buffer = io.BytesIO()
    np.save(buffer, np.asarray(array), allow_pickle=True)
    return buffer.getvalue()


@pytest.fixture
def written(tmp_path: Path) -> Callable[[], set[str]]:
    """Return a function that tells what lies in the folder of the test."""
    return lambda: {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")}


@pytest.fixture
def trap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a file that is there as soon as the module ``stranger`` is imported."""
    mark = tmp_path / "imported"
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "stranger.py").write_text(
        f"from pathlib import Path\n\nPath({str(mark)!r}).touch()\n\n\ndef attribute(*_, **__):\n    return None\n"
    )
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, "stranger", raising=False)
    yield mark
    sys.modules.pop("stranger", None)


@pytest.fixture
def generate_model(generate_potential: Callable[..., PotentialData]) -> Callable[..., PotentialData]:
    """Return a factory of models whose attributes are other ones."""

    def generate(**attributes: Any) -> PotentialData:
        node = generate_potential()
        for name, value in attributes.items():
            node.base.attributes.set(name, value)
        return node

    return generate
