"""Molecular dynamics with a committee of potentials in ASE."""

from __future__ import annotations

from aiida.common import CalcInfo
from aiida.common.folders import Folder

from ...common.dynamics import Conditions
from ...data.trajectory import structure_to_frames
from ...jobs.dynamics import FILES
from ...models import registry
from ...samplers.ase.integrators import check_abilities
from ..job import JobCalculation
from .base import SamplerCalculation

__all__ = ["AseSamplerCalculation"]


class AseSamplerCalculation(SamplerCalculation, JobCalculation):
    """Run ASE with any architecture; the whole committee is asked at every frame."""

    REQUIRED_ABILITY = "ase"
    PROGRAM = "sample"
    PARSER = "nnpgen.samplers.ase"

    @classmethod
    def check_conditions(cls, conditions: Conditions) -> None:
        """Refuse conditions for which ASE has no integrator.

        :raises InputError: with the values that do not go together, and what to use.
        """
        check_abilities(conditions)

    def prepare_for_submission(self, folder: Folder) -> CalcInfo:
        values, models = self.inputs.conditions.get_dict(), dict(self.inputs.models)
        keys = sorted(models)
        config = {
            "backend": registry.target(models[keys[0]].architecture),
            "models": keys,
            "conditions": values["conditions"],
            "seed": values["seed"],
            "cutoff": models[keys[0]].cutoff,
        }
        info = self.write_job(folder, config, {"frames": [structure_to_frames(self.inputs.structure)]}, models)
        info.retrieve_temporary_list = [*FILES]
        return info
