"""Molecular dynamics with the reference method, through any ASE calculator."""

from __future__ import annotations

from aiida import orm
from aiida.common import CalcInfo
from aiida.common.folders import Folder
from aiida.engine import CalcJobProcessSpec

from ..data.trajectory import structure_to_frames
from ..data.validators import validate_node
from ..dft.ase.code import calculator_of
from ..dft.method import Method
from ..jobs.dynamics import FILES
from .base import define_exit_codes
from .job import JobCalculation
from .method import validate_method

__all__ = ["AseMdCalculation"]


class AseMdCalculation(JobCalculation):
    """Run ab initio molecular dynamics in ASE; every frame it keeps is a label."""

    PROGRAM = "md"
    PARSER = "nnpgen.ase_md"

    @classmethod
    def define(cls, spec: CalcJobProcessSpec) -> None:
        super().define(spec)
        spec.input("structure", valid_type=orm.StructureData, validator=validate_node, help="Start of the run.")
        spec.input("conditions", valid_type=orm.Dict, help="Conditions and seed, as the plan of the phase gives them.")
        spec.input("method", valid_type=orm.Dict, validator=validate_method("ase"), help="Calculator and keywords.")
        spec.output("labels", valid_type=orm.TrajectoryData, required=False, help="Good frames, with their labels.")
        spec.output("report", valid_type=orm.Dict, help="How the run ended.")
        define_exit_codes(spec, "ERROR_NO_FRAMES", "ERROR_UNSTABLE")

    def prepare_for_submission(self, folder: Folder) -> CalcInfo:
        values = self.inputs.conditions.get_dict()
        config = {
            **calculator_of(Method.from_dict(self.inputs.method.get_dict())),
            "conditions": values["conditions"],
            "seed": values["seed"],
        }
        info = self.write_job(folder, config, {"frames": [structure_to_frames(self.inputs.structure)]})
        info.retrieve_temporary_list = [*FILES]
        return info
