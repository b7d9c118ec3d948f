"""What a node from outside says: what cannot be is refused with its name."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from aiida import orm
from forged_arrays import huge_header, saved

from aiida_nnpgen.calculations.screen import validate_levels
from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.data import PotentialData
from aiida_nnpgen.data.candidates import read_candidates, write_candidates
from aiida_nnpgen.data.deviations import check_run, force_deviation
from aiida_nnpgen.data.labels import StructureLink, label_node, run_links, structure_link
from aiida_nnpgen.data.lineage import label_processes
from aiida_nnpgen.data.trajectory import check_structure, check_trajectory, frames_to_trajectory, trajectory_to_frames

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
