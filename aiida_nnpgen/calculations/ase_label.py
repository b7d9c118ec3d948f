"""Label frames with any ASE calculator."""

from __future__ import annotations

from aiida import orm
from aiida.common import CalcInfo
from aiida.common.folders import Folder
from aiida.engine import CalcJobProcessSpec

from ..data.trajectory import structures_to_frames
from ..data.validators import validate_nodes
from ..dft.ase.code import calculator_of
from ..dft.method import Method
from .base import define_exit_codes
from .job import JobCalculation
from .method import validate_method

__all__ = ["AseLabelCalculation"]


class AseLabelCalculation(JobCalculation):
    """Compute energy, forces and stress of several frames in one job."""

    PROGRAM = "label"
    PARSER = "nnpgen.ase_label"
    FOLDER_LABELS = "labels"
    FOLDER_FAILURES = "failures"

    @classmethod
    def define(cls, spec: CalcJobProcessSpec) -> None:
        super().define(spec)
        spec.input_namespace(
            "structures",
            valid_type=orm.StructureData,
            validator=validate_nodes,
            help="Frames of one composition; keys end in `_` and a number.",
        )
        spec.input("method", valid_type=orm.Dict, validator=validate_method("ase"), help="Calculator and keywords.")
        spec.output(
            "labels",
            valid_type=orm.TrajectoryData,
            required=False,
            help="Labelled frames; the step of each is the number in the key of its structure.",
        )
        spec.output("failures", valid_type=orm.Dict, help="Reason for each frame that has no label.")
        define_exit_codes(spec, "ERROR_NO_FRAMES")

    def prepare_for_submission(self, folder: Folder) -> CalcInfo:
        groups = structures_to_frames(self.inputs.structures)
        keys = [key for group, _ in groups for key in group]
        config = {**calculator_of(Method.from_dict(self.inputs.method.get_dict())), "keys": keys}
        info = self.write_job(folder, config, {"frames": [frames for _, frames in groups]})
        info.retrieve_temporary_list = [self.FOLDER_LABELS, self.FOLDER_FAILURES]
        return info
