"""Whether a LAMMPS has the pair style of an architecture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from aiida import orm

from aiida_nnpgen.calculations.samplers.pair_styles import check_pair_style
from aiida_nnpgen.cli.local_codes import set_up_codes
from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.models import registry

LISTING = """LAMMPS (22 Jul 2025)
Styles information:

Pair styles:

adp             lj/cut          {0}
zbl

Bond styles:

harmonic        deepmd
Total wall time: 0:00:00
"""


@pytest.fixture
def code(aiida_localhost: orm.Computer, tmp_path: Path) -> Callable[[str], orm.InstalledCode]:
    """Return a factory of a program that prints a text in place of LAMMPS."""

    def make(text: str) -> orm.InstalledCode:
        program = tmp_path / "lmp"
        program.write_text(f"#!/bin/sh\ncat <<'END'\n{text}\nEND\n")
        program.chmod(0o755)
        return orm.InstalledCode(label="lmp", computer=aiida_localhost, filepath_executable=str(program))

    return make


def test_check_pair_style_takes_the_lammps_of_this_environment(aiida_localhost: orm.Computer) -> None:
    """The plugin of DeePMD-kit is loaded as in a job."""
    [lammps] = [found for found in set_up_codes(aiida_localhost.label) if found.label == "nnpgen-lammps"]
    check_pair_style(lammps, registry.load("deepmd"))
    bare = orm.InstalledCode(
        label="bare",
        computer=aiida_localhost,
        filepath_executable=str(lammps.filepath_executable),
        prepend_text=f"{lammps.prepend_text}\nunset LAMMPS_PLUGIN_PATH",
    )
    with pytest.raises(InputError, match=r"`bare@.*` has no pair style `deepmd`"):
        check_pair_style(bare, registry.load("deepmd"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (LISTING.format("deepmd"), None),
        (LISTING.format("morse"), "has no pair style `deepmd`: build LAMMPS with it"),
        ("lmp: cannot open libmpi.so", "does not start as LAMMPS: lmp: cannot open libmpi.so"),
        ("", "does not start as LAMMPS: it prints nothing"),
    ],
    ids=["has it", "lacks it", "broken", "silent"],
)
def test_check_pair_style_reads_what_lammps_prints(
    code: Callable[[str], orm.InstalledCode], text: str, message: str | None
) -> None:
    """The list of pair styles alone counts, whatever has the same name elsewhere."""
    if message is None:
        check_pair_style(code(text), registry.load("deepmd"))
        return
    with pytest.raises(InputError, match=message):
        check_pair_style(code(text), registry.load("deepmd"))


def test_check_pair_style_asks_on_this_machine_alone(code: Callable[[str], orm.InstalledCode]) -> None:
    """Where a scheduler or another machine runs it, nothing is started."""
    program = code("broken")
    assert program.computer is not None
    program.computer.scheduler_type = "core.slurm"
    try:
        check_pair_style(program, registry.load("deepmd"))
    finally:
        program.computer.scheduler_type = "core.direct"
