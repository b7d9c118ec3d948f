"""Measure the errors of a committee on labelled frames."""

from __future__ import annotations

from aiida import orm
from aiida.common import CalcInfo
from aiida.common.folders import Folder
from aiida.engine import CalcJobProcessSpec

from ..common.frames import Frames
from ..common.types import Split
from ..data import DatasetData
from ..data.validators import validate_nodes
from ..jobs.evaluate import EVALUATION
from .base import define_exit_codes
from .committee import committee_config, define_committee
from .job import JobCalculation

__all__ = ["EvaluateCalculation"]


class EvaluateCalculation(JobCalculation):
    """Compare a committee with labels."""

    PROGRAM = "evaluate"
    PARSER = "nnpgen.evaluate"
    FILENAME_ARRAYS = EVALUATION

    @classmethod
    def define(cls, spec: CalcJobProcessSpec) -> None:
        super().define(spec)
        spec.input_namespace(
            "datasets", valid_type=DatasetData, validator=validate_nodes, help="Shards with the labels."
        )
        define_committee(spec)
        spec.input(
            "split",
            valid_type=orm.Str,
            default=lambda: orm.Str("all"),
            validator=lambda node, _: None if node.value in ("all", "train", "validation") else "unknown split",
            help="Which rows: all, train or validation.",
        )
        spec.output(
            "errors", valid_type=orm.Dict, help="MAE and RMSE of energy (eV/atom), forces (eV/Å), stress (eV/Å³)."
        )
        define_exit_codes(spec, "ERROR_NOT_FINITE")
        spec.output("arrays", valid_type=orm.ArrayData, help="Committee deviation and errors of every frame.")

    def prepare_for_submission(self, folder: Folder) -> CalcInfo:
        name = self.inputs.split.value
        split = None if name == "all" else Split[name.upper()]
        parts = [part for key in sorted(self.inputs.datasets) for part in self.inputs.datasets[key].get_frames(split)]
        config, models = committee_config(self.inputs), dict(self.inputs.models)
        info = self.write_job(folder, config, {"frames": Frames.by_composition(parts)}, models)
        info.retrieve_temporary_list = [self.FILENAME_ARRAYS]
        return info
