"""The smallest real loop, run once for all tests that look at it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiida import orm
from aiida.engine import run_get_node

from aiida_nnpgen.cli.local_codes import set_up_codes
from aiida_nnpgen.config.load import parse_config
from aiida_nnpgen.workchains.builder import build_inputs


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

    def generate(*changes: tuple[str, str], earlier: orm.ProcessNode | None = None) -> dict[str, Any]:
        folder = fixtures / "loop"
        text = (folder / "water.yaml").read_text()
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
