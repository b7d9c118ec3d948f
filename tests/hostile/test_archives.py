"""Archives of strangers: names of files are paths, and nothing is written where they lead."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiida import orm
from aiida.common.exceptions import ValidationError
from aiida.common.folders import Folder
from aiida.common.links import LinkType
from aiida.engine.utils import instantiate_process
from aiida.manage import get_manager
from aiida.plugins import CalculationFactory, DataFactory

from aiida_nnpgen.calculations.functions import import_frames
from aiida_nnpgen.calculations.job import JobCalculation
from aiida_nnpgen.calculations.train import TrainCalculation
from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.config.load import parse_config
from aiida_nnpgen.data import DatasetData, PotentialData
from aiida_nnpgen.data.repository import check_single_file, copy_files, unpacked
from aiida_nnpgen.data.validators import validate_nodes
from aiida_nnpgen.jobs.archive import build_archive
from aiida_nnpgen.workchains.builder import build_inputs
from aiida_nnpgen.workchains.continuation import continue_from

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


def ids(path: tuple[str, ...]) -> str:
    """Return how a path is called in the list of tests."""
    return ascii("|".join(path))[1:-1][:40] or "empty"


@pytest.mark.parametrize("path", PATHS + NOT_OF_A_MODEL, ids=ids)
def test_model_of_an_archive_writes_nothing_else(
    path: tuple[str, ...],
    generate_potential: Callable[..., PotentialData],
    forge_names: Callable[..., Any],
    through_archive: Callable[..., list[Any]],
    written: Callable[[], set[str]],
    tmp_path: Path,
) -> None:
    """The good file beside it is not written either, and no clone can be stored."""
    [model] = through_archive(forge_names(generate_potential(), [path]))
    (tmp_path / "job" / "model").mkdir(parents=True)
    before = written()
    for attempt in (model.copy_to, lambda folder: validate_nodes({"model": model}, None)):
        try:
            message = attempt(tmp_path / "job" / "model")
        except InputError as exception:
            message = str(exception)
        assert message is not None
        assert model.uuid in message
        # AiiDA itself walks round in circles where a folder is named `.`.
        assert any(word in message for word in ("no plain name", "is none of a `deepmd` model", "nested too deep"))
    assert written() == before
    # AiiDA's own copy stumbles over some of the names.
    with pytest.raises((ValidationError, OSError, TypeError, RecursionError)):
        model.clone().store()


@pytest.mark.parametrize("path", PATHS, ids=ids)
@pytest.mark.parametrize("own", [False, True], ids=["plain", "own"])
def test_folder_of_an_archive_is_unpacked_inside(
    path: tuple[str, ...],
    own: bool,
    forge_names: Callable[..., Any],
    through_archive: Callable[..., list[Any]],
    written: Callable[[], set[str]],
    tmp_path: Path,
) -> None:
    """Folders with the user's own files may have names of other letters; what leads out is refused there too."""
    [node] = through_archive(forge_names(orm.FolderData(), [("good.txt",), path]))
    (tmp_path / "job" / "files").mkdir(parents=True)
    before = written()
    if own and path in (("-rf",), ("a b",), ("$(harm)",), ("~",), ("*",)):
        assert sorted(copy_files(node, tmp_path / "job" / "files", own=True)) == sorted(["good.txt", path[0]])
        assert written() == before | {"job/files/good.txt", f"job/files/{path[0]}"}
        return
    with pytest.raises(InputError, match=REFUSED):
        copy_files(node, tmp_path / "job" / "files", own=own)
    assert written() == before
    with pytest.raises(InputError, match=REFUSED), unpacked(node, own=own):
        pytest.fail("it was unpacked")


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


@pytest.mark.parametrize("filename", FILENAMES)
def test_single_file_of_an_archive_is_called_what_it_is(
    filename: Any, store_unchecked: Callable[..., Any], through_archive: Callable[..., list[Any]]
) -> None:
    """The attribute is a path from which and to which jobs copy."""
    node = orm.SinglefileData(io.BytesIO(b"harm"), filename="pseudo.psp")
    node.base.attributes.set("filename", filename)
    [found] = through_archive(store_unchecked(node))
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


@pytest.fixture
def dataset(generate_labelled: Callable[..., Any]) -> DatasetData:
    """Return a shard that is as it should be."""
    from aiida_nnpgen.data import Origin

    return DatasetData([generate_labelled(2)], [0, 0], [Origin(iteration=-1, reason="x")] * 2)


def training(architecture: str, code: orm.AbstractCode, dataset: DatasetData, **more: orm.Data) -> TrainCalculation:
    """Return the process of a training."""
    values = {"architecture": architecture, "elements": ["O", "H"], "seed": 1, "parameters": {}}
    inputs = {"code": code, "settings": orm.Dict(values), "datasets": {"a": dataset}, **more}
    return instantiate_process(get_manager().get_runner(), TrainCalculation, **inputs)  # type: ignore[no-any-return]


def test_training_refuses_a_forged_parent(
    generate_potential: Callable[..., PotentialData],
    forge_names: Callable[..., Any],
    python_code: orm.InstalledCode,
    dataset: DatasetData,
) -> None:
    """Before the job is made, and with the name in the message."""
    parent = forge_names(generate_potential(), [("..", "nnpgen.pyz")])
    with pytest.raises(ValueError, match=r"`\.\./nnpgen\.pyz` in it: `\.\.` is no plain name"):
        training("deepmd", python_code, dataset, parent=parent)


def test_no_file_of_a_model_becomes_the_program(
    generate_potential: Callable[..., PotentialData],
    forge_names: Callable[..., Any],
    python_code: orm.InstalledCode,
    dataset: DatasetData,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Even if nothing were checked before, the copy is refused; and the program of a good job is ours."""
    (tmp_path / "good").mkdir()
    good = training("deepmd", python_code, dataset, parent=generate_potential())
    good.prepare_for_submission(Folder(tmp_path / "good"))
    assert (tmp_path / "good" / "nnpgen.pyz").read_bytes() == build_archive()
    monkeypatch.setattr(PotentialData, "check", lambda _: None)
    parent = forge_names(generate_potential(), [("..", "nnpgen.pyz")])
    (tmp_path / "bad").mkdir()
    bad = training("deepmd", python_code, dataset, parent=parent)
    with pytest.raises(InputError, match="no plain name"):
        bad.prepare_for_submission(Folder(tmp_path / "bad"))
    assert not (tmp_path / "bad" / "nnpgen.pyz").exists()


def test_program_is_written_last_and_over_nothing(
    generate_potential: Callable[..., PotentialData],
    python_code: orm.InstalledCode,
    dataset: DatasetData,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """A model that left a program beside itself, however it came to that, ends the job before it starts."""
    monkeypatch.setattr(PotentialData, "copy_to", lambda _, folder: (folder / ".." / "nnpgen.pyz").write_bytes(b"harm"))
    job = training("deepmd", python_code, dataset, parent=generate_potential())
    assert isinstance(job, JobCalculation)
    with pytest.raises(FileExistsError):
        job.prepare_for_submission(Folder(tmp_path))


@pytest.mark.parametrize("name", ["nnpgen.samplers.lammps", "nnpgen.samplers.ase", "nnpgen.screen", "nnpgen.evaluate"])
def test_jobs_refuse_a_forged_model(
    name: str,
    generate_potential: Callable[..., PotentialData],
    generate_structure: Callable[..., orm.StructureData],
    forge_names: Callable[..., Any],
    python_code: orm.InstalledCode,
    dataset: DatasetData,
) -> None:
    """Every process that would copy it looks at it first."""
    model = forge_names(generate_potential(), [("..", "in.lammps")])
    conditions = {"ensemble": "nvt", "temperature": 300.0, "timestep": 0.5, "steps": 10, "stride": 1}
    inputs: dict[str, dict[str, Any]] = {
        "nnpgen.screen": {"model": model, "datasets": {"a": dataset}, "settings": orm.Dict({"n_max": 1, "seed": 1})},
        "nnpgen.evaluate": {"models": {"a": model, "b": generate_potential()}, "datasets": {"a": dataset}},
    }
    sampler = {
        "models": {"a": model},
        "structure": generate_structure(),
        "conditions": orm.Dict({"conditions": conditions, "seed": 1}),
    }
    with pytest.raises(ValueError, match="no plain name"):
        instantiate_process(
            get_manager().get_runner(), CalculationFactory(name), code=python_code, **inputs.get(name, sampler)
        )


def loop_process(inputs: dict[str, orm.Data], outputs: dict[str, orm.Data]) -> orm.WorkChainNode:
    """Return a finished run of the loop with these nodes around it."""
    process = orm.WorkChainNode(process_type="aiida.workflows:nnpgen.active_learning")
    process.set_process_label("ActiveLearningWorkChain")
    for name, node in inputs.items():
        process.base.links.add_incoming(node if node.is_stored else node.store(), LinkType.INPUT_WORK, name)
    process.set_process_state("finished")
    process.set_exit_status(0)
    process.store()
    for name, node in outputs.items():
        node.base.links.add_incoming(process, LinkType.RETURN, name)
    return process.seal()


CONFIG = """
seed: 1
structures: [{name: water, file: water.extxyz}]
codes: {training: {code: python@standins}, reference: {code: python@standins}}
initial_dataset: {perturb: {count: 2}}
schedule:
  - sampling: {sampler: ase, runs: [{ensemble: nvt, temperatures: [300 K], length: 0.1 ps}]}
    screening: {n_max: 5}
"""


def changed_name(model: PotentialData, forge_names: Callable[..., Any]) -> PotentialData:
    """Return a model with a file beside it that would replace the program."""
    return forge_names(model, [("..", "nnpgen.pyz")])  # type: ignore[no-any-return]


def changed_element(model: PotentialData, forge_names: Callable[..., Any]) -> PotentialData:
    """Return a model whose elements would be lines of an input of LAMMPS."""
    model.base.attributes.set("elements", ["O\nshell touch harm", "H"])
    return forge_names(model, [("model.json",)])  # type: ignore[no-any-return]


def changed_architecture(model: PotentialData, forge_names: Callable[..., Any]) -> PotentialData:
    """Return a model whose architecture is a module of a stranger."""
    model.base.attributes.set("architecture", "stranger:attribute")
    return forge_names(model, [("model.json",)])  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (changed_name, r"`\.\.` is no plain name"),
        (changed_element, "`elements` is"),
        (changed_architecture, "`stranger:attribute` is not registered"),
    ],
)
def test_forged_run_is_not_continued(
    change: Callable[..., PotentialData],
    message: str,
    generate_potential: Callable[..., PotentialData],
    generate_structure: Callable[..., orm.StructureData],
    forge_names: Callable[..., Any],
    through_archive: Callable[..., list[Any]],
    python_code: orm.InstalledCode,
    dataset: DatasetData,
    fixtures: Path,
    written: Callable[[], set[str]],
    trap: Path,
) -> None:
    """It is imported as a whole, and refused with the name in the message; nothing is imported or written."""
    model = change(generate_potential(), forge_names)
    start = {"first_iteration": orm.Int(0), "structures__water": generate_structure()}
    made = {
        "models__iteration_00__member_0": model,
        "decisions__iteration_00": orm.Dict({}).store(),
        "datasets__iteration_00": dataset.store(),
    }
    process, uuid = loop_process(start, made), model.uuid
    [found, _] = through_archive(process, model)
    before = written()
    config = parse_config(CONFIG, "loop.yaml")
    with pytest.raises(InputError, match=message) as caught:
        build_inputs(config, fixtures / "loop", found)
    assert "models.member_0" in str(caught.value)
    assert uuid in str(caught.value)
    assert written() == before
    assert not trap.exists()


def test_good_run_of_an_archive_is_continued(
    generate_potential: Callable[..., PotentialData],
    generate_structure: Callable[..., orm.StructureData],
    through_archive: Callable[..., list[Any]],
    dataset: DatasetData,
) -> None:
    """What a good stranger sends is taken over."""
    start = {"first_iteration": orm.Int(0), "structures__water": generate_structure()}
    made = {
        "models__iteration_00__member_0": generate_potential().store(),
        "decisions__iteration_00": orm.Dict({}).store(),
        "datasets__iteration_00": dataset.store(),
    }
    [found] = through_archive(loop_process(start, made))
    left = continue_from(found)
    assert left.first_iteration == 1
    assert list(left.structures) == ["water"]
    assert (list(left.datasets), list(left.models)) == (["iteration_00"], ["member_0"])


@pytest.mark.parametrize("value", [-1, 10**9, True])
def test_run_that_began_nowhere_is_not_continued(
    value: int, generate_structure: Callable[..., orm.StructureData]
) -> None:
    """The place at which it began is a number of an iteration."""
    process = loop_process({"first_iteration": orm.Int(value), "structures__water": generate_structure()}, {})
    if value is True:
        process = loop_process({"structures__water": generate_structure()}, {})
    with pytest.raises(InputError, match="at which iteration it began"):
        continue_from(process)


def test_run_with_other_nodes_is_not_continued(
    generate_structure: Callable[..., orm.StructureData],
) -> None:
    """A link may lead to a node of any kind."""
    process = loop_process({"first_iteration": orm.Int(0), "structures__water": orm.Dict({})}, {})
    with pytest.raises(InputError, match=r"structures\.water is a Dict"):
        continue_from(process)


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
