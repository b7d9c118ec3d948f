"""What `nnpgen validate` says about levels of theory."""

from __future__ import annotations

from pathlib import Path

import ase.io
from ase.build import bulk
from rich.console import Console

from aiida_nnpgen.cli.levels import print_levels
from aiida_nnpgen.config.reference import ReferenceSettings
from aiida_nnpgen.config.structures import StructureSource


def printed(folder: Path, **values: object) -> str:
    """Return the table for silicon, and twice for aluminium."""
    ase.io.write(folder / "si.xyz", bulk("Si"))
    ase.io.write(folder / "al.xyz", [bulk("Al"), bulk("Al", a=4.06)])
    sources = [StructureSource.model_validate({"name": name, "file": f"{name}.xyz"}) for name in ("si", "al")]
    console = Console(width=160, record=True)
    reference = ReferenceSettings.model_validate({"pseudopotentials": "family"} | values)
    print_levels(reference, sources, folder, console)
    return console.export_text()


def test_print_levels_has_a_line_for_each_choice(tmp_path: Path) -> None:
    """Structures with the same level share a line, and a hint stands beside what looks wrong."""
    lines = printed(tmp_path, labeller="qe").splitlines()
    [silicon] = [line for line in lines if line.startswith("si")]
    [aluminium] = [line for line in lines if line.startswith("al_0 and 1 more")]
    assert all(word in silicon for word in ("BLYP-D3", "100", "3x3x3", "fixed", "none"))
    assert "kind: metal" in aluminium


def test_print_levels_is_silent_about_calculators(tmp_path: Path) -> None:
    """They know themselves what they compute."""
    assert printed(tmp_path, labeller="ase") == ""
