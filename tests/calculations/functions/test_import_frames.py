"""Files of the user as shards and structures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
import pytest
from aiida import orm
from ase.build import bulk

from aiida_nnpgen.calculations.functions import import_frames, import_structures
from aiida_nnpgen.common.types import Split
from aiida_nnpgen.data.lineage import _frames_of_shard
from aiida_nnpgen.importing import read

pytestmark = pytest.mark.usefixtures("aiida_profile")

QE = Path(__file__).parents[2] / "fixtures" / "existing" / "qe"


def settings(path: str, **changes: Any) -> orm.Dict:
    """Return settings as the plan makes them."""
    values = {"name": "old", "path": path, "format": None, "units": None, "label": False, "max_frames": None}
    values |= {"max_structures": 200, "checks": {}, "validation_fraction": 0.34, "seed": 1}
    return orm.Dict(values | changes)


def folder_node(path: Path) -> orm.FolderData:
    """Return a folder as a node."""
    node = orm.FolderData()
    node.base.repository.put_object_from_tree(path)
    return node


def test_import_frames_makes_a_shard_of_a_folder() -> None:
    """Rows are the very frames; each names its file and place, and leads to the node of the files."""
    file = folder_node(QE)
    made = import_frames(settings("data/qe"), file)
    assert sorted(made) == ["datasets", "report"]
    shard = made["datasets"]["shard_000"]
    [frames] = shard.get_frames()
    [wanted] = read(QE).labelled
    np.testing.assert_array_equal(frames.forces, wanted.forces)
    np.testing.assert_array_equal(frames.stresses, wanted.stresses)
    assert {origin.reason for origin in shard.origins} == {"imported from `qe/md/pw.out`"}
    assert [origin.index for origin in shard.origins] == [0, 1, 2]
    assert {origin.iteration for origin in shard.origins} == {-1}
    assert np.count_nonzero(shard.split == Split.VALIDATION) == 1
    assert {row.label for row in _frames_of_shard(shard)} == {file.uuid}
    assert {row.process for row in _frames_of_shard(shard)} == {None}


def test_import_frames_reports_every_file() -> None:
    """What was dropped, and why, is in the report."""
    report = import_frames(settings("qe"), folder_node(QE))["report"].get_dict()
    assert report["labelled"] == 3
    assert report["elements"] == ["H"]
    reasons = {file["path"]: file["reasons"] for file in report["files"]}
    assert reasons["failed_not_converged/pw.out"] == {"not_converged": 1}
    assert reasons["md/h2.xml"] == {"duplicate": 3}


def test_import_frames_depends_on_content_alone() -> None:
    """Two imports of equal files give equal shards and reports."""
    first, second = (import_frames(settings("qe"), folder_node(QE)) for _ in range(2))
    for get in (lambda made: made["datasets"]["shard_000"], lambda made: made["report"]):
        assert get(first).base.caching.get_hash() == get(second).base.caching.get_hash()


def test_import_frames_keeps_an_even_choice() -> None:
    """With a limit the first and the last frame stay, and what is left out is counted."""
    made = import_frames(settings("pw.out", max_frames=2), orm.SinglefileData(QE / "md" / "pw.out"))
    assert [origin.index for origin in made["datasets"]["shard_000"].origins] == [0, 2]
    assert made["report"]["left_out"] == 1
    assert {origin.reason for origin in made["datasets"]["shard_000"].origins} == {"imported from `pw.out`"}


def test_import_frames_passes_what_the_user_says() -> None:
    """Names of labels, of types, and units reach the readers."""
    names = orm.SinglefileData(QE.parent / "names" / "mace.xyz")
    made = import_frames(settings("mace.xyz", keys={"energy": "REF_energy", "forces": "none"}), names)
    assert sorted(made) == ["report"]
    assert import_frames(settings("mace.xyz"), names)["report"]["labelled"] == 2
    system = folder_node(QE.parent / "deepmd" / "no_type_map")
    assert import_frames(settings("a"), system)["report"]["labelled"] == 0
    made = import_frames(settings("a", type_map=["Si"], units={}), system)
    assert made["report"]["elements"] == ["Si"]
    assert made["report"]["labelled"] == 1


def test_import_frames_reads_compressed_files() -> None:
    """A frame names the file that the user has."""
    made = import_frames(settings("train.xyz.gz"), orm.SinglefileData(QE.parent / "packed" / "train.xyz.gz"))
    assert {origin.reason for origin in made["datasets"]["shard_000"].origins} == {"imported from `train.xyz.gz`"}


def test_import_frames_of_nothing_gives_a_report() -> None:
    """A file that cannot be read is no exception."""
    made = import_frames(settings("a.txt"), orm.SinglefileData.from_string("nothing", filename="a.txt"))
    assert sorted(made) == ["report"]
    assert made["report"]["files"][0]["status"] == "unreadable"


def test_structures_come_with_a_record(tmp_path: Path, generate_structure: Callable[..., orm.StructureData]) -> None:
    """Bare structures become nodes, 80 at a time, if they are wanted; otherwise they are counted."""
    images = [generate_structure(seed=seed).get_ase() for seed in range(85)]
    ase.io.write(tmp_path / "a.extxyz", images)
    file = orm.SinglefileData(tmp_path / "a.extxyz")
    assert import_frames(settings("a.extxyz"), file)["report"]["unlabelled_left_out"] == 85
    made = import_frames(settings("a.extxyz", label=True), file)
    [node] = made["unlabelled"].values()
    first, second = (import_structures(orm.Str("old"), orm.Int(start), node) for start in (0, 80))
    assert (len(first["structures"]), len(second["structures"])) == (80, 5)
    atoms = second["structures"]["frame_0004"].get_ase()
    np.testing.assert_allclose(atoms.positions, images[84].positions, atol=1e-6)
    assert second["record"]["frame_0000"] == {"start": "old", "reason": "structure imported as `old`"}


def test_import_frames_takes_a_shuffled_alloy_for_one_composition(tmp_path: Path) -> None:
    """Structures whose atoms come in many orders are one node, each atom in its place."""
    generator = np.random.default_rng(0)
    images = []
    for _ in range(12):
        atoms = bulk("Cu", cubic=True) * (2, 1, 1)
        atoms.symbols = generator.permutation(["Cu"] * 4 + ["Au"] * 4)
        images.append(atoms)
    ase.io.write(tmp_path / "alloy.extxyz", images)
    wanted = settings("alloy.extxyz", label=True)
    made = import_frames(wanted, orm.SinglefileData(tmp_path / "alloy.extxyz"))
    [node] = made["unlabelled"].values()
    gold = np.array(node.symbols) == "Au"
    assert np.count_nonzero(gold) == 4
    # Shuffles that are equal were dropped; each of the others has its gold where it was.
    golden = {frozenset(map(tuple, atoms.positions[atoms.symbols == "Au"].round(4))) for atoms in images}
    assert {frozenset(map(tuple, positions[gold].round(4))) for positions in node.get_positions()} == golden
