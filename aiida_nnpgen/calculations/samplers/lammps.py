"""Molecular dynamics with a committee of potentials in LAMMPS."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from aiida import orm
from aiida.common import CalcInfo, CodeInfo
from aiida.common.folders import Folder
from aiida.engine import CalcJobProcessSpec

from ...common.dynamics import Conditions
from ...common.interaction import Interaction
from ...data import PotentialData
from ...models.base import Backend
from ...samplers import lammps
from ..base import define_job
from ..environment import default_environment
from .base import SamplerCalculation
from .pair_styles import check_pair_style

__all__ = ["LammpsCalculation"]


class LammpsCalculation(SamplerCalculation):
    """Run LAMMPS; the pair style of the models writes the deviation, if it can."""

    REQUIRED_ABILITY = "lammps"
    FILENAME_SCREEN = "screen.txt"

    @classmethod
    def define(cls, spec: CalcJobProcessSpec) -> None:
        super().define(spec)
        spec.input("code", valid_type=orm.AbstractCode, help="LAMMPS with the pair style of the model.")
        define_job(spec, "nnpgen.samplers.lammps", withmpi=False)

    @classmethod
    def check_code(cls, code: orm.AbstractCode, backend: Backend) -> None:
        """Refuse a LAMMPS of this machine without the architecture's pair style."""
        check_pair_style(code, backend)

    @classmethod
    def measures_deviation(cls, models: Mapping[str, PotentialData]) -> bool:
        """Return whether the pair style writes a table of deviations for this committee."""
        return cls.interaction(models, 1).deviation_file is not None

    @staticmethod
    def interaction(models: Mapping[str, PotentialData], stride: int) -> Interaction:
        """Return how a committee enters LAMMPS, its models in folders named by their keys."""
        keys = sorted(models)
        first = models[keys[0]]
        return first.implementation.lammps_interaction(keys, first.elements, stride)

    def prepare_for_submission(self, folder: Folder) -> CalcInfo:
        root = Path(folder.abspath)
        values = self.inputs.conditions.get_dict()
        conditions = Conditions(**values["conditions"])
        models = dict(self.inputs.models)
        interaction = self.interaction(models, conditions.stride)
        for key, model in models.items():
            (root / key).mkdir()
            model.copy_to(root / key)
        structure, elements = self.inputs.structure.get_ase(), models[min(models)].elements
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
        info.prepend_text = default_environment(models[min(models)].implementation)
        info.provenance_exclude_list = [f"{key}/{name}" for key, model in models.items() for name in model.files]
        info.retrieve_list = []
        info.retrieve_temporary_list = [*lammps.FILENAMES_OUTPUT, self.FILENAME_SCREEN]
        if interaction.deviation_file:
            info.retrieve_temporary_list.append(interaction.deviation_file)
        return info
