"""The conformance suite of architectures: over all that are registered, and over those that are wrong on purpose."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from aiida_nnpgen.common import plugins
from aiida_nnpgen.models.registry import MODELS
from aiida_nnpgen.testing.architectures import ArchitectureSuite

STANDINS = Path(__file__).parents[1] / "standins"

QUICK: dict[str, dict[str, dict[str, Any]]] = {
    "deepmd": {
        "SETTINGS": {
            "cutoff": 4.0,
            "neuron": [6, 12],
            "axis_neuron": 4,
            "fitting_neuron": [16, 16],
            "precision": "float64",
            "steps": 400,
            "start_lr": 2e-2,
            "stop_lr": 1e-4,
            "display_every": 50,
            "save_every": 50,
            "warm_steps": 50,
        },
        "HALF": {"steps": 100},
        "BRIEF": {"steps": 50, "warm_start_lr": 1e-8, "warm_stop_lr": 1e-9},
    }
}
"""Per registered architecture, the class attributes of its suite."""


def suite_of(name: str) -> type[ArchitectureSuite]:
    """Return the suite of a registered architecture, on one worker since its tests share their trainings."""
    marks = [pytest.mark.slow, pytest.mark.xdist_group(f"architecture_{name}")]
    return type(f"Test{name.title()}", (ArchitectureSuite,), {"NAME": name, "pytestmark": marks, **QUICK[name]})


globals().update({f"Test{name.title()}": suite_of(name) for name in plugins.names(MODELS) if name in QUICK})


@pytest.mark.parametrize("name", plugins.names(MODELS))
def test_suite_runs_over_every_architecture(name: str) -> None:
    """No architecture escapes: each has its class here."""
    assert name in QUICK, f"add quick settings for `{name}` to `QUICK`: SETTINGS, HALF and BRIEF of ArchitectureSuite"
    assert f"Test{name.title()}" in globals()


QUICK_PAIRS = {"SETTINGS": {"steps": 60}, "HALF": {"steps": 20}, "BRIEF": {"steps": 1, "warm_steps": 1}}
FAULTS = {
    "BLANK": {"descriptors_describe_atoms"},
    "FORGETFUL": {"train_goes_on_after_an_interruption", "train_starts_from_its_parent"},
    "HANDED": {"axes_do_not_matter", "choice_of_the_cell_does_not_matter"},
    "ORDERED": {"like_atoms_are_alike", "order_of_atoms_does_not_matter"},
    "PUSHING": {"forces_are_derivatives_of_the_energy", "train_learns"},
    "STUBBORN": {"train_depends_on_its_seed_alone"},
    "TRUSTING": {"load_runs_no_code"},
    "VIRIAL": {"energy_grows_with_the_crystal", "stress_is_the_derivative_of_the_energy"},
}
"""Per stand-in that breaks the contract, tests that must notice."""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return what pytest says of the suite on all stand-ins, run in a process of its own."""
    folder = tmp_path_factory.mktemp("suite")
    lines = ["from aiida_nnpgen.testing.architectures import ArchitectureSuite"]
    for name in ("BACKEND", *FAULTS):
        lines += ["", "", f"class Test{name}(ArchitectureSuite):", f'    NAME = "pair_model:{name}"']
        lines += [f"    {key} = {value!r}" for key, value in QUICK_PAIRS.items()]
    (folder / "test_mine.py").write_text("\n".join(lines) + "\n")
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", "-rA", "--tb=no", str(folder)]
    places = os.pathsep.join([str(STANDINS), str(Path(__file__).parents[2])])
    environment = os.environ | {"PYTHONPATH": places, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert "::TestBACKEND::" in done.stdout, done.stdout + done.stderr
    return done.stdout


def those_that(end: str, name: str, report: str) -> set[str]:
    """Return the tests of a stand-in with one end, ``PASSED`` or ``FAILED``, without prefix and parameters."""
    return set(re.findall(rf"^{end} \S+::Test{name}::test_(\w+)", report, re.MULTILINE))


@pytest.mark.slow
def test_suite_passes_a_correct_architecture(report: str) -> None:
    """Nothing fails, and what is not declared is skipped with its reason."""
    assert those_that("(?:FAILED|ERROR)", "BACKEND", report) == set()
    assert len(those_that("PASSED", "BACKEND", report)) > 20
    assert "`pair_model:BACKEND` does not declare the ability `lammps`" in report


@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS)
def test_suite_fails_a_wrong_architecture(report: str, name: str) -> None:
    """Each fault is found by the tests that look for it."""
    assert those_that("FAILED", name, report) >= FAULTS[name]
