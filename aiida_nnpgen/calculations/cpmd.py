"""Run CPMD: one label, or dynamics of which every frame is one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aiida import orm
from aiida.common import CalcInfo, CodeInfo
from aiida.common.folders import Folder
from aiida.engine import CalcJob, CalcJobProcessSpec

from ..common.dynamics import Conditions
from ..common.exceptions import InputError
from ..common.types import Ensemble, Thermostat
from ..data.validators import validate_node, validate_nodes
from ..dft.cpmd import INPUT, STDOUT, CpmdInput, Pseudopotential, write_md, write_single_point
from ..dft.cpmd.code import CPMD, settings_of
from ..dft.cpmd.pseudopotential import pseudopotential
from ..dft.cpmd.run import LATEST, LOCAL_ERRORS
from ..dft.method import Method
from .base import RUN_FAILURES, define_exit_codes, define_job
from .method import validate_method

__all__ = ["CpmdCalculation"]


def validate_conditions(node: orm.Dict | None, _: Any) -> str | None:
    """Check that the conditions are those of a dynamics that CPMD can run."""
    if node is None:
        return None
    try:
        conditions = Conditions(**node["conditions"])
        CPMD.check_thermostat(Thermostat(conditions.thermostat))
        seed = int(node["seed"])
    except (InputError, KeyError, TypeError, ValueError) as exception:
        return f"`conditions`: {exception}"
    if conditions.ensemble is not Ensemble.NVT:
        return f"`conditions`: dynamics with CPMD is nvt, not {conditions.ensemble.value}"
    return None if seed >= 0 else f"`conditions`: the seed must not be negative, not `{seed}`"


def validate_inputs(inputs: Any, _: Any) -> str | None:
    """Check that each element has a pseudopotential of its own, and that a restart belongs to a dynamics."""
    if "structure" not in inputs or "method" not in inputs:
        return None
    if problem := validate_node(inputs["structure"], None) or validate_nodes(inputs.get("pseudopotentials", {}), None):
        return problem
    try:
        _pseudopotentials(inputs)
    except InputError as exception:
        return str(exception)
    if ("restart_folder" in inputs) != ("steps_done" in inputs):
        return "`restart_folder` and `steps_done` belong together"
    if "restart_folder" not in inputs:
        return None
    if "conditions" not in inputs:
        return "`restart_folder` is for dynamics: give `conditions`"
    total, done = inputs["conditions"]["conditions"]["steps"], inputs["steps_done"].value
    return None if 0 < done < total else f"`steps_done` must lie between 0 and {total}, not `{done}`"


class CpmdCalculation(CalcJob):
    """Compute energy, forces and stress of one structure; with ``conditions``, of each frame of a dynamics from it."""

    FAILURES = (*RUN_FAILURES, "ERROR_NOT_CONVERGED", "ERROR_LABEL_UNPHYSICAL")
    FILENAME_INPUT = INPUT
    FILENAME_STDOUT = STDOUT
    FILENAME_STDERR = "stderr.txt"
    FILENAME_RESTART = "RESTART.1"
    FILENAME_LATEST = LATEST
    FILES_SINGLE_POINT = ("GEOMETRY",)
    FILES_DYNAMICS = ("FTRAJECTORY", "TRAJECTORY", "ENERGIES", "STRESS", "CELL")
    SHARE_OF_WALLTIME = 0.95
    """Part of the time limit after which a dynamics is told to stop by itself."""

    @classmethod
    def define(cls, spec: CalcJobProcessSpec) -> None:
        super().define(spec)
        spec.input("structure", valid_type=orm.StructureData, help="Structure to label, or to start from.")
        spec.input("method", valid_type=orm.Dict, validator=validate_method("cpmd"), help="Level of theory.")
        spec.input_namespace(
            "pseudopotentials", valid_type=orm.SinglefileData, help="File in CPMD's format per element."
        )
        spec.input(
            "conditions",
            valid_type=orm.Dict,
            required=False,
            validator=validate_conditions,
            help="Conditions and seed, as the plan of the phase gives them; with them, this is dynamics.",
        )
        spec.input("restart_folder", valid_type=orm.RemoteData, required=False, help="Dynamics to go on with.")
        spec.input("steps_done", valid_type=orm.Int, required=False, help="Time step of the restart file in it.")
        spec.inputs.validator = validate_inputs
        define_job(spec, "nnpgen.cpmd", withmpi=True)
        spec.output(
            "labels",
            valid_type=orm.TrajectoryData,
            required=False,
            help="Labelled frames; step ids are time steps, 0 for a single point.",
        )
        spec.output("report", valid_type=orm.Dict, required=False, help="How the run ended.")
        define_exit_codes(spec, *cls.FAILURES)

    def prepare_for_submission(self, folder: Folder) -> CalcInfo:
        """Write the input; the pseudopotential files are copied to the folder in which CPMD looks for them."""
        pseudopotentials = _pseudopotentials(self.inputs)
        written = self._write(pseudopotentials)
        (Path(folder.abspath) / self.FILENAME_INPUT).write_text(written.text)
        code_info = CodeInfo()
        code_info.code_uuid = self.inputs.code.uuid
        code_info.cmdline_params = [self.FILENAME_INPUT]
        code_info.stdout_name = self.FILENAME_STDOUT
        code_info.stderr_name = self.FILENAME_STDERR
        info = CalcInfo()
        info.codes_info = [code_info]
        info.local_copy_list = [
            (self.inputs.pseudopotentials[element].uuid, self.inputs.pseudopotentials[element].filename, use.filename)
            for element, use in pseudopotentials.items()
        ]
        info.retrieve_list = [self.FILENAME_STDOUT, self.FILENAME_STDERR, (LOCAL_ERRORS, ".", 1)]
        info.retrieve_temporary_list = [self.FILENAME_INPUT, *self.FILES_SINGLE_POINT]
        if "conditions" in self.inputs:
            info.retrieve_temporary_list = [self.FILENAME_INPUT, self.FILENAME_LATEST, *self.FILES_DYNAMICS]
        restart = self.inputs.get("restart_folder")
        if restart is not None:
            # The trajectory stays behind: each run has its own frames, and none twice.
            info.remote_copy_list = [
                (restart.computer.uuid, f"{restart.get_remote_path()}/{name}", name)
                for name in (self.FILENAME_RESTART, self.FILENAME_LATEST)
            ]
        return info

    def _write(self, pseudopotentials: dict[str, Pseudopotential]) -> CpmdInput:
        method, atoms = Method.from_dict(self.inputs.method.get_dict()), self.inputs.structure.get_ase()
        settings = settings_of(method, pseudopotentials)
        if "conditions" not in self.inputs:
            return write_single_point(atoms, settings)
        conditions = Conditions(**self.inputs.conditions["conditions"])
        limit = self.inputs.metadata.options.get("max_wallclock_seconds")
        return write_md(
            atoms,
            settings,
            conditions,
            self.inputs.conditions["seed"],
            done=self.inputs.steps_done.value if "steps_done" in self.inputs else 0,
            max_runtime=max(1, int(self.SHARE_OF_WALLTIME * limit)) if limit else None,
        )


def _pseudopotentials(inputs: Any) -> dict[str, Pseudopotential]:
    """Return how the file of each element of the structure is used.

    :raises InputError: if an element has none, or the file is of another element or code.
    """
    given, options = inputs.get("pseudopotentials", {}), inputs["method"].get_dict().get("parameters", {})
    found = {}
    for element in sorted(inputs["structure"].get_symbols_set()):
        if element not in given:
            raise InputError(f"`pseudopotentials` has no file for `{element}`")
        text = given[element].get_content(mode="rb").decode("utf-8", errors="replace")
        found[element] = pseudopotential(element, text, options.get("PSEUDOPOTENTIALS", {}).get(element))
    return found
