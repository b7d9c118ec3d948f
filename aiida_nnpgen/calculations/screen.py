"""Choose the frames that are worth a label: features, embedding, thinning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiida import orm
from aiida.common import CalcInfo
from aiida.common.folders import Folder
from aiida.engine import CalcJobProcessSpec

from ..common import plugins
from ..data import DatasetData, PotentialData
from ..data.trajectory import candidates
from ..models import registry
from ..screening.base import QUANTITIES, REDUCERS, SELECTORS
from .job import JobCalculation
from .train import merge_compositions

__all__ = ["ScreenCalculation"]


def job_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the job needs of the settings, with import paths in the place of registered names."""
    return {
        "features": settings["features"],
        "reducer": settings["reducer"] | {"method": _path(REDUCERS, settings["reducer"]["method"])},
        "quantities": [item | {"name": _path(QUANTITIES, item["name"])} for item in settings["quantities"]],
        "selector": settings["selector"] | {"name": _path(SELECTORS, settings["selector"]["name"])},
        "geometry": settings["geometry"],
        "n_max": settings["n_max"],
        "seed": settings["seed"],
    }


def _path(group: str, name: str) -> str:
    return name if ":" in name else plugins.target(group, name)


def validate_model(model: PotentialData, _: Any) -> str | None:
    """Check that the model gives features."""
    has_features = model.implementation.abilities.descriptors
    return None if has_features else f"`{model.architecture}` gives no per-atom features"


class ScreenCalculation(JobCalculation):
    """Screen the frames inside the trust window, on the computer."""

    PROGRAM = "screen"
    PARSER = "nnpgen.screen"
    FILENAME_ARRAYS = "screen.npz"

    @classmethod
    def define(cls, spec: CalcJobProcessSpec) -> None:
        super().define(spec)
        spec.input_namespace("trajectories", valid_type=orm.TrajectoryData, help="Sampled frames with their deviation.")
        spec.input_namespace(
            "datasets", valid_type=DatasetData, help="The present dataset: fixed points of the thinning."
        )
        spec.input("model", valid_type=PotentialData, validator=validate_model, help="Gives the features.")
        spec.input("levels", valid_type=orm.ArrayData, help="Trust level of every sampled frame.")
        spec.input("settings", valid_type=orm.Dict, help="Settings of the screening, with their seed.")
        spec.output(
            "screen", valid_type=orm.ArrayData, help="Coordinates, quantities and numbers of selected candidates."
        )
        spec.output("report", valid_type=orm.Dict, help="Counts of candidates, selected and dropped, by reason.")

    def prepare_for_submission(self, folder: Folder) -> CalcInfo:
        model = self.inputs.model
        config = {
            "backend": registry.target(model.architecture),
            "model": "model",
            "elements": model.elements,
            **job_settings(self.inputs.settings.get_dict()),
        }
        frames = {
            "candidates": [part for _, _, part in candidates(self.inputs.trajectories, self.inputs.levels)],
            "dataset": merge_compositions(
                [part for key in sorted(self.inputs.datasets) for part in self.inputs.datasets[key].get_frames()]
            ),
        }
        info = self.write_job(folder, config, frames, {"model": model})
        info.retrieve_temporary_list = [self.FILENAME_ARRAYS]
        return info
