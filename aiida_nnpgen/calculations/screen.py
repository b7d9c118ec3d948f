"""Choose the frames that are worth a label: features, embedding, thinning."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from aiida import orm
from aiida.common import CalcInfo
from aiida.common.folders import Folder
from aiida.engine import CalcJobProcessSpec

from ..common.exceptions import InputError
from ..common.frames import Frames
from ..data import DatasetData, PotentialData
from ..data.candidates import candidate_frames, read_candidates
from ..data.validators import first_problem, validate_node, validate_nodes
from ..jobs.config import build
from ..jobs.screen import ARRAYS
from ..models import registry
from ..screening.settings import ScreeningSettings
from .job import JobCalculation

__all__ = ["ScreenCalculation", "read_settings", "validate_settings"]


def read_settings(node: orm.Dict) -> tuple[ScreeningSettings, int]:
    """Return the settings of a screening and its seed.

    :raises InputError: if a key is unknown or missing, or a value is wrong.
    """
    values = node.get_dict()
    if "seed" not in values:
        raise InputError("settings: key `seed` is missing")
    seed = values.pop("seed")
    return build(ScreeningSettings, values, "settings"), seed


def validate_settings(node: orm.Dict, _: Any) -> str | None:
    """Check every value of the settings."""
    try:
        read_settings(node)
    except (InputError, TypeError) as exception:  # a value of another type, such as text for a number
        return str(exception)
    return None


def validate_model(model: PotentialData, _: Any) -> str | None:
    """Check that the model is what it says, and gives features."""
    if problem := validate_node(model, None):
        return problem
    has_features = model.implementation.abilities.descriptors
    return None if has_features else f"`{model.architecture}` gives no per-atom features"


def validate_levels(node: orm.ArrayData, _: Any) -> str | None:
    """Check that the candidates can be read."""
    return first_problem({"": node}, read_candidates)


class ScreenCalculation(JobCalculation):
    """Screen the frames inside the trust window, on the computer."""

    PROGRAM = "screen"
    PARSER = "nnpgen.screen"
    FILENAME_ARRAYS = ARRAYS

    @classmethod
    def define(cls, spec: CalcJobProcessSpec) -> None:
        super().define(spec)
        spec.input_namespace(
            "trajectories",
            valid_type=orm.TrajectoryData,
            validator=validate_nodes,
            help="Sampled frames with their deviation.",
        )
        spec.input_namespace(
            "datasets",
            valid_type=DatasetData,
            validator=validate_nodes,
            help="The present dataset: fixed points of the thinning.",
        )
        spec.input("model", valid_type=PotentialData, validator=validate_model, help="Gives the features.")
        spec.input(
            "levels",
            valid_type=orm.ArrayData,
            validator=validate_levels,
            help="Trust level of every sampled frame, and the candidates.",
        )
        spec.input(
            "settings",
            valid_type=orm.Dict,
            validator=validate_settings,
            help="Settings of the screening, with their seed.",
        )
        spec.output(
            "screen", valid_type=orm.ArrayData, help="Coordinates, quantities and numbers of selected candidates."
        )
        spec.output("report", valid_type=orm.Dict, help="Counts of candidates, selected and dropped, by reason.")

    def prepare_for_submission(self, folder: Folder) -> CalcInfo:
        model = self.inputs.model
        settings, seed = read_settings(self.inputs.settings)
        config = {
            "backend": registry.target(model.architecture),
            "model": "model",
            "elements": model.elements,
            "settings": asdict(settings.for_job()),
            "seed": seed,
        }
        frames = {
            "candidates": candidate_frames(read_candidates(self.inputs.levels), self.inputs.trajectories),
            "dataset": Frames.by_composition(
                [part for key in sorted(self.inputs.datasets) for part in self.inputs.datasets[key].get_frames()],
                keep_order=True,
            ),
        }
        info = self.write_job(folder, config, frames, {"model": model})
        info.retrieve_temporary_list = [self.FILENAME_ARRAYS]
        return info
