"""A first dataset out of what the user already has."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ase.io
import pytest
from aiida import orm
from aiida.engine import run_get_node

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.config.reference import InitialDatasetSettings
from aiida_nnpgen.data.lineage import _frames_of_shard
from aiida_nnpgen.workchains.initial_dataset import InitialDatasetWorkChain

QE = Path(__file__).parents[1] / "fixtures" / "existing" / "qe"


@pytest.fixture
def run(
    python_code: orm.InstalledCode,
    tmp_path: Path,
    generate_structure: Callable[..., orm.StructureData],
    counting_labeller: Callable[..., orm.Dict],
) -> Callable[..., orm.WorkChainNode]:
    """Return a function that makes a first dataset with the stand-in as the reference method."""

    def make(files: dict[str, orm.Data], elements: tuple[str, ...] = ("H", "O"), **changes: Any) -> orm.WorkChainNode:
        entries = [{"name": name, "path": f"{name}.extxyz"} | changes for name in files]
        wanted = InitialDatasetSettings(existing=entries).model_dump(mode="json")
        keywords = {"log": str(tmp_path / "computed.txt")}
        _, node = run_get_node(
            InitialDatasetWorkChain,
            code=python_code,
            settings=orm.Dict(wanted | {"seed": 1, "elements": list(elements)}),
            labelling=counting_labeller(0.5, **keywords),
            structures={"water": generate_structure()},
            existing=files,
        )
        return node

    return make


def structures_node(
    tmp_path: Path, generate_structure: Callable[..., orm.StructureData], count: int
) -> orm.SinglefileData:
    """Return a file of bare structures as a node."""
    ase.io.write(tmp_path / "bare.extxyz", [generate_structure(seed=seed).get_ase() for seed in range(count)])
    return orm.SinglefileData(tmp_path / "bare.extxyz")


def test_existing_frames_become_shards_without_a_job(run: Callable[..., orm.WorkChainNode]) -> None:
    """Labels are taken as they are: nothing is computed."""
    node = run({"old": orm.SinglefileData(QE / "md" / "pw.out")})
    assert node.is_finished_ok, node.exit_message
    assert list(node.outputs.datasets) == ["existing_old_shard_000"]
    assert node.outputs.reports.existing_old["labelled"] == 3
    assert not [process for process in node.called if isinstance(process, orm.WorkChainNode)]


def test_existing_structures_are_labelled_first(
    run: Callable[..., orm.WorkChainNode], tmp_path: Path, generate_structure: Callable[..., orm.StructureData]
) -> None:
    """Bare structures go to the labeller; each label leads to its structure, which leads to the file."""
    file = structures_node(tmp_path, generate_structure, 3)
    node = run({"old": file}, label=True)
    assert node.is_finished_ok, node.exit_message
    [(key, shard)] = node.outputs.datasets.items()
    assert key == "existing_old_group_000_00000"
    assert len(shard) == 3
    assert {origin.reason for origin in shard.origins} == {"structure imported as `old`"}
    for row in _frames_of_shard(shard):
        structure = orm.load_node(row.structure)
        array = structure.creator.inputs.frames
        assert array.creator.inputs.file.uuid == file.uuid


@pytest.mark.parametrize(
    ("elements", "label", "message"),
    [
        (("H",), True, "existing `old` holds O, missing from training.elements"),
        (("H", "O"), False, "set `label: true`"),
    ],
)
def test_existing_data_that_cannot_be_used_end_the_phase_before_a_job(
    run: Callable[..., orm.WorkChainNode],
    tmp_path: Path,
    generate_structure: Callable[..., orm.StructureData],
    elements: tuple[str, ...],
    label: bool,
    message: str,
) -> None:
    """A foreign element, or structures that are not to be labelled, are named with what to do."""
    node = run({"old": structures_node(tmp_path, generate_structure, 2)}, elements=elements, label=label)
    assert node.exit_status == 454
    assert message in node.exit_message
    assert not [process for process in node.called if isinstance(process, orm.WorkChainNode)]


def test_existing_data_in_wrong_units_end_the_phase(run: Callable[..., orm.WorkChainNode], tmp_path: Path) -> None:
    """The message names the file, the unit it seems to have, and the setting."""
    images = ase.io.read(QE / "md" / "pw.out", format="espresso-out", index=":")
    for atoms in images:
        atoms.calc = None
        atoms.set_cell(atoms.cell / 0.529177, scale_atoms=True)
    ase.io.write(tmp_path / "bohr.extxyz", images)
    node = run({"old": orm.SinglefileData(tmp_path / "bohr.extxyz")}, label=True)
    assert node.exit_status == 454
    assert "`bohr.extxyz`" in node.exit_message
    assert "length: bohr" in node.exit_message
    assert node.outputs.reports.existing_old["files"][0]["status"] == "wrong_units"


@pytest.mark.parametrize("strict", [False, True])
def test_a_bad_file_among_good_ones_is_passed_over_unless_all_are_wanted(
    run: Callable[..., orm.WorkChainNode], tmp_path: Path, strict: bool
) -> None:
    """The good file becomes a shard, and the bad one stands in the report; with `strict` it ends the phase."""
    (tmp_path / "files").mkdir()
    shutil.copy(QE / "md" / "pw.out", tmp_path / "files")
    shutil.copy(QE / "md" / "h2.xml", tmp_path / "files" / "cut.xml")
    (tmp_path / "files" / "cut.xml").write_text((QE / "md" / "h2.xml").read_text()[:3000])
    folder = orm.FolderData(tree=tmp_path / "files")
    node = run({"old": folder}, strict=strict)
    statuses = {file["path"]: file["status"] for file in node.outputs.reports.existing_old["files"]}
    assert statuses == {"pw.out": "read", "cut.xml": "unreadable"}
    if strict:
        assert node.exit_status == 454
        assert "existing `old`: `cut.xml`" in node.exit_message
    else:
        assert node.is_finished_ok, node.exit_message
        assert len(node.outputs.datasets.existing_old_shard_000) == 3


def test_builder_makes_nodes_of_files_and_folders(loop_inputs: Callable[..., dict[str, Any]]) -> None:
    """A file becomes a file node, a folder a folder node without what is bulky; a missing one is named."""
    text = "  aimd: {temperatures: [400 K], timestep: 0.5 fs, length: 20 fs, stride: 10}\n"
    entry = "  existing:\n    - {name: old, path: ../existing/qe/md}\n    - {name: one, path: water.extxyz}\n"
    inputs = loop_inputs((text, text + entry))
    nodes = inputs["existing"]["test_set"]
    assert isinstance(nodes["one"], orm.SinglefileData)
    assert sorted(nodes["old"].base.repository.list_object_names()) == ["h2.xml", "pw.out"]
    assert inputs["config"]["test_set"]["existing"][0]["path"] == "../existing/qe/md"
    with pytest.raises(InputError, match=r"test_set.existing\[0\].path: .*nowhere.* does not exist"):
        loop_inputs((text, text + "  existing: [{name: old, path: nowhere}]\n"))
