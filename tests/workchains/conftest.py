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


@pytest.fixture
def cpmd(python_code: orm.InstalledCode, tmp_path: Path) -> Callable[..., orm.InstalledCode]:
    """Return a factory of the stand-in for CPMD as a code, with troubles."""

    def generate(**trouble: Any) -> orm.InstalledCode:
        (tmp_path / "trouble.json").write_text(json.dumps({"log": str(tmp_path / "runs.txt")} | trouble))
        script = tmp_path / "cpmd.x"
        words = (sys.executable, str(STANDINS / "cpmd.py"))
        environment = f"export STANDIN_TROUBLE={shlex.quote(str(tmp_path / 'trouble.json'))}"
        script.write_text(f'#!/bin/bash\n{environment}\nexec {shlex.join(words)} "$@"\n')
        script.chmod(0o755)
        return orm.InstalledCode(
            label=f"cpmd-{tmp_path.name}", computer=python_code.computer, filepath_executable=str(script)
        )

    return generate


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
