"""Say what a tree of processes is doing."""

from __future__ import annotations

import time
from collections import Counter

from aiida import orm
from aiida.common.links import LinkType
from rich.console import Console

from .console import plain

__all__ = ["Progress"]

_ROUTINE = ("run_process", "results", "on_terminated")
"""Steps in which every restart work chain of AiiDA reports the same."""


class Progress:
    """Print each report of the processes below a node once, and count its jobs."""

    def __init__(self, node: orm.ProcessNode, console: Console) -> None:
        """Watch a process; its time counts from its creation."""
        self._node = node
        self._console = console
        self._last_log = 0

    def update(self) -> str:
        """Print what is new, and return one line on what is running."""
        processes = self._tree()
        self._print_reports(list(processes))
        running: Counter[str] = Counter()
        for label, state in processes.values():
            if label.endswith("Calculation") and state not in ("finished", "excepted", "killed"):
                running[label.removesuffix("Calculation").lower()] += 1
        jobs = ", ".join(f"{count} x {label}" for label, count in sorted(running.items())) or "no job"
        return f"{self._elapsed()}  running: {jobs}"

    def _elapsed(self) -> str:
        seconds = int(time.time() - self._node.ctime.timestamp())
        return f"{seconds // 60:3d}:{seconds % 60:02d}"

    def _tree(self) -> dict[int, tuple[str, str]]:
        """Return label and state of all processes below the node, level by level."""
        assert self._node.pk is not None
        found: dict[int, tuple[str, str]] = {self._node.pk: (self._node.process_label or "", "")}
        level = [self._node.pk]
        while level:
            builder = orm.QueryBuilder()
            builder.append(orm.WorkflowNode, filters={"id": {"in": level}}, tag="caller")
            builder.append(
                orm.ProcessNode,
                with_incoming="caller",
                edge_filters={"type": {"in": [LinkType.CALL_CALC.value, LinkType.CALL_WORK.value]}},
                project=["id", "attributes.process_label", "attributes.process_state"],
            )
            children = {pk: (label or "", state or "") for pk, label, state in builder.all()}
            found |= children
            level = list(children)
        return found

    def _print_reports(self, processes: list[int]) -> None:
        builder = orm.QueryBuilder()
        filters = {"dbnode_id": {"in": processes}, "id": {">": self._last_log}, "levelname": "REPORT"}
        builder.append(orm.Log, filters=filters, project=["id", "message"])
        builder.order_by({orm.Log: "id"})
        for number, message in builder.all():
            self._last_log = number
            head, _, text = message.partition("]: ")
            if head.rpartition("|")[2] in _ROUTINE:
                continue
            self._console.print(plain(f"{self._elapsed()}  {text or message}"))
