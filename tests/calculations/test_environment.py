"""Variables that the architecture sets for its jobs."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from aiida import orm
from aiida.engine import run_get_node

from aiida_nnpgen.calculations.environment import default_environment
from aiida_nnpgen.calculations.train import TrainCalculation
from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.data import DatasetData, Origin


@pytest.mark.parametrize(("before", "expected"), [("", "$1 'x y'"), ("export WORD=mine", "mine"), ("export WORD=", "")])
def test_default_environment_leaves_what_is_set(before: str, expected: str) -> None:
    """A shell that knows the variable keeps its own, were it empty; any other gets it, character by character."""
    backend: Any = SimpleNamespace(environment={"WORD": "$1 'x y'"})
    script = f'unset WORD\n{before}\n{default_environment(backend)}\nprintenv WORD || printf "%s\\n" "$WORD"'
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == f"{expected}\n"


@pytest.mark.parametrize(("options", "expected"), [({}, "1"), ({"STANDIN_VERSION": "2"}, "2")])
def test_job_gets_the_variables_of_its_architecture(
    python_code: orm.InstalledCode,
    standin_backend: str,
    generate_labelled: Callable[..., Frames],
    options: dict[str, str],
    expected: str,
) -> None:
    """The stand-in says what it found; the option of the user wins."""
    shard = DatasetData([generate_labelled(2)], [0, 1], [Origin(iteration=0, reason="x")] * 2)
    settings = {"architecture": standin_backend, "elements": ["H", "O"], "seed": 3, "parameters": {}}
    metadata = {"options": {"environment_variables": options}} if options else {}
    inputs = {"code": python_code, "datasets": {"a": shard}, "settings": orm.Dict(settings), "metadata": metadata}
    results, node = run_get_node(TrainCalculation, **inputs)
    assert node.is_finished_ok, node.exit_message
    assert results["potential"].base.attributes.get("version") == expected
