"""Base of the calculations that run one of the stand-alone programs in ``aiida_nnpgen.jobs``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aiida import orm
from aiida.common import CalcInfo, CodeInfo
from aiida.common.folders import Folder
from aiida.engine import CalcJob, CalcJobProcessSpec

from ..common.frames import Frames
from ..data import PotentialData
from ..jobs.archive import build_archive
from ..jobs.files import CONFIG, ERROR, RESULT, TAKEN, frames_name, write_frames
from ..models import registry
from .base import FROM_OUTSIDE, define_exit_codes, define_job
from .environment import default_environment

__all__ = ["STDERR", "JobCalculation"]

STDOUT = "stdout.txt"
STDERR = "stderr.txt"


class JobCalculation(CalcJob):
    """Run one program of the science layer, which travels to the computer as a single archive.

    The code is a Python interpreter with the libraries of the back end; this package need not be installed there.
    """

    PROGRAM: str
    PARSER: str
    FILENAME_ARCHIVE = "nnpgen.pyz"

    @classmethod
    def define(cls, spec: CalcJobProcessSpec) -> None:
        super().define(spec)
        spec.input(
            "code", valid_type=orm.AbstractCode, help="Python interpreter with the libraries that the job needs."
        )
        define_job(spec, cls.PARSER, withmpi=False)
        define_exit_codes(spec, "ERROR_JOB_FAILED", *FROM_OUTSIDE)

    def write_job(
        self,
        folder: Folder,
        config: Mapping[str, Any],
        frames: Mapping[str, Sequence[Frames]],
        models: Mapping[str, PotentialData] | None = None,
    ) -> CalcInfo:
        """Write the files of the job and return how to run it.

        Frames and models are inputs already: their copies do not go into the repository once more, their numbers do.
        Models hold the files that their back end names and no others, and come before all that decides what is run.

        :param config: content of ``config.json``; the variables of a ``backend`` in it are set for the job.
        :param frames: per kind, sets of frames.
        :param models: per folder name, a model.
        """
        root = Path(folder.abspath)
        excluded = []
        for kind, parts in frames.items():
            write_frames(root, kind, parts)
            excluded.append(frames_name(kind))
        for name, model in (models or {}).items():
            (root / name).mkdir()
            model.copy_to(root / name)
            excluded += [f"{name}/{file}" for file in model.files]
        (root / CONFIG).write_text(json.dumps(config, indent=1, sort_keys=True))
        # The last one, and never over another: whatever came before, this is the program that runs.
        with (root / self.FILENAME_ARCHIVE).open("xb") as handle:
            handle.write(build_archive())
        code_info = CodeInfo()
        code_info.code_uuid = self.inputs.code.uuid
        code_info.cmdline_params = [self.FILENAME_ARCHIVE, self.PROGRAM]
        code_info.stdout_name = STDOUT
        code_info.stderr_name = STDERR
        info = CalcInfo()
        info.codes_info = [code_info]
        if "backend" in config:
            info.prepend_text = default_environment(registry.load_path(config["backend"]))
        info.provenance_exclude_list = excluded
        info.retrieve_list = [RESULT, TAKEN, ERROR, STDOUT, STDERR]
        info.retrieve_temporary_list = []
        return info
