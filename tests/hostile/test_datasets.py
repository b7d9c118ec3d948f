"""What a dataset from outside says: what cannot be is refused with its name."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from aiida import orm
from aiida.common.exceptions import ValidationError
from aiida.common.links import LinkType
from click.testing import CliRunner
from forged_arrays import ATOMS, CELLS, FRAMES, NOT_FINITE, ROWS, SHAPES, huge_header, rows, saved

from aiida_nnpgen.cli import launch
from aiida_nnpgen.cli.main import nnpgen
from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.data import DatasetData, PotentialData
from aiida_nnpgen.data.dataset_files import ARRAYS
from aiida_nnpgen.data.labels import StructureLink, label_node

FILES: dict[str, tuple[str, Any]] = {
    "half of the frames": ("system_shapes", np.array([[3, 1], [2, 2]])),
    "one more frame": ("system_shapes", np.array([[3, 4], [2, 2]])),
    "no frames": ("system_shapes", np.zeros((0, 2), dtype=int)),
    "a composition without frames": ("system_shapes", np.array([[3, 3], [2, 2], [1, 0]])),
    "negative frames": ("system_shapes", np.array([[3, -3], [2, 2]])),
    "frames without end": ("system_shapes", np.array([[2**31, 2**31], [2, 2]])),
    "shapes of another kind": ("system_shapes", SHAPES.astype(float)),
    "shapes in a row": ("system_shapes", SHAPES.ravel()),
    "shapes of three": ("system_shapes", np.ones((2, 3), dtype=int)),
    "shapes as objects": ("system_shapes", SHAPES.astype(object)),
    "numbers of nothing": ("numbers", np.zeros(5, dtype=np.uint8)),
    "numbers beyond elements": ("numbers", np.full(5, 200, dtype=np.uint8)),
    "numbers of other elements": ("numbers", np.full(5, 7, dtype=np.uint8)),
    "numbers of another kind": ("numbers", np.ones(5)),
    "too few numbers": ("numbers", np.ones(4, dtype=np.uint8)),
    "positions nowhere": ("positions", NOT_FINITE),
    "positions in a plane": ("positions", np.zeros((ATOMS, 2))),
    "too few positions": ("positions", np.zeros((ATOMS - 1, 3))),
    "positions as objects": ("positions", np.zeros((ATOMS, 3), dtype=object)),
    "positions as text": ("positions", np.full((ATOMS, 3), "x")),
    "positions as records": ("positions", np.zeros((ATOMS, 3), dtype=[("a", float)])),
    "complex positions": ("positions", np.zeros((ATOMS, 3), dtype=complex)),
    "no positions": ("positions", None),
    "cut positions": ("positions", saved(np.zeros((ATOMS, 3)))[:-8]),
    "positions and more": ("positions", saved(np.zeros((ATOMS, 3))) + b"x"),
    "positions without a head": ("positions", b"x" * 1000),
    "empty positions": ("positions", b""),
    "positions under a huge head": ("positions", huge_header(1 << 20)),
    "positions under a head without end": ("positions", huge_header(2**32 - 1)),
    "positions under an odd head": (
        "positions",
        saved(np.zeros((ATOMS, 3)), words={b"'fortran_order'": b"'fortran_ordre'"}),
    ),
    "positions beyond memory": ("positions", saved(np.zeros((ATOMS, 3)), words={b"(13, 3)": b"(9**9,)"})),
    "positions of a negative number": ("positions", saved(np.zeros((ATOMS, 3)), words={b"(13, 3)": b"(-1, 3)"})),
    "forces nowhere": ("forces", NOT_FINITE),
    "one force for all": ("forces", np.zeros((1, 3))),
    "cells of zeros": ("cells", np.zeros((FRAMES, 3, 3))),
    "a flat cell": ("cells", np.concatenate([CELLS[:-1], np.diag([5.0, 5.0, 0.0])[None]])),
    "cells beyond all numbers": ("cells", CELLS * 1e300),
    "cells nowhere": ("cells", CELLS * np.inf),
    "cells of six": ("cells", np.ones((FRAMES, 6))),
    "energies nowhere": ("energies", np.full(FRAMES, np.nan)),
    "too many energies": ("energies", np.zeros(FRAMES + 1)),
    "half a stress": ("stresses", np.concatenate([np.full((FRAMES, 3), np.nan), np.zeros((FRAMES, 3))], axis=1)),
    "an endless stress": ("stresses", np.full((FRAMES, 6), np.inf)),
    "a third split": ("split", np.array([0, 1, 2, 0, 0], dtype=np.int8)),
    "a split of another kind": ("split", np.zeros(FRAMES)),
    "too few splits": ("split", np.zeros(FRAMES - 1, dtype=np.int8)),
    "another split": ("split", np.ones(FRAMES, dtype=np.int8)),
}
TABLES: dict[str, bytes | None] = {
    "no table": None,
    "empty": b"",
    "no JSON": b"{",
    "a list": b"[]",
    "a text": b'"rows"',
    "foreign column": rows(harm=[1] * FRAMES),
    "missing column": json.dumps({key: ROWS[key] for key in ("iteration", "reason")}).encode(),
    "too few rows": rows(index=[0]),
    "too many rows": rows(index=[0] * (FRAMES + 1)),
    "column that is none": rows(index=0),
    "index of text": rows(index=["0"] * FRAMES),
    "negative index": rows(index=[-1] * FRAMES),
    "index of truth": rows(index=[True] * FRAMES),
    "huge index": rows(index=[10**100] * FRAMES),
    "number of digits": rows().replace(b"[1, 1", b"[" + b"1" * 5000 + b", 1", 1),
    "iteration before the first": rows(iteration=[-2] * FRAMES),
    "broken iteration": rows(iteration=[1.5] * FRAMES),
    "no reason": rows(reason=[None] * FRAMES),
    "reason of a list": rows(reason=[["x"]] * FRAMES),
    "reason without end": rows(reason=["x" * 3000] * FRAMES),
    "label of a number": rows(label=[1] * FRAMES),
    "structure of a mapping": rows(structure=[{}] * FRAMES),
    "nested without end": b"[" * 20_000,
    "no text": b"\xff\xfe" * 10,
    "larger than the rows": b" " * 100_000,
}
ATTRIBUTES: dict[str, dict[str, Any]] = {
    "frames": {"n_frames": 6},
    "frames of text": {"n_frames": "5"},
    "training": {"n_train": 5},
    "elements": {"elements": ["C", "H"]},
    "elements of lists": {"elements": [["C"], "H", "O"]},
    "no elements": {"elements": None},
}


@pytest.mark.parametrize("case", FILES)
def test_dataset_refuses_a_forged_array(case: str, forge_dataset: Callable[..., DatasetData]) -> None:
    """It is never read in silence, and the message names node and array."""
    name, value = FILES[case]
    node = forge_dataset({f"{name}.npy": value})
    for read in (node.check, node.get_frames):
        with pytest.raises(InputError, match="DatasetData") as caught:
            read()
        said = str(caught.value)
        assert any(f"`{array}`" in said for array in ("system_shapes", *ARRAYS, "rows.json", "n_frames", "n_train"))
    with pytest.raises(ValidationError, match="do not use it"):
        node.store()


@pytest.mark.parametrize("case", TABLES)
def test_dataset_refuses_a_forged_table(case: str, forge_dataset: Callable[..., DatasetData]) -> None:
    """Neither lineage nor training gets to see it."""
    node = forge_dataset({"rows.json": TABLES[case]})
    for read in (node.check, node.get_frames, lambda: node.origins, lambda: node.split):
        with pytest.raises(InputError, match=r"rows\.json"):
            read()


@pytest.mark.parametrize("case", ATTRIBUTES)
def test_dataset_refuses_forged_attributes(case: str, forge_dataset: Callable[..., DatasetData]) -> None:
    """They are what the files say."""
    with pytest.raises(InputError, match=f"`{next(iter(ATTRIBUTES[case]))}`"):
        forge_dataset(**ATTRIBUTES[case]).check()


def test_dataset_refuses_another_file(forge_dataset: Callable[..., DatasetData]) -> None:
    """A shard holds its arrays and its table."""
    with pytest.raises(InputError, match=r"`nnpgen\.pyz`"):
        forge_dataset({"nnpgen.pyz": b"harm"}).check()


def test_dataset_is_looked_at_once(forge_dataset: Callable[..., DatasetData], monkeypatch: pytest.MonkeyPatch) -> None:
    """A stored node cannot change; four trainings on it do not read it eight times."""
    node = forge_dataset().store()
    node.check()
    repository = type(node.base.repository)
    calls: list[str] = []
    opened = repository.open

    def count(self: Any, path: str, *rest: Any) -> Any:
        calls.append(path)
        return opened(self, path, *rest)

    monkeypatch.setattr(repository, "open", count)
    node.check()
    assert calls == []
    node.get_frames()
    assert len(calls) == len(ARRAYS) + 1


@pytest.mark.parametrize("case", ["half of the frames", "positions as objects", "a third split"])
def test_forged_dataset_of_an_archive_is_refused_everywhere(
    case: str,
    forge_dataset: Callable[..., DatasetData],
    store_unchecked: Callable[..., Any],
    through_archive: Callable[..., list[Any]],
) -> None:
    """An import validates nothing; a copy of it, as from the cache, is not stored."""
    name, value = FILES[case]
    [node] = through_archive(store_unchecked(forge_dataset({f"{name}.npy": value})))
    with pytest.raises(InputError, match=node.uuid):
        node.get_frames()
    with pytest.raises(ValidationError, match="do not use it"):
        node.clone().store()


@pytest.mark.parametrize(
    "files",
    [
        {"rows.json": rows(index=[99] * FRAMES)},
        {"rows.json": rows(harm=[1] * FRAMES)},
        {"rows.json": b"["},
        {"rows.json": None},
        {"split.npy": np.full(FRAMES, 7, dtype=np.int8)},
        {"split.npy": np.zeros(FRAMES, dtype=object)},
        {"system_shapes.npy": huge_header(1 << 20)},
    ],
    ids=lambda files: next(iter(files)),
)
def test_lineage_of_a_forged_dataset_is_one_line(
    files: dict[str, Any],
    forge_dataset: Callable[..., DatasetData],
    store_unchecked: Callable[..., Any],
    generate_potential: Callable[..., PotentialData],
    generate_labelled: Callable[..., Frames],
    python_code: orm.InstalledCode,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A message, and never a traceback."""
    monkeypatch.setattr(launch, "load_profile", lambda _: None)
    labels = label_node(generate_labelled(FRAMES), range(FRAMES), StructureLink.FRAME).store()
    collecting = orm.CalcFunctionNode()
    collecting.base.links.add_incoming(labels, LinkType.INPUT_CALC, "labels_a")
    collecting.store()
    shard = forge_dataset(files)
    shard.base.links.add_incoming(collecting, LinkType.CREATE, "dataset")
    shard = store_unchecked(shard)
    training = orm.CalcJobNode(computer=python_code.computer, process_type="aiida.calculations:nnpgen.train")
    training.base.links.add_incoming(shard, LinkType.INPUT_CALC, "datasets__a")
    training.store()
    model = generate_potential()
    model.base.links.add_incoming(training, LinkType.CREATE, "potential")
    model.store()
    done = CliRunner().invoke(nnpgen, ["lineage", "model", model.uuid])
    assert done.exit_code == 1
    assert isinstance(done.exception, SystemExit)
    assert done.output.startswith("Error: DatasetData <")
    assert len(done.output.strip().splitlines()) == 1
