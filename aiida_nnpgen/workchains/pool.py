"""Work chain with a rolling window of children."""

from __future__ import annotations

from aiida import orm
from aiida.engine import Awaitable, ProcessState, WorkChain
from aiida.engine.processes.workchains.workchain import WorkChainSpec

from .ports import declare_ports

__all__ = ["PoolWorkChain"]


class PoolWorkChain(WorkChain):
    """Keep at most ``max_concurrent`` children alive; as soon as one ends the next one starts.

    A subclass calls :meth:`fill_pool` with the keys of its children, has
    ``while_(cls.pool_is_busy)(cls.advance_pool)`` in its outline, and submits the child of a key in :meth:`launch`.
    Afterwards ``ctx.children`` holds them by key.
    """

    @classmethod
    def define(cls, spec: WorkChainSpec) -> None:
        super().define(spec)
        declare_ports(spec, "max_concurrent")

    def launch(self, key: str) -> orm.ProcessNode:
        """Submit the child of a key, with the key as its call link label."""
        raise NotImplementedError

    def inspect_child(self, key: str, node: orm.ProcessNode) -> None:
        """Look at a child that ended; keys appended to ``ctx.queue`` here are launched in turn."""

    def fill_pool(self, keys: list[str]) -> None:
        """Line up children."""
        self.ctx.queue = list(keys)
        self.ctx.alive = []
        self.ctx.children = {}

    def pool_is_busy(self) -> bool:
        """Return whether children are waiting or running."""
        return bool(self.ctx.queue or self.ctx.alive)

    def advance_pool(self) -> None:
        """Take in the children that ended, launch as many as there is room for, and wait for the next one to end."""
        for key in [key for key in self.ctx.alive if self.ctx.children[key].is_terminated]:
            self.ctx.alive.remove(key)
            self.inspect_child(key, self.ctx.children[key])
        # A worker that was killed may have launched children after its last checkpoint: they are taken over.
        orphans = {link.link_label: link.node for link in self.node.base.links.get_outgoing(orm.ProcessNode).all()}
        while self.ctx.queue and len(self.ctx.alive) < self.inputs.max_concurrent:
            key = self.ctx.queue.pop(0)
            self.ctx.children[key] = orphans.get(key) or self.launch(key)
            self.ctx.alive.append(key)
        self.to_context(**{f"awaited.{key}": self.ctx.children[key] for key in self.ctx.alive})

    def _on_awaitable_finished(self, awaitable: Awaitable) -> None:
        """Go on when one child ends, where AiiDA would wait for all of them."""
        # A child is awaited anew in every round; callbacks of earlier rounds stand for the present awaitable.
        present = next((other for other in self._awaitables if other.pk == awaitable.pk), None)
        if present is None:
            return
        super()._on_awaitable_finished(present)
        if self.state == ProcessState.WAITING and self._awaitables:
            self._awaitables.clear()
            self.resume()
