"""Molecular dynamics with a committee of potentials in LAMMPS."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

from aiida import orm
from aiida.common import CalcInfo, CodeInfo
from aiida.common.folders import Folder
from aiida.engine import CalcJob, CalcJobProcessSpec
from pydantic import TypeAdapter, ValidationError

from ...common.dynamics import Conditions
from ...config.load import describe_errors
from ...data import PotentialData
from ...samplers import lammps
from ..base import define_exit_codes, define_job
from ..environment import default_environment

__all__ = ["LammpsCalculation"]


def validate_conditions(node: orm.Dict, _: Any) -> str | None:
    """Check the conditions and the seed."""
    values = node.get_dict()
    if not isinstance(values.get("seed"), int):
        return f"`conditions.seed` must be an integer, not `{values.get('seed')}`"
    given = values.get("conditions")
    unknown = sorted(set(given) - {field.name for field in fields(Conditions)}) if isinstance(given, dict) else []
    if unknown:
        return f"unknown key in `conditions.conditions`: `{'`, `'.join(unknown)}`"
    try:
        TypeAdapter(Conditions).validate_python(given)
    except ValidationError as exception:
        return describe_errors(exception)
    return None


def validate_inputs(inputs: Any, _: Any) -> str | None:
    """Check that the models can drive LAMMPS, agree with each other, and know every element."""
    models = inputs.get("models", {})
    if not models:
        return "`models` must hold at least one potential"
    for key, model in models.items():
        if not getattr(model.implementation.abilities, LammpsCalculation.REQUIRED_ABILITY):
            return f"models.{key}: `{model.architecture}` cannot drive LAMMPS"
    if len({(model.architecture, tuple(model.elements)) for model in models.values()}) > 1:
        return "the models of a committee must share architecture and elements"
    if "structure" in inputs:
        unknown = sorted(inputs["structure"].get_symbols_set() - set(next(iter(models.values())).elements))
        if unknown:
            return f"the structure holds {', '.join(unknown)}, which the model was not trained for"
    return None


class LammpsCalculation(CalcJob):
    """Run LAMMPS; the first model drives, all of them give the deviation."""

    REQUIRED_ABILITY = "lammps"
    FILENAME_SCREEN = "screen.txt"

    @classmethod
    def define(cls, spec: CalcJobProcessSpec) -> None:
        super().define(spec)
        spec.input("code", valid_type=orm.AbstractCode, help="LAMMPS with the pair style of the model.")
        spec.input("structure", valid_type=orm.StructureData, help="Start of the run.")
        spec.input_namespace("models", valid_type=PotentialData, help="The committee.")
        spec.input(
            "conditions",
            valid_type=orm.Dict,
            validator=validate_conditions,
            help="Conditions and seed, as the plan of the phase gives them.",
        )
        spec.input(
            "window",
            valid_type=orm.Dict,
            required=False,
            help="`lo` and `hi` (eV/Å): only frames with a deviation between them keep their coordinates. Absent: all.",
        )
        spec.inputs.validator = validate_inputs
        define_job(spec, "nnpgen.samplers.lammps", withmpi=False)
        spec.output("trajectory", valid_type=orm.TrajectoryData, required=False, help="Good frames that were kept.")
        spec.output(
            "deviation", valid_type=orm.ArrayData, help="Step, committee deviation and thermo of all good frames."
        )
        spec.output("report", valid_type=orm.Dict, help="How the run ended, and when it failed.")
        define_exit_codes(spec, "ERROR_NO_FRAMES", "ERROR_INTERRUPTED", "ERROR_UNSTABLE")

    def prepare_for_submission(self, folder: Folder) -> CalcInfo:
        root = Path(folder.abspath)
        values = self.inputs.conditions.get_dict()
        conditions = Conditions(**values["conditions"])
        keys = sorted(self.inputs.models)
        models = [self.inputs.models[key] for key in keys]
        elements = models[0].elements
        interaction = models[0].implementation.lammps_interaction(keys, elements, conditions.stride)
        for key, model in zip(keys, models, strict=True):
            (root / key).mkdir()
            model.copy_to(root / key)
        structure = self.inputs.structure.get_ase()
        files = lammps.input_files(structure, conditions, elements, interaction, values["seed"])
        for name, content in files.items():
            (root / name).write_text(content)
        code_info = CodeInfo()
        code_info.code_uuid = self.inputs.code.uuid
        code_info.cmdline_params = ["-in", lammps.FILENAME_INPUT, "-log", lammps.FILENAME_LOG]
        code_info.stdout_name = self.FILENAME_SCREEN
        code_info.join_files = True
        info = CalcInfo()
        info.codes_info = [code_info]
        info.prepend_text = default_environment(models[0].implementation)
        info.provenance_exclude_list = [
            f"{key}/{name}" for key, model in zip(keys, models, strict=True) for name in model.files
        ]
        info.retrieve_list = []
        info.retrieve_temporary_list = [*lammps.FILENAMES_OUTPUT, self.FILENAME_SCREEN]
        if interaction.deviation_file:
            info.retrieve_temporary_list.append(interaction.deviation_file)
        return info
