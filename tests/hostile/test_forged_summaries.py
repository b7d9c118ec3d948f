"""A run of a stranger, looked at: tables and pictures, or one line that says which node is not what it should be."""

from __future__ import annotations

import copy
import io
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiida import orm
from aiida.common.links import LinkType
from click.testing import CliRunner, Result
from forged_arrays import saved
from forged_runs import process
from matplotlib.figure import Figure

from aiida_nnpgen.cli import launch
from aiida_nnpgen.cli.main import nnpgen
from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.data import DatasetData, Origin
from aiida_nnpgen.workchains.continuation import continue_from

GOOD: dict[str, Any] = {
    "counts": {"sampled": 9, "runs": {"run_000": {"known": 4, "candidate": 3, "failed": 2}}},
    "records": {"frame_0000": {"trajectory": "run_000"}, "frame_0001": {"trajectory": "run_000"}},
    "errors": {"models": [{"energy": {"rmse": 0.002}, "forces": {"rmse": 0.1}}]},
    "survival": {
        **{"temperature": 600.0, "target": 1.0, "planned": 10, "held": 2},
        **{"median": [0.1, 0.05, None], "share": [0.2, 0.1, 0.4]},
    },
    "diagnoses": {"n_runs": 8, "n_alike": 5, "cause": {"run": "probe_000", "step": 20, "message": "H-O too short"}},
    "report": {"n_candidates": 3, "n_selected": 2, "dropped": {"torn": 1}},
    "conditions": {"conditions": {"ensemble": "nvt", "temperature": 300.0}, "seed": 1},
    "settings": {"quantities": [{"name": "coordination_number", "keywords": {"pair": ["O", "H"]}}]},
}
ARRAYS: dict[str, Any] = {
    "candidate_points": np.random.default_rng(0).normal(size=(3, 3)),
    "dataset_points": np.random.default_rng(1).normal(size=(4, 3)),
    "candidate_quantities": np.ones((3, 1)),
    "dataset_quantities": np.ones((4, 1)),
    "selected": np.array([0, 2]),
}
HUGE = 10**400
WRONG: list[Any] = [None, "\x1b[2J", [3], {"a": []}, HUGE, ...]

Make = Callable[..., orm.WorkChainNode]
Look = Callable[..., Result]


@pytest.fixture
def make(store_unchecked: Callable[..., Any], generate_labelled: Callable[..., Frames], python_code: Any) -> Make:
    """Return a factory of a run of one iteration whose nodes hold other things; None leaves a node out."""

    def generate(**changes: Any) -> orm.WorkChainNode:
        nodes = {name: orm.Dict(value) for name, value in (GOOD | changes).items() if not isinstance(value, orm.Data)}
        nodes |= {name: value for name, value in changes.items() if isinstance(value, orm.Data)}
        left_out = {name for name, value in changes.items() if value is None}
        rows = [Origin(iteration=0, reason="x", structure=f"structures__frame_{row:04d}", label="a") for row in (0, 1)]
        nodes.setdefault("dataset", DatasetData([generate_labelled(2)], [0, 0], rows))
        nodes.setdefault("screen", screening({}))
        for node in nodes.values():
            store_unchecked(node)
        chosen = {name: node for name, node in nodes.items() if name not in left_out}
        return put_together(chosen, python_code.computer)

    return generate


def screening(changes: dict[str, Any]) -> orm.ArrayData:
    """Return the result of a screening with other arrays; None leaves one out."""
    node = orm.ArrayData()
    for name, array in (ARRAYS | changes).items():
        if array is not None:
            node.base.repository.put_object_from_filelike(io.BytesIO(saved(array)), f"{name}.npy")
    return node


def put_together(nodes: dict[str, orm.Data], computer: orm.Computer) -> orm.WorkChainNode:
    """Return the run, with its sampling and its screening."""
    links = {name: name for name in ("counts", "records", "errors", "survival", "diagnoses")} | {"dataset": "datasets"}
    made = {f"{name}__iteration_00": nodes[kind] for kind, name in links.items() if kind in nodes}
    loop = process("ActiveLearningWorkChain", "active_learning", {}, made)
    given = {"settings": nodes["settings"]} if "settings" in nodes else {}
    left = {name: nodes[name] for name in ("report", "screen") if name in nodes}
    process("ScreeningWorkChain", "screening", given, left, iteration_00_screening=loop)
    sampling = process("SamplingWorkChain", "sampling", {}, {}, iteration_00_sampling=loop)
    run = orm.CalcJobNode(computer=computer, process_type="aiida.calculations:nnpgen.samplers.lammps")
    if "conditions" in nodes:
        run.base.links.add_incoming(nodes["conditions"], LinkType.INPUT_CALC, "conditions")
    run.base.links.add_incoming(sampling, LinkType.CALL_CALC, "run_000")
    run.store()
    return loop


@pytest.fixture
def look(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Look:
    """Return a function that runs a command on a process."""
    monkeypatch.setattr(launch, "load_profile", lambda _: None)
    monkeypatch.chdir(tmp_path)

    def run(loop: orm.Node, *command: str) -> Result:
        words = ["summary"] if not command else ["plot", *command, "-i", "0"]
        return CliRunner().invoke(nnpgen, [*words, loop.uuid])

    return run


def is_clear(done: Result) -> bool:
    """Return whether a command ended well, or with one line; whatever it says acts on no terminal."""
    assert "\x1b" not in done.output
    if done.exit_code == 0:
        return True
    assert isinstance(done.exception, SystemExit), done.exc_info
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("Error: ")
    return False


def put(node: orm.Data, content: dict[str, Any]) -> None:
    """Give a stored node other attributes, of which neither AiiDA nor this package gets to see anything before."""
    model = node.backend_entity.model
    model.attributes = content
    model.save()
    assert node.base.attributes.all == content or content != content


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the place of a value and of all below it."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in items for place in places(item, (*path, key)))]


def changed(name: str, path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """Return the content of a node with one value replaced; ``...`` takes it away."""
    content = {"x": copy.deepcopy(GOOD[name])}
    *before, last = ("x", *path)
    parent: Any = content
    for part in before:
        parent = parent[part]
    if value is ...:
        del parent[last]
    else:
        parent[last] = value
    return content.get("x", {})  # type: ignore[no-any-return]


def test_good_run_is_shown(make: Make, look: Look) -> None:
    """What is forged below is refused for what it is."""
    loop = make()
    done = look(loop)
    assert done.exit_code == 0, done.output
    assert "NVT" in done.output
    assert "2.00" in done.output
    assert "1 torn" in done.output
    assert "iteration 0: H-O too short, in step 20 of probe_000; 5 of 8 alike" in done.output
    for kind in ("map", "volume", "histogram"):
        assert look(loop, kind).exit_code == 0


NOT_ASKED = (("sampled",), ("n_candidates",), ("n_selected",), ("seed",), ())


@pytest.mark.parametrize("name", ["counts", "records", "errors", "survival", "diagnoses", "report", "conditions"])
def test_summary_of_other_values_is_one_line(name: str, make: Make, look: Look) -> None:
    """Counts as text, lists in the place of numbers, keys that are not there."""
    nodes: dict[str, orm.Data] = {name: orm.Dict(GOOD[name])}
    loop = make(**nodes)
    asked = [path for path in places(GOOD[name]) if path[:1] not in NOT_ASKED]
    for row, path in enumerate(asked):
        ends = set()
        # Two of them at each place: all of them at each would say the same, much later.
        for value in (WRONG[1 + row % 2], WRONG[2 + (row + 1) % (len(WRONG) - 2)]):
            put(nodes[name], changed(name, path, value))
            ends.add(is_clear(look(loop)))
        assert False in ends, path


@pytest.mark.parametrize("name", ["counts", "records", "errors", "report", "conditions", "dataset"])
@pytest.mark.parametrize("node", [None, orm.ArrayData], ids=["nothing", "arrays"])
def test_summary_of_other_nodes_is_one_line(
    name: str, node: type[orm.Data] | None, make: Make, look: Look, aiida_profile: object
) -> None:
    """A link may lead to a node of any kind, or to none."""
    done = look(make(**{name: node() if node else None}))
    assert is_clear(done) is (node is None and name != "conditions" and name != "records")


@pytest.mark.parametrize(
    "links",
    [
        ["counts"],
        ["counts__iteration_00", "counts"],
        ["counts__iteration_00__more"],
        ["errors__iteration_00__a__b"],
        [f"counts__iteration_{'9' * 5000}"],
        ["models__iteration_00", "decisions__iteration_00"],
        ["models", "decisions__iteration_00"],
    ],
    ids=lambda links: links[0][:40],
)
def test_links_that_contradict_each_other_are_one_line(links: list[str], look: Look, aiida_profile: object) -> None:
    """A label of a link may be that of a namespace too; a continuation reads the same ones."""
    loop = process("ActiveLearningWorkChain", "active_learning", {"first_iteration": orm.Int(0)}, {})
    for link in links:
        orm.Dict({}).store().base.links.add_incoming(loop, LinkType.RETURN, link)
    is_clear(look(loop))
    with suppress(InputError):
        continue_from(loop)


SHAPES: dict[str, Any] = {
    "nothing": None,
    "objects": np.array([{"a": 1}] * 3, dtype=object),
    "text": np.array(["a", "b", "c"]),
    "numbers of another kind": np.ones((3, 3), dtype=complex),
    "one axis": np.ones(3),
    "three axes": np.ones((3, 3, 3)),
    "one column": np.ones((3, 1)),
    "no column": np.ones((3, 0)),
    "no row": np.ones((0, 3)),
    "no number": np.full((3, 3), np.nan),
    "endless": np.full((3, 3), 1e308),
    "other rows": np.array([0, 99]),
    "rows before the first": np.array([-1, -7]),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_picture_of_other_arrays_is_one_line(
    name: str, look: Look, store_unchecked: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of another type or shape, or not there."""
    draw = Figure.savefig
    for case, array in SHAPES.items():
        # What is drawn at all is drawn in full only where nothing is left to draw.
        monkeypatch.setattr(Figure, "savefig", draw if case in ("no row", "no number") else lambda *_, **__: None)
        screen = store_unchecked(screening({name: array}))
        node = process("ScreeningWorkChain", "screening", {"settings": orm.Dict(GOOD["settings"])}, {"screen": screen})
        kind = {"candidate_points": "map", "dataset_points": "volume"}.get(name, "histogram")
        done = CliRunner().invoke(nnpgen, ["plot", kind, node.uuid])
        assert not is_clear(done) or case in ("no row", "no number", "one column"), case


def test_picture_of_other_settings_is_one_line(make: Make, look: Look) -> None:
    """The name of the axis stands in them."""
    settings = orm.Dict(GOOD["settings"])
    loop = make(settings=settings)
    for path in places(GOOD["settings"]):
        for value in WRONG if path else []:
            put(settings, changed("settings", path, value))
            is_clear(look(loop, "histogram"))


@pytest.mark.parametrize("name", ["settings", "screen"])
@pytest.mark.parametrize("node", [None, orm.Int], ids=["nothing", "int"])
def test_picture_of_other_nodes_is_one_line(
    name: str, node: type[orm.Data] | None, make: Make, look: Look, aiida_profile: object
) -> None:
    """A link may lead to a node of any kind, or to none."""
    assert not is_clear(look(make(**{name: node() if node else None}), "histogram"))
