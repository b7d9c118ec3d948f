"""Which frames trained a model, and which models a frame trained.

AiiDA's ``with_ancestors`` counts paths, which explode in an ensemble loop. Everything here is a few explicit hops along
links, so the cost grows with what is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from aiida import orm
from aiida.common.links import LinkType

from ..common.types import Split
from .checks import refuse
from .dataset import DatasetData, Origin
from .labels import is_run_key, run_links
from .potential import PotentialData

__all__ = [
    "CALCULATED",
    "FrameLineage",
    "frames_of_model",
    "label_process",
    "label_processes",
    "models_of_frame",
]

CALCULATED = "calculated"
"""Link label by which the output of a code enters the function that makes a label of it."""


@dataclass(frozen=True, kw_only=True)
class FrameLineage:
    """One frame that a model was trained with.

    :ivar dataset: UUID of the shard; ``row`` is the row in it.
    :ivar structure: UUID of the structure that was labelled, or started the dynamics; None if imported.
    :ivar label: UUID of the node with the label; ``index`` is the frame in it.
    :ivar process: UUID of the process that made the label.
    :ivar split: training or validation.
    """

    dataset: str
    row: int
    iteration: int
    reason: str
    split: Split
    structure: str | None
    label: str | None
    index: int
    process: str | None


def frames_of_model(model: PotentialData) -> list[FrameLineage]:
    """Return every frame that a model was trained or validated with.

    The shards of the training that made it are asked. A model that started from an earlier one was trained with all of
    that one's shards again.
    """
    builder = orm.QueryBuilder()
    builder.append(orm.Node, filters={"uuid": model.uuid}, tag="model")
    builder.append(orm.CalcJobNode, with_outgoing="model", edge_filters={"type": LinkType.CREATE.value}, tag="training")
    builder.append(DatasetData, with_outgoing="training", project="*")
    shards = {shard.uuid: shard for [shard] in builder.iterall()}
    frames = [frame for shard in shards.values() for frame in _frames_of_shard(shard)]
    return sorted(frames, key=lambda frame: (frame.iteration, frame.dataset, frame.row))


def models_of_frame(structure: orm.StructureData) -> list[PotentialData]:
    """Return every model that was trained with the label of a structure; validation alone does not count.

    A structure that started a dynamics run with the reference method counts for every frame of that run.
    """
    builder = orm.QueryBuilder()
    builder.append(orm.Node, filters={"uuid": structure.uuid}, tag="structure")
    builder.append(orm.ProcessNode, with_incoming="structure", tag="labelling", project="uuid")
    builder.append(orm.TrajectoryData, with_incoming="labelling", tag="label")
    builder.append(orm.CalcFunctionNode, with_incoming="label", tag="collecting")
    builder.append(DatasetData, with_incoming="collecting", project="*")
    shards = {shard.uuid: shard for _, shard in builder.iterall()}
    used = [
        uuid
        for uuid, shard in shards.items()
        if any(frame.structure == structure.uuid and frame.split == Split.TRAIN for frame in _frames_of_shard(shard))
    ]
    if not used:
        return []
    models = orm.QueryBuilder()
    models.append(DatasetData, filters={"uuid": {"in": used}}, tag="shard")
    models.append(orm.CalcJobNode, with_incoming="shard", tag="training")
    models.append(PotentialData, with_incoming="training", edge_filters={"type": LinkType.CREATE.value}, project="*")
    return sorted({model.uuid: model for [model] in models.iterall()}.values(), key=lambda model: model.pk)


def _frames_of_shard(shard: DatasetData) -> Iterable[FrameLineage]:
    """Resolve the link labels of every row to nodes: one query per shard and one per label node."""
    labels = _inputs(shard.creator) if shard.creator else {}
    used = {origin.label: labels[origin.label] for origin in shard.origins if origin.label in labels}
    sources = {name: _inputs(label.creator) for name, label in used.items() if label.creator}
    # Files that a user gave were made by no process of ours.
    made = {name: label for name, label in used.items() if isinstance(label, orm.TrajectoryData)}
    makers = {name: label_processes(label, sources.get(name, {})) for name, label in made.items()}
    for row, (origin, split) in enumerate(zip(shard.origins, shard.split.tolist(), strict=True)):
        yield _resolve(shard, row, origin, Split(split), labels, makers, sources)


def _resolve(
    shard: DatasetData,
    row: int,
    origin: Origin,
    split: Split,
    labels: dict[str, Any],
    makers: dict[str, list[orm.ProcessNode | None]],
    sources: dict[str, dict[str, Any]],
) -> FrameLineage:
    name = origin.label or ""
    structure = sources.get(name, {}).get(origin.structure or "")
    if name in makers and origin.index >= len(makers[name]):
        raise refuse(shard, f"row {row} is frame {origin.index} of `{name}`, which has {len(makers[name])} frames")
    process = makers[name][origin.index] if name in makers else None
    return FrameLineage(
        dataset=shard.uuid,
        row=row,
        iteration=origin.iteration,
        reason=origin.reason,
        split=split,
        structure=structure.uuid if structure else None,
        label=labels[name].uuid if name in labels else None,
        index=origin.index,
        process=process.uuid if process else None,
    )


def label_process(label: orm.TrajectoryData, row: int = 0) -> orm.ProcessNode | None:
    """Return the process that made one row of a label node; see :func:`label_processes`."""
    return label_processes(label)[row]


def label_processes(label: orm.TrajectoryData, inputs: dict[str, Any] | None = None) -> list[orm.ProcessNode | None]:
    """Return the process that made each row: the calculation, where a function brought its output into our units.

    :param inputs: of the creator by link label, if they are known.
    """
    if inputs is None:
        inputs = _inputs(label.creator) if label.creator else {}
    jobs = {link: node.creator for link, node in inputs.items() if link == CALCULATED or is_run_key(link)}
    last = jobs.get(CALCULATED, label.creator)
    return [jobs.get(link or CALCULATED, last) for link in run_links(label)]


def _inputs(process: orm.ProcessNode) -> dict[str, Any]:
    """Return the inputs of a process by link label."""
    links = process.base.links.get_incoming(link_type=LinkType.INPUT_CALC).all()
    return {link.link_label: link.node for link in links}
