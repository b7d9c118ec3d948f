"""Molecular dynamics with CP2K."""

from __future__ import annotations

from typing import Any

from aiida import orm
from aiida.common import CalcInfo
from aiida.common.folders import Folder
from aiida.engine import CalcJobProcessSpec

from ..common.dynamics import Conditions
from ..common.exceptions import InputError
from ..common.types import Ensemble
from ..data.trajectory import structure_to_frames
from ..data.validators import validate_node
from ..dft.cp2k.input import write_md
from ..dft.cp2k.labels import MD_FILES
from ..dft.method import Method
from .base import define_exit_codes
from .cp2k import Cp2kJob

__all__ = ["Cp2kMdCalculation"]


def validate_conditions(node: orm.Dict, _: Any) -> str | None:
    """Check that the conditions are those of a run at constant volume and temperature."""
    try:
        ensemble = Conditions(**node["conditions"]).ensemble
    except (InputError, KeyError, TypeError, ValueError) as exception:
        return f"conditions and seed are needed: {exception}"
    return None if ensemble is Ensemble.NVT else f"dynamics with CP2K is nvt, not `{ensemble.value}`"


class Cp2kMdCalculation(Cp2kJob):
    """Run Born-Oppenheimer molecular dynamics; every frame it keeps is a label."""

    PARSER = "nnpgen.cp2k_md"

    @classmethod
    def define(cls, spec: CalcJobProcessSpec) -> None:
        super().define(spec)
        spec.input("structure", valid_type=orm.StructureData, validator=validate_node, help="Start of the run.")
        spec.input(
            "conditions",
            valid_type=orm.Dict,
            validator=validate_conditions,
            help="Conditions and seed, as the plan of the phase gives them.",
        )
        spec.output("labels", valid_type=orm.TrajectoryData, required=False, help="Good frames, with their labels.")
        spec.output("report", valid_type=orm.Dict, required=False, help="How the run ended.")
        define_exit_codes(spec, "ERROR_UNSTABLE", "ERROR_NOT_CONVERGED")

    def prepare_for_submission(self, folder: Folder) -> CalcInfo:
        conditions = Conditions(**self.inputs.conditions["conditions"])
        method = Method.from_dict(self.inputs.method.get_dict())
        start, seed = structure_to_frames(self.inputs.structure), self.inputs.conditions["seed"]
        files = write_md(start, method, conditions, seed, self.walltime())
        return self.write_job(folder, files, MD_FILES)
