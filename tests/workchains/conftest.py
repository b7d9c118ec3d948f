"""The smallest real loop, run once for all tests that look at it."""

from __future__ import annotations

import io
import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiida import orm
from aiida.engine import run_get_node

from aiida_nnpgen.cli.local_codes import set_up_codes
from aiida_nnpgen.config.load import parse_config
from aiida_nnpgen.workchains.builder import build_inputs

STANDINS = Path(__file__).parents[1] / "standins"


@pytest.fixture(scope="session")
def codes(patient_runner: None, tmp_path_factory: pytest.TempPathFactory) -> list[orm.InstalledCode]:
    """Return the codes of this environment, on a computer that is asked without delay."""
    created, computer = orm.Computer.collection.get_or_create(
        label="localhost",
        hostname="localhost",
        transport_type="core.local",
        scheduler_type="core.direct",
        workdir=str(tmp_path_factory.mktemp("work")),
    )
    if created:
        computer.store()
        computer.set_minimum_job_poll_interval(0.5)
        computer.set_default_mpiprocs_per_machine(1)
    computer.configure(safe_interval=0.0, use_login_shell=False)
    return set_up_codes("localhost")


@pytest.fixture(scope="session")
def loop_inputs(fixtures: Path, codes: list[orm.InstalledCode]) -> Callable[..., dict[str, Any]]:
    """Return a factory of the inputs of the tiny loop; pairs of texts change its configuration."""

    def generate(
        *changes: tuple[str, str], earlier: orm.ProcessNode | None = None, folder: Path = fixtures / "loop"
    ) -> dict[str, Any]:
        text = (fixtures / "loop" / "water.yaml").read_text()
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        return build_inputs(parse_config(text, "water.yaml"), folder, earlier)

    return generate


@pytest.fixture(scope="session")
def loop(loop_inputs: Callable[..., dict[str, Any]]) -> orm.WorkChainNode:
    """Return a finished loop of two iterations: DeePMD, LAMMPS and xTB for real."""
    from aiida_nnpgen.workchains.active_learning import ActiveLearningWorkChain

    _, node = run_get_node(ActiveLearningWorkChain, **loop_inputs())
    return node


def stand_in(name: str, python_code: orm.InstalledCode, folder: Path) -> Callable[..., orm.InstalledCode]:
    """Return a factory of the stand-in for a code, with troubles; each of its runs leaves a line in a file."""

    def generate(**trouble: Any) -> orm.InstalledCode:
        told = folder / f"{name}_trouble.json"
        told.write_text(json.dumps({"log": str(folder / f"{name}_runs.txt")} | trouble))
        script = folder / name
        words = (str(Path(sys.executable).absolute()), str(STANDINS / f"{name}.py"))
        environment = f"export STANDIN_TROUBLE={shlex.quote(str(told))}"
        script.write_text(f'#!/bin/bash\n{environment}\nexec {shlex.join(words)} "$@"\n')
        script.chmod(0o755)
        return orm.InstalledCode(
            label=f"{name}-{folder.name}", computer=python_code.computer, filepath_executable=str(script)
        )

    return generate


@pytest.fixture
def cpmd(python_code: orm.InstalledCode, tmp_path: Path) -> Callable[..., orm.InstalledCode]:
    """Return a factory of the stand-in for CPMD as a code, with troubles."""
    return stand_in("cpmd", python_code, tmp_path)


@pytest.fixture
def cpmd_code(cpmd: Callable[..., orm.InstalledCode]) -> orm.InstalledCode:
    """Return the stand-in for CPMD without troubles."""
    return cpmd()


@pytest.fixture
def cpmd_pseudopotentials(aiida_profile: object) -> dict[str, orm.Data]:
    """Return files that the stand-in for CPMD finds."""
    numbers = {"H": 1, "O": 8}
    return {
        element: orm.SinglefileData(io.BytesIO(f"&ATOM\n Z = {number}\n&END\n".encode()), filename="pseudo.psp")
        for element, number in numbers.items()
    }


@pytest.fixture
def vasp(python_code: orm.InstalledCode, tmp_path: Path) -> Callable[..., orm.InstalledCode]:
    """Return a factory of the stand-in for VASP as a code, with troubles."""
    return stand_in("vasp", python_code, tmp_path)


@pytest.fixture
def vasp_code(vasp: Callable[..., orm.InstalledCode]) -> orm.InstalledCode:
    """Return the stand-in for VASP without troubles."""
    return vasp()


@pytest.fixture(scope="session")
def potcar_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return files that have the head of a POTCAR and nothing else."""
    folder, found = tmp_path_factory.mktemp("potcars"), {}
    for element, valence in {"H": 1.0, "O": 6.0}.items():
        title = f"PAW_PBE {element} 15Jun2001"
        head = f"   VRHFIN ={element}: s1p4\n   LEXCH  = PE\n   TITEL  = {title}\n"
        head += f"   POMASS =   1.000; ZVAL   =    {valence:.3f}    mass and valenz\n"
        head += "   ENMAX  =  250.000; ENMIN  =  200.000 eV\n"
        text = f"  {title}\n {valence:.14f}\n parameters from PSCTR are:\n{head} END of PSCTR-controll parameters\n"
        found[element] = folder / element / "POTCAR"
        found[element].parent.mkdir()
        found[element].write_text(f"{text} not a potential\n End of Dataset\n")
    return found


@pytest.fixture
def potcars(aiida_profile: object, potcar_files: dict[str, Path]) -> dict[str, orm.Data]:
    """Return potentials that the stand-in for VASP takes."""
    from aiida.plugins import DataFactory

    return {
        element: DataFactory("vasp.potcar").get_or_create_from_file(path)[0] for element, path in potcar_files.items()
    }


@pytest.fixture
def counting_labeller() -> Callable[..., orm.Dict]:
    """Return a factory of the settings of a labelling with the calculator that counts what it computes."""

    def generate(min_yield: float, **keywords: Any) -> orm.Dict:
        return orm.Dict(
            {
                "labeller": "ase",
                "parameters": {"calculator": "counting_calculator:CountingCalculator", "keywords": keywords},
                "batch_size": 4,
                "checks": {"max_force": 30.0, "max_net_force": 0.1},
                "min_yield": min_yield,
                "max_attempts": 1,
                "iteration": -1,
                "validation_fraction": 0.0,
                "skip": 0,
                "seed": 1,
            }
        )

    return generate
