"""Measure how far a committee disagrees about sampled frames."""

from __future__ import annotations

from typing import Any

from aiida import orm
from aiida.common import CalcInfo
from aiida.common.folders import Folder
from aiida.engine import CalcJobProcessSpec

from ..common import plugins
from ..data import PotentialData
from ..data.trajectory import trajectory_to_frames
from ..jobs.deviation import DEVIATION
from .job import JobCalculation

__all__ = ["DeviationCalculation"]


def validate_percentile(node: orm.Float, _: Any) -> str | None:
    """Check the percentile."""
    return None if 0 < node.value <= 100 else f"`percentile` must lie above 0 and not above 100, not `{node.value}`"


class DeviationCalculation(JobCalculation):
    """Measure force, energy and stress deviation, where a sampler gives the largest force deviation alone."""

    PROGRAM = "deviation"
    FILENAME_ARRAYS = DEVIATION

    @classmethod
    def define(cls, spec: CalcJobProcessSpec) -> None:
        super().define(spec)
        spec.input_namespace("trajectories", valid_type=orm.TrajectoryData, help="Sampled frames.")
        spec.input_namespace("models", valid_type=PotentialData, help="The committee.")
        spec.input(
            "percentile",
            valid_type=orm.Float,
            default=lambda: orm.Float(100.0),
            validator=validate_percentile,
            help="Percentile of the force deviations over the atoms of a frame; 100 is the maximum.",
        )
        spec.inputs["metadata"]["options"]["parser_name"].default = "nnpgen.deviation"
        spec.output(
            "deviation",
            valid_type=orm.ArrayData,
            help="Per trajectory and frame: `force_<key>` (eV/Å), `energy_<key>` (eV/atom), `stress_<key>` (eV/Å³).",
        )

    def prepare_for_submission(self, folder: Folder) -> CalcInfo:
        models = dict(self.inputs.models)
        keys = sorted(models)
        config = {
            "backend": plugins.target("nnpgen.models", models[keys[0]].architecture),
            "models": keys,
            "percentile": self.inputs.percentile.value,
        }
        frames = [trajectory_to_frames(self.inputs.trajectories[key]) for key in sorted(self.inputs.trajectories)]
        info = self.write_job(folder, config, {"frames": frames}, models)
        info.retrieve_temporary_list = [self.FILENAME_ARRAYS]
        return info
