"""Select, on the compute node, the candidates worth a label.

In the folder: ``config.json`` with the fields of :class:`ScreenConfig`; frames in ``candidates.npz`` and
``dataset.npz``; the files of the model in a subfolder. Left behind: ``screen.npz`` and ``result.json``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..common.files import Column, write_arrays
from ..models import registry
from ..screening.description import describe
from ..screening.duplicates import duplicate_flaws
from ..screening.pipeline import geometry_flaws, screen
from ..screening.settings import ScreeningSettings
from .config import build
from .files import read_config, read_frames, write_result

__all__ = ["ARRAYS", "COLUMNS", "RESULT_SHAPE", "ScreenConfig", "main"]

ARRAYS = "screen.npz"
"""The arrays that the job writes."""
COLUMNS = {
    "candidate_points": Column((None, None)),
    "dataset_points": Column((None, None)),
    "candidate_quantities": Column((None, None)),
    "dataset_quantities": Column((None, None)),
    "selected": Column(kind="i"),
    "dropped": Column(kind="i"),
}
RESULT_SHAPE = {"n_candidates": int, "n_selected": int, "dropped": {...: int}}


@dataclass(frozen=True, kw_only=True)
class ScreenConfig:
    """Configuration of the job.

    :ivar backend: import path of the back end.
    :ivar model: subfolder with the model that gives the features.
    :ivar elements: chemical symbols of all compositions.
    :ivar settings: of the screening, with import paths in the place of registered names.
    :ivar seed: of the reducer and the selector.
    """

    backend: str
    model: str
    elements: Sequence[str]
    settings: ScreeningSettings
    seed: int


def main(folder: Path) -> None:
    """Screen candidates in the presence of the dataset.

    Writes the arrays ``candidate_points``, ``dataset_points``, ``candidate_quantities``, ``dataset_quantities``,
    ``selected`` (numbers among all candidates, in the order of the files) and ``dropped`` (why, per candidate).

    :param folder: working folder.
    """
    config = build(ScreenConfig, read_config(folder), "config.json")
    backend = registry.load_path(config.backend)
    descriptors = backend.load(folder / config.model).descriptors
    frames = {kind: read_frames(folder, kind) for kind in ("candidates", "dataset")}
    flaws = geometry_flaws(frames["candidates"], frames["dataset"], config.settings.geometry)
    tolerance = config.settings.duplicate_tolerance
    flaws = duplicate_flaws(frames["candidates"], frames["dataset"], tolerance, flaws)
    candidates = describe(frames["candidates"], descriptors, config.settings, config.elements, flaws)
    dataset = describe(frames["dataset"], descriptors, config.settings, config.elements)
    screened = screen(candidates, dataset, config.settings, config.seed, flaws)
    arrays = {
        "candidate_points": screened.candidate_points,
        "dataset_points": screened.dataset_points,
        "candidate_quantities": candidates.quantities,
        "dataset_quantities": dataset.quantities,
        "selected": screened.selected,
        "dropped": screened.dropped,
    }
    write_arrays(folder / ARRAYS, arrays)
    write_result(
        folder,
        {
            "n_candidates": len(candidates),
            "n_selected": len(screened.selected),
            "dropped": screened.count_dropped(),
        },
        candidates=frames["candidates"],
        dataset=frames["dataset"],
    )
