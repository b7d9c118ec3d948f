"""A look into frozen graphs, forged ones among them."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import pytest
from damage import SEED, mutate, wanted
from forged_graph import FLOAT, INT32, attribute, constant, field, net, node, shape, varint

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.models.deepmd import graph
from aiida_nnpgen.models.deepmd.graph import check_graph
from aiida_nnpgen.models.deepmd.operations import OPERATIONS

FUNCTION = field(2, field(1, field(1, field(1, "harm"))))
TENSOR = field(1, FLOAT) + field(2, shape(2)) + field(4, 8 * b"\0")


def check(folder: Path, content: bytes) -> None:
    """Check a graph of given bytes."""
    (folder / "model.pb").write_bytes(content)
    check_graph(folder / "model.pb")


def test_check_graph_lets_a_net_pass(tmp_path: Path) -> None:
    """Placeholders, constants of each kind and operations of a frozen model are what belongs there."""
    check(tmp_path, net())
    check(tmp_path, net() + field(2, b"") + field(4, field(1, 2474)))


@pytest.mark.parametrize("operation", ["WriteFile", "ReadFile", "PyFunc", "DebugIdentity", "DatasetFromGraph", "While"])
def test_check_graph_refuses_other_operations(tmp_path: Path, operation: str) -> None:
    """What is not known to be in frozen models is refused, and named."""
    with pytest.raises(InputError, match=f"`{operation}`"):
        check(tmp_path, net() + node("harm", operation))


def test_check_graph_lets_known_operations_pass(tmp_path: Path) -> None:
    """Each by itself, but those with a constant or with inputs of a certain origin."""
    for operation in sorted(OPERATIONS - {"Const"}):
        if not operation.startswith("Prod"):
            check(tmp_path, net() + node("more", operation))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (FUNCTION, "functions of its own"),
        (field(2, field(2, b"")), "functions of its own"),
        (field(5, b""), "field `5`"),
        (node("x", "Sum", (), attribute("f", field(10, field(1, "harm")))), "field `10`"),
        (node("x", "Sum", (), attribute("f", field(9, "harm"))), "field `9`"),
        (node("x", "Sum", (), attribute("f", field(1, field(9, field(1, "harm"))))), "field `9`"),
        (node("x", "Sum", (), attribute("f", field(3, 1) + field(2, "y"))), "several values"),
        (node("x", "Sum", (), 2 * attribute("f", field(3, 1))), "twice"),
        (node("x", "Sum", (), attribute("_kernel", field(2, "harm"))), "`_kernel`"),
        (node("x", "Sum", (), field(2, "WriteFile")), "twice"),
        (node("x", "Sum", (), field(6, b"")), "field `6`"),
        (node("x", "Sum", (), field(7, 10**6 * b"\x12")), "longer than"),
        (node("x", "Sum", (), attribute("value", field(8, TENSOR))), "holds a constant"),
        (node("x", "Const", (), attribute("other", field(8, TENSOR))), "as the attribute `other`"),
        (node("x", "Const"), "holds a constant"),
        (node("x", "\x1b[31mharm"), r"\\x1b"),
        (node("a", "Sum"), "two nodes"),
        (node("", ""), "operation ``"),
    ],
    ids=[str(index) for index in range(18)],
)
def test_check_graph_refuses_what_is_not_of_a_net(tmp_path: Path, content: bytes, message: str) -> None:
    """Functions, attributes that hold graphs or act by themselves, and whatever two readers may read in two ways."""
    with pytest.raises(InputError, match=message):
        check(tmp_path, net() + content)


@pytest.mark.parametrize(
    ("dtype", "edges", "content"),
    [
        (FLOAT, (10**5, 10**5), field(5, 4 * b"\0")),
        (FLOAT, (3,), field(4, 8 * b"\0")),
        (FLOAT, (2,), field(4, 9 * b"\0")),
        (FLOAT, (1,), b""),
        (FLOAT, (1,), field(4, 4 * b"\0") + field(5, 4 * b"\0")),
        (FLOAT, (1,), field(7, varint(1))),
        (INT32, (2,), field(7, varint(-1))),
        (INT32, (-1,), field(7, varint(1))),
        (INT32, 9 * (1,), field(7, varint(1))),
        (INT32, (2**62, 0), b""),
        (INT32, (1,), field(4, 4 * b"\0") + field(4, 4 * b"\0")),
        (7, (2,), field(8, "O")),
        (20, (), field(14, b"")),
        (21, (), field(15, b"")),
    ],
    ids=[str(index) for index in range(14)],
)
def test_check_graph_refuses_constants_of_another_size(
    tmp_path: Path, dtype: int, edges: tuple[int, ...], content: bytes
) -> None:
    """A shape without its content would be filled up in memory; handles and variants are no numbers."""
    with pytest.raises(InputError, match="`big`"):
        check(tmp_path, net() + constant("big", dtype, edges, content))


@pytest.mark.parametrize(
    ("operation", "inputs"),
    [
        ("ProdForceSeA", ["a", "ProdEnvMatA:1", "one", "t_natoms"]),
        ("ProdForceSeA", ["a", "ProdEnvMatA:1", "ProdEnvMatA:3", "one"]),
        ("ProdForceSeA", ["a", "ProdEnvMatA:1", "ProdEnvMatA:3"]),
        ("ProdVirialSeA", ["a", "ProdEnvMatA:1", "ProdEnvMatA:2", "loop", "t_natoms"]),
        ("ProdEnvMatA", ["t_coord", "one", "t_natoms", "t_box", "t_mesh", "a", "a"]),
        ("ProdEnvMatA", ["t_coord", "t_type", "t_natoms", "t_box", "nowhere", "a", "a"]),
    ],
)
def test_check_graph_refuses_indices_of_its_own(tmp_path: Path, operation: str, inputs: list[str]) -> None:
    """The kernels of DeePMD-kit write to where the list of neighbours points: no constant may take its place."""
    with pytest.raises(InputError, match="comes from"):
        check(tmp_path, net() + node("loop", "Identity", ["loop"]) + node("more", operation, inputs))


def test_check_graph_refuses_what_is_cut(tmp_path: Path) -> None:
    """A graph that ends within one of its thirteen nodes is refused."""
    content, passed = net(), 0
    for end in range(len(content)):
        with contextlib.suppress(InputError):
            check(tmp_path, content[:end])
            passed += 1
    assert passed <= 12


@pytest.mark.slow
def test_check_graph_survives_every_flipped_bit(tmp_path: Path) -> None:
    """Whatever is in the file, it passes or is refused, at once."""
    content = net()
    for place in range(len(content)):
        for bit in range(8):
            forged = bytearray(content)
            forged[place] ^= 1 << bit
            with contextlib.suppress(InputError):
                check(tmp_path, bytes(forged))


@pytest.mark.parametrize("content", [net(), net() + node("harm", "WriteFile", ["name", "content"])])
def test_check_graph_survives_damage(tmp_path: Path, content: bytes) -> None:
    """Zeros, swapped and doubled blocks: what is foreign in it does not pass."""
    for damage, forged in mutate(content, SEED, wanted(200)):
        with contextlib.suppress(InputError):
            check(tmp_path, forged)
            assert b"WriteFile" not in forged, damage


@pytest.mark.parametrize(
    "content",
    [
        b"\x0a\x00" * 2**20,
        field(1, field(1, "x") + field(2, "Sum") + b"\x1a\x00" * 2**22),
        field(1, field(1, "x") + field(2, "Sum") + b"\x2a\x00" * 2**22),
        b"\x0b" * 2**20,
        b"\xff" * 2**20,
        node("x", "Sum", ["y" * 2**20]),
        b"",
    ],
    ids=["nodes", "inputs", "attributes", "groups", "numbers", "name", "empty"],
)
def test_check_graph_ends_soon(tmp_path: Path, content: bytes) -> None:
    """Millions of empty nodes, inputs, attributes or groups are refused, and take no longer than reading them."""
    start = time.perf_counter()
    with pytest.raises(InputError):
        check(tmp_path, content)
    assert time.perf_counter() - start < 60


def test_check_graph_counts_nodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """TensorFlow takes long over graphs far larger than any model."""
    monkeypatch.setattr(graph, "_MAX_NODES", 100)
    content = b"".join(node(str(index), "Sum") for index in range(101))
    check(tmp_path, content[: content.index(b"100") - 4])
    with pytest.raises(InputError, match="more than 100 nodes"):
        check(tmp_path, content)


def test_check_graph_refuses_a_large_file(tmp_path: Path) -> None:
    """No file is read that is larger than any model."""
    with (tmp_path / "model.pb").open("wb") as handle:
        handle.truncate(2**40)
    with pytest.raises(InputError, match="MiB"):
        check_graph(tmp_path / "model.pb")
