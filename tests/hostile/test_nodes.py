"""What a node from outside says: import paths are not imported, and what cannot be is refused with its name."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiida import orm
from aiida.common.exceptions import ValidationError
from aiida.common.links import LinkType
from ase.calculators.lj import LennardJones
from click.testing import CliRunner

from aiida_nnpgen.calculations.method import validate_method
from aiida_nnpgen.calculations.screen import validate_levels
from aiida_nnpgen.calculations.screen import validate_settings as validate_screening
from aiida_nnpgen.calculations.train import validate_settings as validate_training
from aiida_nnpgen.cli import launch
from aiida_nnpgen.cli.main import nnpgen
from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.config.import_paths import import_paths
from aiida_nnpgen.config.load import parse_config
from aiida_nnpgen.data import DatasetData, PotentialData
from aiida_nnpgen.data.candidates import read_candidates, write_candidates
from aiida_nnpgen.data.dataset_files import ARRAYS
from aiida_nnpgen.data.deviations import check_run, force_deviation
from aiida_nnpgen.data.labels import StructureLink, label_node, run_links, structure_link
from aiida_nnpgen.data.lineage import label_processes
from aiida_nnpgen.data.trajectory import check_structure, check_trajectory, frames_to_trajectory, trajectory_to_frames
from aiida_nnpgen.dft.ase.calculator import load_calculator
from aiida_nnpgen.screening.base import load_reducer
from aiida_nnpgen.screening.settings import QuantitySettings, ReducerSettings, SelectorSettings
from aiida_nnpgen.workchains.active_learning_spec import validate_config

PATH = "stranger:attribute"

CONFIG = """
seed: 1
structures: [{name: water, file: water.extxyz}]
codes: {training: {code: python}, reference: {code: python}}
initial_dataset: {perturb: {count: 2}}
schedule:
  - sampling: {runs: [{ensemble: nvt, temperatures: [300 K], length: 0.1 ps}]}
    screening: {n_max: 5}
"""


def config(**changes: Any) -> dict[str, Any]:
    """Return the science of a run as a node of an earlier one has it, with sections of the stranger's own."""
    loop = parse_config(CONFIG, "loop.yaml").loop().model_dump(mode="json")
    screening = {key: changes.pop(key) for key in ("reducer", "quantities", "selector") if key in changes}
    loop["schedule"][0]["screening"] |= screening
    return loop | changes


SCREENINGS = [
    {"reducer": {"method": PATH, "keywords": {}, "fit_size": None}},
    {"quantities": [{"name": PATH, "keywords": {}, "weight": 1.0}]},
    {"selector": {"name": PATH, "keywords": {}}},
]
METHODS = [{}, {"charge": 1}, {"multiplicity": 2}]


@pytest.mark.parametrize("values", SCREENINGS, ids=lambda values: next(iter(values)))
def test_settings_of_a_screening_import_nothing(values: dict[str, Any], aiida_profile: object, trap: Path) -> None:
    """Neither where a process validates them nor where a run is looked at."""
    assert validate_screening(orm.Dict({"n_max": 1, "seed": 1} | values), None) is None
    assert validate_config(orm.Dict(config(**values)), None) is None
    assert not trap.exists()


@pytest.mark.parametrize("state", METHODS, ids=str)
def test_method_imports_nothing(state: dict[str, Any], aiida_profile: object, trap: Path) -> None:
    """A calculator that a node names is looked for by the job that uses it, and by nobody else."""
    values = {"parameters": {"calculator": PATH, "keywords": {}}, **state}
    assert validate_method("ase")(orm.Dict(values), None) is None
    reference = config()["reference"] | values
    assert validate_config(orm.Dict(config(reference=reference)), None) is None
    assert not trap.exists()


@pytest.mark.parametrize("section", ["training", "reference"])
def test_names_of_back_ends_are_registered(section: str, aiida_profile: object, trap: Path) -> None:
    """There is no import path in their place, in a node or in a file."""
    key = {"training": "architecture", "reference": "labeller"}[section]
    values = config()
    message = validate_config(orm.Dict(values | {section: values[section] | {key: PATH}}), None)
    assert "is not registered" in str(message)
    with pytest.raises(InputError, match="is not registered"):
        parse_config(f"{CONFIG}\n{section}: {{{key}: '{PATH}'}}\n", "loop.yaml")
    assert not trap.exists()


def test_architecture_of_a_training_is_registered(aiida_profile: object, trap: Path) -> None:
    """The settings of the job are a node too."""
    values = {"architecture": PATH, "elements": ["O"], "seed": 1, "parameters": {}}
    assert "is not registered" in str(validate_training(orm.Dict(values), None))
    assert not trap.exists()


def test_architecture_of_a_model_is_registered(generate_model: Callable[..., PotentialData], trap: Path) -> None:
    """Whatever asks the model for its back end."""
    model = generate_model(architecture=PATH)
    for ask in (lambda: model.implementation, model.check):
        with pytest.raises(InputError, match="is not registered"):
            ask()
    with pytest.raises(ValidationError, match="is not registered"):
        model.store()
    assert not trap.exists()


@pytest.mark.parametrize("values", SCREENINGS, ids=lambda values: next(iter(values)))
def test_file_of_the_user_imports_what_it_names(values: dict[str, Any], trap: Path) -> None:
    """There the keywords are checked before anything is launched, with their line."""
    screening = {"n_max": 5} | values
    text = CONFIG.replace("{n_max: 5}", json.dumps(screening))
    [found] = import_paths(parse_config(text, "loop.yaml"))
    assert found.path == PATH
    assert found.location[:3] == ("schedule", 0, "screening")
    assert trap.exists()
    with pytest.raises(InputError, match=r"line 8: schedule\[0\]\.screening.*`stranger:nothing` cannot be loaded"):
        parse_config(text.replace(PATH, "stranger:nothing"), "loop.yaml")


def test_calculator_of_the_user_is_listed(tmp_path: Path, fixtures: Path) -> None:
    """`nnpgen validate` tells what the file runs."""
    text = (fixtures / "loop" / "water.yaml").read_text()
    reference = "reference:\n  parameters: {calculator: 'ase.calculators.emt:EMT'}\n"
    path = tmp_path / "loop.yaml"
    path.write_text(text.replace("reference:\n  batch", f"{reference}  batch"))
    (tmp_path / "water.extxyz").write_text((fixtures / "loop" / "water.extxyz").read_text())
    done = CliRunner().invoke(nnpgen, ["validate", str(path)])
    assert done.exit_code == 0, done.output
    assert "runs `ase.calculators.emt:EMT`, named by reference.parameters.calculator" in done.output
    path.write_text(text)
    assert "runs" not in CliRunner().invoke(nnpgen, ["validate", str(path)]).output


HARM: list[tuple[str, str]] = [
    ("os:system", "command"),
    ("subprocess:run", "args"),
    ("subprocess:Popen", "args"),
    ("builtins:exec", "source"),
    ("shutil:rmtree", "path"),
    ("stranger:attribute", "x"),
    ("pathlib:Path", "x"),
]


@pytest.mark.parametrize(("path", "keyword"), HARM)
def test_calculator_is_one_before_it_is_called(path: str, keyword: str, trap: Path, tmp_path: Path) -> None:
    """Nothing else is called to see what comes of it."""
    with pytest.raises(InputError, match="is no ASE calculator"):
        load_calculator(path, {keyword: f"touch {tmp_path / 'harm'}"})
    assert not (tmp_path / "harm").exists()


def test_calculator_may_be_a_function_that_says_what_it_makes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As those of many potentials are."""
    text = "from ase.calculators.lj import LennardJones\n\n\ndef lj(**keywords) -> LennardJones:\n"
    (tmp_path / "makers.py").write_text(f"{text}    return LennardJones(**keywords)\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert isinstance(load_calculator("makers:lj", {"sigma": 3.0}), LennardJones)


@pytest.mark.parametrize("path", ["os:system", "pathlib:Path", "collections:OrderedDict"])
def test_reducer_is_one_before_it_is_called(path: str) -> None:
    """Likewise."""
    with pytest.raises(InputError):
        load_reducer(path, {"command": "true"} if path == "os:system" else {})


@pytest.mark.parametrize("word", ["a:b:c", "..x:y", "x:y()", ":x", "x:", "a b:c"])
def test_settings_refuse_what_is_no_import_path(word: str) -> None:
    """The form is seen without an import."""
    for make in (
        lambda: ReducerSettings(method=word),
        lambda: QuantitySettings(name=word),
        lambda: SelectorSettings(name=word),
    ):
        with pytest.raises(InputError, match="is no import path"):
            make()


def saved(array: Any, **header: Any) -> bytes:
    """Return an array as numpy writes it, with other words in its header."""
    buffer = io.BytesIO()
    np.save(buffer, np.asarray(array), allow_pickle=True)
    content = buffer.getvalue()
    for old, new in header.get("words", {}).items():
        assert len(old) == len(new)
        content = content.replace(old, new)
    return content


def huge_header(size: int) -> bytes:
    """Return a file whose header alone has a size."""
    return b"\x93NUMPY\x02\x00" + size.to_bytes(4, "little") + b" " * min(size, 1 << 20)


ATOMS, FRAMES = 13, 5  # atoms and frames of a forged dataset
SHAPES = np.array([[3, 3], [2, 2]])
CELLS = np.tile(5 * np.eye(3), (FRAMES, 1, 1))
NOT_FINITE = np.full((ATOMS, 3), np.nan)
ROWS: dict[str, list[Any]] = {
    "iteration": [1] * FRAMES,
    "reason": ["x"] * FRAMES,
    "label": ["labels_a"] * FRAMES,
    "index": list(range(FRAMES)),
    "structure": [None] * FRAMES,
}


def rows(**changes: Any) -> bytes:
    """Return the table of rows with other columns."""
    return json.dumps(ROWS | changes).encode()


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


MODELS: list[dict[str, Any]] = [
    {"architecture": "os:system"},
    {"architecture": "dep\nmd"},
    {"architecture": ["deepmd"]},
    {"architecture": ""},
    {"version": {"a": 1}},
    {"version": "x" * 1000},
    {"version": "\x1b[2J"},
    {"elements": ["O\nshell touch harm", "H"]},
    {"elements": ["O H"]},
    {"elements": ["X"]},
    {"elements": ["O", "O"]},
    {"elements": "OH"},
    {"elements": [8, 1]},
    {"elements": [["O"]]},
    {"elements": []},
    {"elements": {"O": 1}},
    {"cutoff": 0},
    {"cutoff": -4.0},
    {"cutoff": 1e300},
    {"cutoff": 10**400},
    {"cutoff": "4.0"},
    {"cutoff": True},
    {"seed": "1"},
    {"seed": 1.5},
    {"seed": True},
    {"dtype": 64},
    {"dtype": None},
]


@pytest.mark.parametrize("attributes", MODELS, ids=lambda values: ascii(values)[:40])
def test_model_refuses_forged_attributes(
    attributes: dict[str, Any], generate_model: Callable[..., PotentialData]
) -> None:
    """They become words of inputs and lengths of loops."""
    name = next(iter(attributes))
    with pytest.raises(InputError, match=f"`{name}` is|not registered|needs {name}"):
        generate_model(**attributes).check()


@pytest.fixture
def trajectory(aiida_profile: object, generate_labelled: Callable[..., Frames]) -> Callable[..., orm.TrajectoryData]:
    """Return a factory of trajectories of which a file or an attribute is another one."""

    def generate(name: str = "", value: Any = None, **attributes: Any) -> orm.TrajectoryData:
        node = frames_to_trajectory(generate_labelled(2), np.array([0, 5]))
        forge_file(node, name, value)
        for key, found in attributes.items():
            node.base.attributes.set(key, found)
        return node

    return generate


def forge_file(node: orm.Data, name: str, value: Any) -> None:
    """Put another file, or none, in the place of an array."""
    if name:
        if f"{name}.npy" in node.base.repository.list_object_names():
            node.base.repository.delete_object(f"{name}.npy")
        if value is not None:
            content = value if isinstance(value, bytes) else saved(value)
            node.base.repository.put_object_from_filelike(io.BytesIO(content), f"{name}.npy")


TRAJECTORIES: list[tuple[str, Any]] = [
    ("positions", None),
    ("positions", np.zeros((2, 3, 3), dtype=object)),
    ("positions", np.full((2, 3, 3), np.nan)),
    ("positions", np.zeros((1, 3, 3))),
    ("positions", np.zeros((2, 4, 3))),
    ("positions", huge_header(1 << 20)),
    ("positions", b""),
    ("cells", None),
    ("cells", np.zeros((2, 3, 3))),
    ("cells", np.zeros((2, 3))),
    ("cells", np.tile(1e300 * np.eye(3), (2, 1, 1))),
    ("steps", None),
    ("steps", np.array(["0", "5"])),
    ("steps", np.array([[0], [5]])),
    ("steps", np.array([0, 5], dtype=object)),
    ("energies", np.zeros(3)),
    ("forces", np.zeros((2, 3, 2))),
    ("stresses", np.zeros((2, 9))),
    ("stresses", np.zeros((2, 6), dtype=complex)),
]


@pytest.mark.parametrize(("name", "value"), TRAJECTORIES, ids=lambda value: value if isinstance(value, str) else "")
def test_trajectory_refuses_a_forged_array(
    name: str, value: Any, trajectory: Callable[..., orm.TrajectoryData]
) -> None:
    """On validation and on reading."""
    node = trajectory(name, value)
    for read in (check_trajectory, trajectory_to_frames):
        with pytest.raises(InputError, match=r"TrajectoryData.*array `"):
            read(node)


@pytest.mark.parametrize("symbols", [None, [], "OHH", ["O", "H"], ["O", "H", "X"], ["O", "H", ["H"]], [8, 1, 1]])
def test_trajectory_refuses_forged_symbols(symbols: Any, trajectory: Callable[..., orm.TrajectoryData]) -> None:
    """They are elements, one for each atom."""
    with pytest.raises(InputError, match=r"symbols|positions"):
        check_trajectory(trajectory(symbols=symbols))


@pytest.mark.parametrize("template", ["{:>9999999999}", "{0.__class__}", "../{}", "", None, 3, ["structure"], "{"])
def test_label_node_refuses_a_forged_link(
    template: Any, aiida_profile: object, generate_labelled: Callable[..., Frames]
) -> None:
    """It is one of three formats, and never another one that is filled in."""
    node = label_node(generate_labelled(1), [0], StructureLink.FRAME)
    node.base.attributes.set("structure_link", template)
    with pytest.raises(InputError, match="`structure_link` is"):
        structure_link(node, 0)


@pytest.mark.parametrize("runs", [np.zeros(3, dtype=int), np.zeros(1), np.zeros(1, dtype=object), b"x"])
def test_label_node_refuses_forged_runs(
    runs: Any, aiida_profile: object, generate_labelled: Callable[..., Frames]
) -> None:
    """One number of a job for each frame."""
    node = label_node(generate_labelled(1), [0], StructureLink.START)
    forge_file(node, "run", runs)
    for read in (run_links, label_processes):
        with pytest.raises(InputError, match="array `run`"):
            read(node)


CANDIDATES: list[tuple[str, Any]] = [
    ("candidate_run", np.array([0, 7])),
    ("candidate_run", np.array([0, -1])),
    ("candidate_run", np.array([0.0, 1.0])),
    ("candidate_run", None),
    ("candidate_row", np.array([0])),
    ("candidate_step", np.array([0, 5], dtype=object)),
    ("candidate_deviation", np.zeros((2, 2))),
    ("candidate_deviation", b"\x93NUMPY\x01\x00\xff\xff"),
]


def levels() -> orm.ArrayData:
    """Return a node with two candidates of two runs."""
    node = orm.ArrayData()
    found = {"row": np.array([0]), "step": np.array([5]), "deviation": np.array([0.2])}
    write_candidates(node, {"run_000": found, "run_001": found})
    return node


@pytest.mark.parametrize(("name", "value"), CANDIDATES)
def test_candidates_refuse_forged_arrays(name: str, value: Any, aiida_profile: object) -> None:
    """Before the screening is launched."""
    node = levels()
    forge_file(node, name, value)
    assert f"array `{name}`" in str(validate_levels(node, None))


@pytest.mark.parametrize("runs", [None, "run_000", [1, 2], ["run_000"], []])
def test_candidates_refuse_forged_keys(runs: Any, aiida_profile: object) -> None:
    """Each run that is named has a key."""
    node = levels()
    node.base.attributes.set("runs", runs)
    assert "`runs`" in str(validate_levels(node, None))


@pytest.mark.parametrize("number", [2, -1, 10**9])
def test_candidates_refuse_other_numbers(number: int, aiida_profile: object) -> None:
    """What a screening selected is among them."""
    with pytest.raises(InputError, match="there are 2 candidates"):
        read_candidates(levels())[np.array([number])]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("step", None),
        ("step", np.zeros((2, 2))),
        ("step", np.array(["0"])),
        ("deviation", np.zeros(3)),
        ("deviation", np.zeros(2, dtype=object)),
        ("deviation", b""),
    ],
)
def test_deviations_refuse_forged_arrays(name: str, value: Any, aiida_profile: object) -> None:
    """One number for each step."""
    node = orm.ArrayData()
    node.set_array("step", np.array([0, 5]))
    node.set_array("deviation", np.array([0.1, 0.2]))
    forge_file(node, name, value)
    for read in (check_run, lambda run: force_deviation("a", run)):
        with pytest.raises(InputError, match=f"array `{name}`"):
            read(node)


STRUCTURES: list[dict[str, Any]] = [
    {"cell": [[0.0] * 3] * 3},
    {"cell": [[1e300, 0, 0], [0, 1e300, 0], [0, 0, 1e300]]},
    {"cell": "cell"},
    {"cell": None},
    {"sites": []},
    {"sites": [{"kind_name": "O", "position": [0, 0]}]},
    {"sites": [{"kind_name": "Xx", "position": [0, 0, 0]}]},
    {"sites": "sites"},
    {"kinds": []},
    {"kinds": [{"name": "O", "symbols": ["Xx"], "weights": [1.0], "mass": 1.0}]},
    {"kinds": None},
]


@pytest.mark.parametrize("attributes", STRUCTURES, ids=lambda values: ascii(values)[:40])
def test_structure_refuses_forged_attributes(
    attributes: dict[str, Any],
    generate_structure: Callable[..., orm.StructureData],
    store_unchecked: Callable[..., Any],
) -> None:
    """AiiDA gives them out as they are."""
    node = generate_structure()
    for name, value in attributes.items():
        node.base.attributes.set(name, value)
    with pytest.raises(InputError, match="StructureData <"):
        check_structure(store_unchecked(node))


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
