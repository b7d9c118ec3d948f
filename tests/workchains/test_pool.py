"""The rolling window of children."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import plumpy
import pytest
from aiida import orm
from aiida.engine import Process, run_get_node, while_
from aiida.engine.processes.workchains.workchain import WorkChainSpec

from aiida_nnpgen.workchains.pool import PoolWorkChain

pytestmark = pytest.mark.usefixtures("aiida_profile")

POLL_INTERVAL, PATIENCE = 0.05, 600


class Log:
    """What happened, in order; all processes of these tests run in one interpreter."""

    launched: ClassVar[list[str]] = []
    ended: ClassVar[list[str]] = []
    alive: ClassVar[list[int]] = []


class ChildProcess(Process):
    """A child that ends when another one has ended, or else when patience does."""

    _node_class = orm.WorkflowNode

    @classmethod
    def define(cls, spec: Any) -> None:
        super().define(spec)
        spec.input("name", valid_type=orm.Str)
        spec.input("after", valid_type=orm.Str, help="Child to wait for; empty: none.")
        spec.exit_code(300, "ERROR_WAITED_IN_VAIN", message="The other child never ended.")

    def run(self) -> Any:
        """Wait for the other child."""
        self.loop.call_later(POLL_INTERVAL, self.look, PATIENCE)
        return plumpy.Wait(self.end)

    def look(self, patience: int) -> None:
        """Go on if the other child has ended, otherwise look again later."""
        if patience and self.inputs.after.value and self.inputs.after.value not in Log.ended:
            self.loop.call_later(POLL_INTERVAL, self.look, patience - 1)
        else:
            self.resume()

    def end(self) -> Any:
        """End well if the other child has ended."""
        Log.ended.append(self.inputs.name.value)
        after = self.inputs.after.value
        return self.exit_codes.ERROR_WAITED_IN_VAIN if after and after not in Log.ended else None


class ExamplePool(PoolWorkChain):
    """Children whose names and dependencies are inputs."""

    @classmethod
    def define(cls, spec: WorkChainSpec) -> None:
        super().define(spec)
        spec.input("children", valid_type=orm.Dict, help="Per child, the one that it waits for.")
        spec.input("launched_before", valid_type=orm.List, default=lambda: orm.List([]))
        spec.input("late", valid_type=orm.List, default=lambda: orm.List([]), help="Lined up when the first one ended.")
        spec.outline(cls.setup, while_(cls.pool_is_busy)(cls.advance_pool))

    def setup(self) -> None:
        """Line up the children; some were launched before a checkpoint was lost."""
        for key in self.inputs.launched_before:
            self.start(key)
        late = self.inputs.late.get_list()
        self.fill_pool([key for key in sorted(self.inputs.children.get_dict()) if key not in late])

    def start(self, key: str) -> orm.ProcessNode:
        """Submit a child."""
        after = orm.Str(self.inputs.children[key])
        return self.submit(ChildProcess, name=orm.Str(key), after=after, metadata={"call_link_label": key})

    def launch(self, key: str) -> orm.ProcessNode:
        """Submit a child and note how many were alive."""
        Log.launched.append(key)
        node = self.start(key)
        Log.alive.append(sum(not child.is_terminated for child in self.node.called))
        return node

    def inspect_child(self, key: str, node: orm.ProcessNode) -> None:
        """Line up those that come late."""
        if not set(self.inputs.late.get_list()) & {*self.ctx.queue, *self.ctx.children}:
            self.ctx.queue += self.inputs.late.get_list()


@pytest.fixture(autouse=True)
def clean_log() -> Iterator[None]:
    """Start each test with an empty log."""
    for record in (Log.launched, Log.ended, Log.alive):
        record.clear()
    return


@pytest.fixture
def run_pool() -> Callable[..., dict[str, orm.ProcessNode]]:
    """Return a function that runs a pool to its end and returns its children."""

    def run(children: dict[str, str], max_concurrent: int, **inputs: Any) -> dict[str, orm.ProcessNode]:
        _, node = run_get_node(ExamplePool, children=orm.Dict(children), max_concurrent=max_concurrent, **inputs)
        assert node.is_finished_ok, node.exception
        links = node.base.links.get_outgoing(orm.ProcessNode).all()
        assert len({link.link_label for link in links}) == len(links)
        return {link.link_label: link.node for link in links}

    return run


def test_pool_is_not_held_back_by_a_slow_child(run_pool: Callable[..., dict[str, orm.ProcessNode]]) -> None:
    """The first child ends only after the last one: all others must pass through the other place."""
    children = run_pool({"a": "e", "b": "", "c": "", "d": "", "e": ""}, 2)
    assert all(child.is_finished_ok for child in children.values()), children["a"].exit_message
    assert Log.ended == ["b", "c", "d", "e", "a"]


def test_pool_never_exceeds_its_size(run_pool: Callable[..., dict[str, orm.ProcessNode]]) -> None:
    """No launch finds more alive than allowed, and every place is used."""
    run_pool(dict.fromkeys("abcdefg", ""), 3)
    assert max(Log.alive) == 3


def test_pool_of_one_runs_in_turn(run_pool: Callable[..., dict[str, orm.ProcessNode]]) -> None:
    """With one place the next child starts when the one before has ended."""
    run_pool(dict.fromkeys("abc", ""), 1)
    assert Log.alive == [1, 1, 1]
    assert Log.ended == Log.launched == ["a", "b", "c"]


def test_pool_adopts_children_launched_before(run_pool: Callable[..., dict[str, orm.ProcessNode]]) -> None:
    """What was launched after the last checkpoint is waited for and not launched again."""
    children = run_pool({"a": "", "b": "a", "c": ""}, 2, launched_before=orm.List(["a", "b"]))
    assert Log.launched == ["c"]
    assert sorted(children) == ["a", "b", "c"]
    assert sorted(Log.ended) == ["a", "b", "c"]


def test_pool_launches_what_is_lined_up_late(run_pool: Callable[..., dict[str, orm.ProcessNode]]) -> None:
    """A child may bring another one, even the last of all."""
    children = run_pool({"a": "", "z": ""}, 2, late=orm.List(["z"]))
    assert Log.launched == ["a", "z"]
    assert children["z"].is_finished_ok


def test_pool_refuses_no_place(run_pool: Callable[..., dict[str, orm.ProcessNode]]) -> None:
    """A pool without a place would wait for ever."""
    with pytest.raises(ValueError, match="`max_concurrent` must be at least 1, not `0`"):
        run_pool({"a": ""}, 0)
