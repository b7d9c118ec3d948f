"""A sampler: dynamics at constant temperature by a program of its own, without a committee deviation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from aiida import orm
from aiida.common import CalcInfo, CodeInfo
from aiida.common.folders import Folder
from aiida.engine import CalcJobProcessSpec

from aiida_nnpgen.calculations.base import define_job
from aiida_nnpgen.calculations.samplers.base import SamplerCalculation
from aiida_nnpgen.common.dynamics import Conditions, MdRun
from aiida_nnpgen.common.exceptions import InputError, OutputError
from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.common.types import Ensemble, RunEnd, Thermostat
from aiida_nnpgen.data import PotentialData
from aiida_nnpgen.data.trajectory import structure_to_frames
from aiida_nnpgen.models import registry
from aiida_nnpgen.parsers.samplers.base import SamplerParser

from .verlet import CONFIG, END, FRAMES, MODEL, START

__all__ = ["VerletCalculation", "VerletParser"]


class VerletCalculation(SamplerCalculation):
    """Drive atoms with the first model of the committee."""

    REQUIRED_ABILITY = "ase"

    @classmethod
    def define(cls, spec: CalcJobProcessSpec) -> None:
        super().define(spec)
        spec.input("code", valid_type=orm.AbstractCode, help="Python with this package and the architecture.")
        define_job(spec, "nnpgen.samplers.verlet", withmpi=False)

    @classmethod
    def check_conditions(cls, conditions: Conditions) -> None:
        """Refuse all but Nosé-Hoover dynamics at constant volume."""
        if conditions.ensemble is not Ensemble.NVT or conditions.thermostat is not Thermostat.NOSE_HOOVER:
            raise InputError(f"`verlet` runs nvt with nose_hoover alone, not `{conditions.ensemble.value}`")

    @classmethod
    def measures_deviation(cls, models: Mapping[str, PotentialData]) -> bool:
        """Leave the deviation to the screening."""
        return False

    def prepare_for_submission(self, folder: Folder) -> CalcInfo:
        root, values = Path(folder.abspath), self.inputs.conditions.get_dict()
        model = self.inputs.models[min(self.inputs.models)]
        config = {"backend": registry.target(model.architecture)} | {key: values[key] for key in ("conditions", "seed")}
        conditions = Conditions(**values["conditions"])
        for name in ("thermostat_damping", "max_temperature"):
            config["conditions"].setdefault(name, getattr(conditions, name))
        (root / CONFIG).write_text(json.dumps(config))
        structure_to_frames(self.inputs.structure).save(root / START)
        (root / MODEL).mkdir()
        model.copy_to(root / MODEL)
        code_info = CodeInfo()
        code_info.code_uuid = self.inputs.code.uuid
        code_info.cmdline_params = ["-m", "nnpgen_example.verlet"]
        info = CalcInfo()
        info.codes_info = [code_info]
        info.provenance_exclude_list = [START, *(f"{MODEL}/{name}" for name in model.files)]
        info.retrieve_list = []
        info.retrieve_temporary_list = [FRAMES, END]
        return info


class VerletParser(SamplerParser):
    """Read the lines that are whole."""

    def read(self, folder: Path) -> MdRun:
        """Return the good part of the run."""
        if not (folder / FRAMES).is_file():
            raise OutputError("the program did not start")
        start = structure_to_frames(self.node.inputs.structure)
        conditions = Conditions(**self.node.inputs.conditions["conditions"])
        lines = [json.loads(line) for line in (folder / FRAMES).read_text().split("\n")[:-1]]
        columns = {name: np.array([line[name] for line in lines]) for name in ("energy", "kinetic", "temperature")}
        shape = (len(lines), start.n_atoms, 3)
        frames = Frames(
            numbers=start.numbers,
            positions=np.array([line["positions"] for line in lines]).reshape(shape),
            cells=np.tile(start.cells[0], (len(lines), 1, 1)),
            energies=columns["energy"],
            forces=np.array([line["forces"] for line in lines]).reshape(shape),
        )
        end, message, failure_time = RunEnd.INTERRUPTED, "the program was ended from outside", None
        if (folder / END).is_file():
            failed = json.loads((folder / END).read_text())["failed_step"]
            end, message = RunEnd.COMPLETED, "all steps done"
            if failed is not None:
                end, message, failure_time = RunEnd.UNPHYSICAL, "it became too hot", failed * conditions.timestep
        return MdRun(
            frames=frames,
            steps=np.array([line["step"] for line in lines], dtype=np.int64),
            end=end,
            message=message,
            failure_time=failure_time,
            thermo={
                "temperature": columns["temperature"],
                "potential_energy": columns["energy"],
                "kinetic_energy": columns["kinetic"],
                "total_energy": columns["energy"] + columns["kinetic"],
                "volume": frames.volumes,
            },
        )
