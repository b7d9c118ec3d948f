"""Run the loop of the demo once, and print what came of it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from aiida import orm
from aiida.engine import submit
from rich.console import Console

from ...config.load import load_config
from ...workchains.active_learning import ActiveLearningWorkChain
from ...workchains.builder import build_inputs
from ..launch import follow
from ..tables import print_summary

__all__ = ["run_and_report"]


def run_and_report(path: Path, group: str, console: Console) -> None:
    """Run what a configuration describes, unless it has been run, and print its tables."""
    loop = _find(group, path) or _submit_loop(group, path)
    console.print(f"active learning <{loop.pk}>: `verdi process status {loop.pk}` in another terminal shows its tree")
    follow(loop, console)
    console.print()
    print_summary(loop, console)


def _submit_loop(group: str, path: Path) -> orm.WorkChainNode:
    inputs = build_inputs(load_config(path), path.parent)
    node = submit(ActiveLearningWorkChain, **inputs)
    node.base.extras.set("nnpgen_config", _digest(path))
    orm.Group.collection.get_or_create(group)[0].add_nodes(node)
    return node


def _find(group: str, path: Path) -> orm.WorkChainNode | None:
    """Return the last run of this very configuration that is alive or ended well."""
    builder = orm.QueryBuilder()
    builder.append(orm.Group, filters={"label": group}, tag="group")
    builder.append(orm.WorkChainNode, with_group="group", filters={"extras.nnpgen_config": _digest(path)}, tag="run")
    builder.order_by({"run": {"id": "desc"}})
    runs = [node for [node] in builder.iterall() if not node.is_terminated or node.is_finished_ok]
    return runs[0] if runs else None


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
