"""Label frames with CP2K."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiida import orm
from aiida.common import CalcInfo
from aiida.common.folders import Folder
from aiida.engine import CalcJobProcessSpec

from ..data.trajectory import structures_to_frames
from ..data.validators import validate_nodes
from ..dft.cp2k.input import STDOUT, write_batch
from ..dft.cp2k.labels import BATCH_FILES
from ..dft.method import Method
from .cp2k import Cp2kJob

__all__ = ["Cp2kLabelCalculation"]


def validate_structures(structures: Mapping[str, orm.StructureData], _: Any) -> str | None:
    """Check that the frames can go into one job."""
    if problem := validate_nodes(structures, None):
        return problem
    compositions = len(structures_to_frames(structures))
    return None if compositions == 1 else f"one job takes frames of one composition and order, not {compositions}"


class Cp2kLabelCalculation(Cp2kJob):
    """Compute energy, forces and stress of several frames in one job."""

    PARSER = "nnpgen.cp2k_label"

    @classmethod
    def define(cls, spec: CalcJobProcessSpec) -> None:
        super().define(spec)
        spec.input_namespace(
            "structures",
            valid_type=orm.StructureData,
            validator=validate_structures,
            help="Frames of one composition; keys end in `_` and a number.",
        )
        spec.output(
            "labels",
            valid_type=orm.TrajectoryData,
            required=False,
            help="Labelled frames; the step of each is the number in the key of its structure.",
        )
        spec.output("failures", valid_type=orm.Dict, required=False, help="Reason for each frame that failed.")

    def prepare_for_submission(self, folder: Folder) -> CalcInfo:
        [(_, frames)] = structures_to_frames(self.inputs.structures)
        files = write_batch(frames, Method.from_dict(self.inputs.method.get_dict()), self.walltime())
        info = self.write_job(folder, files, BATCH_FILES)
        info.retrieve_list.append(STDOUT)
        return info
