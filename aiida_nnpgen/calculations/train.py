"""Train one model."""

from __future__ import annotations

from typing import Any

from aiida import orm
from aiida.common import CalcInfo
from aiida.common.folders import Folder
from aiida.engine import CalcJobProcessSpec

from ..common.exceptions import InputError
from ..common.frames import Frames
from ..common.types import Split
from ..data import DatasetData, PotentialData
from ..jobs.train import CURVE, MODEL, WORK
from ..models import registry
from .base import define_exit_codes
from .committee import check_models
from .job import JobCalculation

__all__ = ["TrainCalculation"]

KEYS = {"architecture", "elements", "seed", "parameters"}


def validate_settings(node: orm.Dict, _: Any) -> str | None:
    """Check that the settings are complete, and the architecture is there."""
    if set(node.get_dict()) != KEYS:
        return f"`settings` must hold {', '.join(sorted(KEYS))}, not {', '.join(sorted(node.get_dict()))}"
    try:
        registry.load(node["architecture"])
    except InputError as exception:
        return f"settings.architecture: {exception}"
    return None


def validate_inputs(inputs: Any, _: Any) -> str | None:
    """Check that the model knows every element of the data, and can start from its parent."""
    if "settings" not in inputs or "datasets" not in inputs or validate_settings(inputs["settings"], None):
        return None
    known, architecture = inputs["settings"]["elements"], inputs["settings"]["architecture"]
    if "parent" in inputs:
        if inputs["parent"].architecture != architecture:
            return f"`parent` is a `{inputs['parent'].architecture}`: a `{architecture}` cannot start from it"
        if not registry.load(architecture).abilities.warm_start:
            return f"`{architecture}` cannot start from an earlier model: leave out `parent`"
        if (fault := check_models({"parent": inputs["parent"]})) is not None:
            return fault
    for key, dataset in inputs["datasets"].items():
        unknown = sorted(set(dataset.elements) - set(known))
        if unknown:
            return f"datasets.{key} holds {', '.join(unknown)}, which the model's elements ({', '.join(known)}) lack"
    return None


class TrainCalculation(JobCalculation):
    """Train one model on all shards given."""

    PROGRAM = "train"
    PARSER = "nnpgen.train"
    FOLDER_MODEL = MODEL
    FOLDER_WORK = WORK
    FILENAME_CURVE = CURVE

    @classmethod
    def define(cls, spec: CalcJobProcessSpec) -> None:
        super().define(spec)
        spec.input_namespace("datasets", valid_type=DatasetData, help="Shards: their training rows are trained on.")
        spec.input(
            "settings",
            valid_type=orm.Dict,
            validator=validate_settings,
            help="Architecture, elements, seed, and the parameters of the architecture.",
        )
        spec.input("parent", valid_type=PotentialData, required=False, help="Model to start from.")
        spec.input(
            "restart_folder", valid_type=orm.RemoteData, required=False, help="Interrupted training to go on with."
        )
        spec.inputs.validator = validate_inputs
        spec.output("potential", valid_type=PotentialData, help="The trained model.")
        spec.output("learning_curve", valid_type=orm.ArrayData, help="Errors and learning rate against the step.")
        define_exit_codes(spec, "ERROR_DIVERGED")

    def prepare_for_submission(self, folder: Folder) -> CalcInfo:
        settings = self.inputs.settings.get_dict()
        frames = {
            kind: [part for key in sorted(self.inputs.datasets) for part in self.inputs.datasets[key].get_frames(split)]
            for kind, split in (("train", Split.TRAIN), ("validation", Split.VALIDATION))
        }
        parent = {"parent": self.inputs.parent} if "parent" in self.inputs else {}
        restart = self.inputs.get("restart_folder")
        config = {
            "backend": registry.target(settings["architecture"]),
            "settings": settings["parameters"],
            "elements": settings["elements"],
            "seed": settings["seed"],
            "parent": "parent" if parent else None,
            "restart": restart is not None,
        }
        merged = {kind: Frames.by_composition(parts) for kind, parts in frames.items()}
        info = self.write_job(folder, config, merged, parent)
        info.retrieve_temporary_list = [self.FOLDER_MODEL, self.FILENAME_CURVE]
        if restart is not None:
            work = f"{restart.get_remote_path()}/{self.FOLDER_WORK}"
            info.remote_copy_list = [(restart.computer.uuid, work, self.FOLDER_WORK)]
        return info
