"""Runs of the stand-in for VASP."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
import pytest

from aiida_nnpgen.dft.vasp.input import VaspInput


@pytest.fixture(scope="session")
def run_vasp(call_standin: Callable[..., tuple[int | None, str]]) -> Callable[..., Path]:
    """Return a function that runs an input in a new folder, with troubles as keywords."""

    def run(folder: Path, wanted: VaspInput, **trouble: Any) -> Path:
        folder.mkdir(parents=True)
        ase.io.write(folder / "POSCAR", wanted.atoms, format="vasp", direct=False)
        (folder / "KPOINTS").write_text("mesh\n0\nGamma\n1 1 1\n0 0 0\n")
        lines = [f"{tag} = {' '.join(map(str, np.atleast_1d(value)))}\n" for tag, value in wanted.incar.items()]
        (folder / "INCAR").write_text("".join(lines))
        elements = dict.fromkeys(wanted.atoms.get_chemical_symbols())
        (folder / "POTCAR").write_text("".join(f"   VRHFIN ={element}: s\n ZVAL   =   1.0\n" for element in elements))
        call_standin("vasp", folder, **trouble)
        return folder

    return run
