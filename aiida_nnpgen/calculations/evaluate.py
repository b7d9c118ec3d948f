"""Measure the errors of a committee on labelled frames."""

from __future__ import annotations

from aiida import orm
from aiida.common import CalcInfo
from aiida.common.folders import Folder
from aiida.engine import CalcJobProcessSpec

from ..common import plugins
from ..common.types import Split
from ..data import DatasetData, PotentialData
from ..jobs.evaluate import EVALUATION
from .deviation import validate_percentile
from .job import JobCalculation
from .train import merge_compositions

__all__ = ["EvaluateCalculation"]


class EvaluateCalculation(JobCalculation):
    """Compare a committee with labels."""

    PROGRAM = "evaluate"
    FILENAME_ARRAYS = EVALUATION

    @classmethod
    def define(cls, spec: CalcJobProcessSpec) -> None:
        super().define(spec)
        spec.input_namespace("datasets", valid_type=DatasetData, help="Shards with the labels.")
        spec.input_namespace("models", valid_type=PotentialData, help="The committee.")
        spec.input(
            "split",
            valid_type=orm.Str,
            default=lambda: orm.Str("all"),
            validator=lambda node, _: None if node.value in ("all", "train", "validation") else "unknown split",
            help="Which rows: all, train or validation.",
        )
        spec.input(
            "percentile",
            valid_type=orm.Float,
            default=lambda: orm.Float(100.0),
            validator=validate_percentile,
            help="Percentile of the force deviations over the atoms of a frame; 100 is the maximum.",
        )
        spec.inputs["metadata"]["options"]["parser_name"].default = "nnpgen.evaluate"
        spec.output(
            "errors", valid_type=orm.Dict, help="MAE and RMSE of energy (eV/atom), forces (eV/Å), stress (eV/Å³)."
        )
        spec.output("arrays", valid_type=orm.ArrayData, help="Committee deviation and errors of every frame.")

    def prepare_for_submission(self, folder: Folder) -> CalcInfo:
        name = self.inputs.split.value
        split = None if name == "all" else Split[name.upper()]
        parts = [part for key in sorted(self.inputs.datasets) for part in self.inputs.datasets[key].get_frames(split)]
        keys = sorted(self.inputs.models)
        backend = self.inputs.models[keys[0]].architecture
        config = {
            "backend": plugins.target("nnpgen.models", backend),
            "models": keys,
            "percentile": self.inputs.percentile.value,
        }
        info = self.write_job(folder, config, {"frames": merge_compositions(parts)}, dict(self.inputs.models))
        info.retrieve_temporary_list = [self.FILENAME_ARRAYS]
        return info
