"""Select, on the compute node, the candidates worth a label."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np

from ..models import registry
from ..screening.geometry import GeometrySettings
from ..screening.pipeline import drop_reasons, measure_all, screen, structure_features
from ..screening.settings import FeatureSettings, QuantitySettings, ReducerSettings, SelectorSettings
from .files import read_config, read_frames, write_result

__all__ = ["ARRAYS", "main"]

ARRAYS = "screen.npz"
"""The arrays that the job writes."""


def main(folder: Path) -> None:
    """Screen ``candidates_*.npz`` in the presence of ``dataset_*.npz``.

    Writes the arrays ``candidate_points``, ``dataset_points``, ``candidate_quantities``, ``dataset_quantities``,
    ``selected`` (indices among all candidates, in the order of the files) and ``dropped`` (why, per candidate).

    :param folder: working folder, with the configuration, the frames and the folder of the model.
    """
    config = cast(Mapping[str, Any], read_config(folder))
    candidates, dataset = read_frames(folder, "candidates"), read_frames(folder, "dataset")
    backend = registry.load(config["backend"])
    describe = backend.load(folder / config["model"]).descriptors
    geometry, features = config["geometry"], FeatureSettings(**config["features"])
    quantities = [QuantitySettings(**quantity) for quantity in config["quantities"]]
    dropped = drop_reasons(candidates, dataset, None if geometry is None else GeometrySettings(**geometry))
    candidate_quantities = measure_all(candidates, quantities, dropped)
    dataset_quantities = measure_all(dataset, quantities)
    screened = screen(
        structure_features(candidates, describe, features, config["elements"], dropped),
        structure_features(dataset, describe, features, config["elements"]),
        config["n_max"],
        candidate_quantities=candidate_quantities,
        dataset_quantities=dataset_quantities,
        weights=[quantity.weight for quantity in quantities],
        dropped=dropped,
        pca_dims=features.pca_dims,
        reducer=ReducerSettings(**config["reducer"]),
        selector=SelectorSettings(**config["selector"]),
        seed=config["seed"],
    )
    np.savez(
        folder / ARRAYS,
        candidate_points=screened.candidate_points,
        dataset_points=screened.dataset_points,
        candidate_quantities=candidate_quantities,
        dataset_quantities=dataset_quantities,
        selected=screened.selected,
        dropped=screened.dropped,
    )
    write_result(
        folder,
        {
            "n_candidates": len(dropped),
            "n_selected": len(screened.selected),
            "dropped": screened.count_dropped(),
        },
    )
