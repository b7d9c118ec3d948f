"""What can be known at launch about the whole schedule, before labels and trainings are paid for."""

from __future__ import annotations

from typing import Any

from ..calculations.functions.collect_labels import draw_split
from ..common.types import Split
from ..config.document import describe_path
from ..config.root import LoopSettings

__all__ = ["check_starts", "check_validation_frames"]


def check_starts(config: LoopSettings, inputs: Any) -> str | None:
    """Check that every start of dynamics can move: one atom has no temperature, and no force in its own images."""
    sizes = {key: len(node.sites) for key, node in inputs["structures"].items()}
    moving = {
        key: describe_path((*location, "sampling"))
        for location, entry in config.entries()
        for key, _ in entry.sampling.expand(sorted(sizes))
    }
    if config.stability is not None:
        moving |= dict.fromkeys(config.stability.starts(sorted(sizes)), "stability")
    for purpose in ("initial_dataset", "test_set"):
        settings = getattr(config, purpose)
        if settings is not None and settings.aimd is not None:
            moving |= dict.fromkeys(sizes, f"{purpose}.aimd")
    for key, place in moving.items():
        if sizes[key] < 2:
            return f"{place}: `structures.{key}` has one atom, which cannot move in its own images: repeat the cell"
    return None


def check_validation_frames(config: LoopSettings, inputs: Any) -> str | None:
    """Check that there will be a validation frame where the trust window is calibrated with them.

    How many frames an import gives is not known; the shards of an earlier run are counted.
    """
    needing = [location for location, entry in config.entries() if entry.screening.window.mode == "auto"]
    settings = config.initial_dataset
    if not needing or (settings.existing and not inputs.get("datasets")):
        return None
    if inputs.get("datasets"):
        sizes: list[int] = []
        count = sum(int((node.split == Split.VALIDATION).sum()) for node in inputs["datasets"].values())
    else:
        sizes = _shard_sizes(config, len(inputs["structures"]))
        fraction = settings.validation_fraction
        count = sum(int((draw_split(size, fraction, seed=0) == Split.VALIDATION).sum()) for size in sizes if size)
    if count:
        return None
    made = f" of {' + '.join(map(str, sizes))} frames" if sizes else ""
    return (
        f"{describe_path((*needing[0], 'screening', 'window', 'mode'))}: `auto` needs a validation frame, but "
        f"initial_dataset.validation_fraction = `{settings.validation_fraction:g}`{made} gives none"
    )


def _shard_sizes(config: LoopSettings, n_structures: int) -> list[int]:
    """Return how many frames each shard of the first dataset will have, if every label is good."""
    settings, sizes = config.initial_dataset, []
    if settings.perturb is not None:
        sizes += n_structures * [settings.perturb.count]
    if settings.aimd is not None:
        frames = sum(each.n_kept - settings.aimd.skip for each in settings.aimd.conditions())
        sizes.append(n_structures * frames)
    return sizes
