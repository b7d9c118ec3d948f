"""Base of the calculations that run CP2K."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from aiida import orm
from aiida.common import CalcInfo, CodeInfo
from aiida.common.folders import Folder
from aiida.engine import CalcJob, CalcJobProcessSpec

from ..dft.cp2k.input import INPUT, STDOUT
from .base import RUN_FAILURES, define_exit_codes, define_job
from .method import validate_method

__all__ = ["Cp2kJob"]


class Cp2kJob(CalcJob):
    """Run CP2K with an input that the science layer writes.

    This is no subclass of aiida-cp2k's calculation: that one wants the parameters as its own input, and neither its
    outputs nor its exit codes say what became of each frame.
    """

    PARSER: str
    FILENAME_STDERR = "stderr.txt"
    WALLTIME_SHARE = 0.9
    """Part of the time limit after which CP2K ends by itself, so that its files are whole."""

    @classmethod
    def define(cls, spec: CalcJobProcessSpec) -> None:
        super().define(spec)
        spec.input("code", valid_type=orm.AbstractCode, help="CP2K; it finds its own basis sets and pseudopotentials.")
        spec.input("method", valid_type=orm.Dict, validator=validate_method("cp2k"), help="Level of theory.")
        define_job(spec, cls.PARSER, withmpi=True)
        define_exit_codes(spec, *RUN_FAILURES)

    def walltime(self) -> float | None:
        """Return the seconds after which CP2K ends by itself; None where the job has no limit."""
        limit = self.inputs.metadata.options.get("max_wallclock_seconds")
        return None if limit is None else self.WALLTIME_SHARE * limit

    def write_job(self, folder: Folder, files: Mapping[str, str], outputs: Sequence[str]) -> CalcInfo:
        """Write the files of the job and return how to run it.

        :param files: contents by name; frames are inputs already, and their copies stay out of the repository.
        :param outputs: names of the files that are there for parsing alone.
        """
        for name, content in files.items():
            (Path(folder.abspath) / name).write_text(content)
        code_info = CodeInfo()
        code_info.code_uuid = self.inputs.code.uuid
        code_info.cmdline_params = ["-i", INPUT]
        code_info.stdout_name = STDOUT
        code_info.stderr_name = self.FILENAME_STDERR
        info = CalcInfo()
        info.codes_info = [code_info]
        info.provenance_exclude_list = [name for name in files if name != INPUT]
        info.retrieve_list = [self.FILENAME_STDERR]
        info.retrieve_temporary_list = [STDOUT, self.FILENAME_STDERR, *outputs]
        return info
