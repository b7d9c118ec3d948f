"""Run the loop once, then let the first and the last committee run the same dynamics."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from aiida import orm
from aiida.engine import submit
from rich.console import Console

from ...common.exceptions import NnpgenError
from ...common.types import Ensemble
from ...config.load import load_config
from ...config.sampling import RunSettings, SamplingSettings
from ...properties import Survival, survival
from ...workchains.active_learning import ActiveLearningWorkChain
from ...workchains.builder import build_inputs
from ...workchains.sampling import SamplingWorkChain
from ..launch import follow
from ..tables import print_summary, print_survival

__all__ = ["run_and_report"]

SETTINGS = SamplingSettings(
    timestep=0.5,
    stride=20,
    halt_deviation=5.0,
    # One run says little: of the same committee some end at once and others hold.
    runs=[RunSettings(ensemble=Ensemble.NVT, temperatures=[600.0], length=1_000.0, replicas=10)],
)
SEED = 600


def run_and_report(path: Path, group: str, console: Console) -> None:
    """Run what a configuration describes, unless it has been run, and print its tables."""
    loop = _find(group, path) or _submit_loop(group, path)
    console.print(f"active learning <{loop.pk}>: `verdi process status {loop.pk}` in another terminal shows its tree")
    follow(loop, console)
    first, last = (dict(loop.outputs.models[key]) for key in (min(loop.outputs.models), max(loop.outputs.models)))
    curves = {}
    for name, models in (("first", first), ("last", last)):
        probe = _probe(loop, models, name)
        follow(probe, console)
        curves[name] = _survival(probe)
    console.print()
    print_summary(loop, console)
    print_survival(curves, SETTINGS, console)


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


def _probe(loop: orm.WorkChainNode, models: dict[str, Any], name: str) -> orm.WorkChainNode:
    """Submit the same runs for one committee; caching makes a second demo take the first one's."""
    return submit(
        SamplingWorkChain,
        code=loop.inputs.codes.sampling[SETTINGS.sampler],
        settings=orm.Dict(SETTINGS.model_dump(mode="json") | {"seed": SEED, "keep_trajectory": False}),
        structures=dict(loop.inputs.structures),
        models=models,
        window=orm.Dict({"lo": 0.0, "hi": 0.0}),
        max_concurrent=2,
        metadata={"label": f"survival of the {name} committee"},
    )


def _survival(node: orm.WorkChainNode) -> Survival:
    """Return how long the runs of a committee lasted, in ps."""
    reports = [report.get_dict() for report in node.outputs.reports.values()] if "reports" in node.outputs else []
    if not reports:
        raise NnpgenError(f"<{node.pk}> left no report")
    ends = [(report["failure_time"], report["last_step"] * SETTINGS.timestep) for report in reports]
    times = [lasted if failed is None else failed for failed, lasted in ends]
    return survival(np.array(times) / 1000, [failed is not None for failed, _ in ends])
