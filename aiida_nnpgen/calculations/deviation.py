"""Measure how far a committee disagrees about sampled frames."""

from __future__ import annotations

from aiida import orm
from aiida.common import CalcInfo
from aiida.common.folders import Folder
from aiida.engine import CalcJobProcessSpec

from ..data.trajectory import trajectory_to_frames
from ..data.validators import validate_nodes
from ..jobs.deviation import DEVIATION
from .committee import committee_config, define_committee
from .job import JobCalculation

__all__ = ["DeviationCalculation"]


class DeviationCalculation(JobCalculation):
    """Measure force, energy and stress deviation, where a sampler gives the largest force deviation alone."""

    PROGRAM = "deviation"
    PARSER = "nnpgen.deviation"
    FILENAME_ARRAYS = DEVIATION

    @classmethod
    def define(cls, spec: CalcJobProcessSpec) -> None:
        super().define(spec)
        spec.input_namespace(
            "trajectories", valid_type=orm.TrajectoryData, validator=validate_nodes, help="Sampled frames."
        )
        define_committee(spec)
        spec.output(
            "deviation",
            valid_type=orm.ArrayData,
            help="Per trajectory and frame: `force_<key>` (eV/Å), `energy_<key>` (eV/atom), `stress_<key>` (eV/Å³).",
        )

    def prepare_for_submission(self, folder: Folder) -> CalcInfo:
        frames = [trajectory_to_frames(self.inputs.trajectories[key]) for key in sorted(self.inputs.trajectories)]
        info = self.write_job(folder, committee_config(self.inputs), {"frames": frames}, dict(self.inputs.models))
        info.retrieve_temporary_list = [self.FILENAME_ARRAYS]
        return info
