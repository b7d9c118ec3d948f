"""Label frames with any ASE calculator."""

from __future__ import annotations

from typing import Any

from aiida import orm
from aiida.common import CalcInfo
from aiida.common.folders import Folder
from aiida.engine import CalcJobProcessSpec

from ..data.trajectory import structures_to_frames
from .job import JobCalculation

__all__ = ["DEFAULT_PARAMETERS", "AseLabelCalculation", "calculator_of", "validate_parameters"]

DEFAULT_PARAMETERS = {"calculator": "tblite.ase:TBLite", "keywords": {"method": "GFN1-xTB", "verbosity": 0}}
"""GFN1-xTB: Grimme, Bannwarth, Shushkov, J. Chem. Theory Comput. 13, 1989 (2017)."""


def validate_parameters(node: orm.Dict, _: Any) -> str | None:
    """Check that the calculator is named by its import path."""
    values = node.get_dict()
    if set(values) - {"calculator", "keywords"}:
        return f"unknown key in `parameters`: {', '.join(sorted(set(values) - {'calculator', 'keywords'}))}"
    path = (values or DEFAULT_PARAMETERS).get("calculator", "")
    if not isinstance(path, str) or path.count(":") != 1:
        return f"`parameters.calculator` must be an import path such as `tblite.ase:TBLite`, not `{path}`"
    if not isinstance(values.get("keywords", {}), dict):
        return "`parameters.keywords` must be a mapping"
    return None


def calculator_of(parameters: orm.Dict) -> dict[str, Any]:
    """Return import path and keywords, with the default filled in."""
    return {"keywords": {}, **(parameters.get_dict() or DEFAULT_PARAMETERS)}


class AseLabelCalculation(JobCalculation):
    """Compute energy, forces and stress of several frames in one job."""

    PROGRAM = "label"
    FOLDER_LABELS = "labels"
    FOLDER_FAILURES = "failures"

    @classmethod
    def define(cls, spec: CalcJobProcessSpec) -> None:
        super().define(spec)
        spec.input_namespace(
            "structures", valid_type=orm.StructureData, help="Frames of one composition; keys end in `_` and a number."
        )
        spec.input(
            "parameters",
            valid_type=orm.Dict,
            validator=validate_parameters,
            help="Import path of the ASE calculator, and its keywords; empty: GFN1-xTB.",
        )
        spec.inputs["metadata"]["options"]["parser_name"].default = "nnpgen.ase_label"
        spec.output(
            "labels",
            valid_type=orm.TrajectoryData,
            required=False,
            help="Labelled frames; the step of each is the number in the key of its structure.",
        )
        spec.output("failures", valid_type=orm.Dict, help="Reason for each frame that has no label.")
        # Below 400: another attempt with the same frames must run, not be taken from the cache.
        spec.exit_code(300, "ERROR_NO_FRAMES", invalidates_cache=True, message="The job did no frame: {message}")

    def prepare_for_submission(self, folder: Folder) -> CalcInfo:
        groups = structures_to_frames(self.inputs.structures)
        keys = [key for group, _ in groups for key in group]
        config = {**calculator_of(self.inputs.parameters), "keys": keys}
        info = self.write_job(folder, config, {"frames": [frames for _, frames in groups]})
        info.retrieve_temporary_list = [self.FOLDER_LABELS, self.FOLDER_FAILURES]
        return info
