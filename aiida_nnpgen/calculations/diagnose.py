"""Find which distances make dynamics fail."""

from __future__ import annotations

from aiida import orm
from aiida.common import CalcInfo
from aiida.common.folders import Folder
from aiida.engine import CalcJobProcessSpec

from ..common.frames import Frames
from ..data import DatasetData
from ..data.trajectory import read_steps, trajectory_to_frames
from ..data.validators import validate_nodes
from .job import JobCalculation

__all__ = ["DiagnoseCalculation"]


class DiagnoseCalculation(JobCalculation):
    """Compare the last good frames of runs that failed with the training data."""

    PROGRAM = "diagnose"
    PARSER = "nnpgen.diagnose"

    @classmethod
    def define(cls, spec: CalcJobProcessSpec) -> None:
        super().define(spec)
        spec.input_namespace(
            "trajectories",
            valid_type=orm.TrajectoryData,
            validator=validate_nodes,
            help="Start and last good frames of each run that failed.",
        )
        spec.input_namespace("datasets", valid_type=DatasetData, validator=validate_nodes, help="The training data.")
        spec.output(
            "diagnosis",
            valid_type=orm.Dict,
            help="Per run, and for most of them, the pair of elements whose distances left the range of the data.",
        )

    def prepare_for_submission(self, folder: Folder) -> CalcInfo:
        keys = sorted(self.inputs.trajectories)
        nodes = [self.inputs.trajectories[key] for key in keys]
        datasets = [part for key in sorted(self.inputs.datasets) for part in self.inputs.datasets[key].get_frames()]
        config = {"keys": keys, "steps": [read_steps(node).tolist() for node in nodes]}
        frames = {
            "runs": [trajectory_to_frames(node).without_labels() for node in nodes],
            "dataset": [part.without_labels() for part in Frames.by_composition(datasets)],
        }
        return self.write_job(folder, config, frames)
