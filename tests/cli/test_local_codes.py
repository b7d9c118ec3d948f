"""Codes of this environment."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from aiida import orm
from click.testing import CliRunner

from aiida_nnpgen.cli import launch
from aiida_nnpgen.cli.local_codes import set_up_codes
from aiida_nnpgen.cli.main import nnpgen
from aiida_nnpgen.common import plugins
from aiida_nnpgen.common.exceptions import InputError


@pytest.fixture
def computer(aiida_profile: object, tmp_path: Path) -> str:
    """Return the label of a computer without codes."""
    values = {"hostname": "localhost", "transport_type": "core.local", "scheduler_type": "core.direct"}
    return orm.Computer(label=f"codes_{tmp_path.name}", workdir=str(tmp_path), **values).store().label


@pytest.fixture
def no_lammps(register_backend: Callable[[str, str], str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave one architecture, which brings no LAMMPS."""
    register_backend("checkpoints", "checkpointing_model:BACKEND")
    monkeypatch.setattr(plugins, "names", lambda group: ["checkpoints"])


def test_set_up_codes_finds_python_and_lammps(computer: str) -> None:
    """Both are set up, and found again the second time."""
    python, lammps = set_up_codes(computer)
    assert (python.label, python.filepath_executable) == ("nnpgen-python", Path(sys.executable))
    assert lammps.label == "nnpgen-lammps"
    assert "LAMMPS_PLUGIN_PATH" in lammps.prepend_text
    assert [code.uuid for code in set_up_codes(computer)] == [python.uuid, lammps.uuid]


@pytest.mark.usefixtures("no_lammps")
def test_set_up_codes_goes_without_lammps(computer: str) -> None:
    """Where no architecture brings one, Python is set up alone."""
    assert [code.label for code in set_up_codes(computer)] == ["nnpgen-python"]


@pytest.mark.usefixtures("no_lammps")
def test_nnpgen_codes_says_what_it_did_not_find(computer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user learns that a code is missing, and the command succeeds."""
    monkeypatch.setattr(launch, "load_profile", lambda profile: None)
    done = CliRunner().invoke(nnpgen, ["codes", computer])
    assert done.exit_code == 0, done.output
    assert f"nnpgen-python@{computer}" in done.output
    assert "nnpgen-lammps: no architecture that is installed here brings LAMMPS" in done.output


def test_set_up_codes_needs_a_computer(aiida_profile: object) -> None:
    """One that AiiDA does not know is named."""
    with pytest.raises(InputError, match="`nowhere`"):
        set_up_codes("nowhere")
