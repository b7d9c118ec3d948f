"""The level of theory that each starting structure gets, before anything is launched."""

from __future__ import annotations

from pathlib import Path

from ase import Atoms
from rich.console import Console

from ..builders.files import read_starts
from ..config.document import describe_path
from ..config.import_paths import import_paths
from ..config.method import StructureFacts
from ..config.reference import ReferenceSettings
from ..config.root import LoopSettings
from ..config.structures import StructureSource, frame_keys
from ..dft.hints import hints
from ..dft.method import Dispersion
from .console import make_console, make_table, plain

__all__ = ["print_import_paths", "print_levels"]

_COLUMNS = ("structures", "functional", "cutoff / Ry", "k-points", "occupations", "spin", "look at")


def print_levels(
    reference: ReferenceSettings, sources: list[StructureSource], folder: Path, console: Console | None = None
) -> None:
    """Print one line for each level of theory that differs; liquids, which are yet to be built, are left out.

    :param folder: where relative file names start.
    :raises InputError: if a file cannot be read, or the code cannot compute a structure.
    """
    names: dict[tuple[str, ...], list[str]] = {}
    for source in sources:
        images = [] if source.file is None else read_starts(folder / source.file, source.index)
        for name, atoms in zip(frame_keys(source.name, len(images)), images, strict=True):
            names.setdefault(_level(reference, name, atoms), []).append(name)
    if not names or not reference.code.IS_TOLD:
        return
    table = make_table(f"Level of theory: {reference.labeller}, {reference.protocol}", list(_COLUMNS), [])
    for level, alike in names.items():
        table.add_row(alike[0] if len(alike) == 1 else f"{alike[0]} and {len(alike) - 1} more", *level)
    (console or make_console()).print(table)


def print_import_paths(config: LoopSettings, console: Console | None = None) -> None:
    """Print the code that runs because the configuration names it: a configuration is a program."""
    console = console or make_console()
    for found in import_paths(config):
        console.print(plain(f"runs `{found.path}`, named by {describe_path(found.location)}"), soft_wrap=True)


def _level(reference: ReferenceSettings, name: str, atoms: Atoms) -> tuple[str, ...]:
    """Return the words of a line."""
    facts = StructureFacts(key=name, start=name, numbers=atoms.numbers, cell=atoms.cell.array)
    reference.check_start(facts)
    method = reference.method_of(facts)
    mesh, occupations = method.mesh(facts.cell), reference.code.occupations(method)
    spin = f"2S+1 = {method.multiplicity}" if method.multiplicity else "free" if method.magmoms else "none"
    dispersion = "" if method.dispersion is Dispersion.NONE else f"-{method.dispersion.value.upper()}"
    return (
        f"{method.functional or 'own'}{dispersion}",
        "own" if method.cutoff is None else f"{method.cutoff:g}",
        "Gamma" if mesh == (1, 1, 1) else "x".join(map(str, mesh)),
        occupations,
        spin,
        "; ".join(hints(method, occupations, facts.numbers, facts.cell)),
    )
