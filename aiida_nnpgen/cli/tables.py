"""Tables of the command line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from aiida import orm
from rich.console import Console

from ..common.exceptions import InputError
from ..data import PotentialData
from ..data.lineage import frames_of_model, models_of_frame
from ..workchains.continuation import check_is_loop
from ..workchains.summary import StabilityRow, drops, errors, sampling_table, stability_table
from .console import make_console, make_table, plain

__all__ = ["print_frames", "print_models", "print_stability", "print_summary"]


def print_summary(process: orm.ProcessNode, console: Console | None = None) -> None:
    """Print what each iteration sampled, selected and labelled, the errors on the test set, and the stability."""
    check_is_loop(process)
    console = console or make_console()
    table = make_table(
        f"Active learning <{process.pk}>",
        ["iter.", "ensemble", "T / K"],
        ["runs", "unstable", "sampled", "in window", "selected", "labelled"],
    )
    for row in sampling_table(process):
        temperatures = ", ".join(f"{value:g}" for value in row.temperatures)
        numbers = (row.runs, row.unstable, row.sampled, row.candidates, row.selected, row.labelled)
        table.add_row(str(row.iteration), row.ensemble.upper(), temperatures, *map(str, numbers))
    console.print(table)
    for iteration, reasons in drops(process).items():
        words = ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in reasons.items())
        console.print(plain(f"iteration {iteration} dropped of those in the window: {words}"))
    measured = errors(process)
    if measured:
        columns = ["energy RMSE / meV/atom", "after offsets", "force RMSE / eV/Å"]
        table = make_table("Errors on the test set", ["model of iteration"], columns)
        for error in measured:
            energies = (f"{1000 * value:.2f}" for value in (error.energy_rmse, error.offset_rmse))
            table.add_row(str(error.iteration), *energies, f"{error.force_rmse:.3f}")
        console.print()
        console.print(table)
    print_stability(stability_table(process), console)


def print_stability(rows: Sequence[StabilityRow], console: Console | None = None) -> None:
    """Print how long probes of each committee hold, and what makes them fail; nothing if there are none."""
    if not rows:
        return
    console = console or make_console()
    target = rows[0].target
    title = f"Survival of probes at {rows[0].temperature:g} K, {target:g} ps at most"
    table = make_table(title, ["model of iteration"], ["probes", "held", "median / ps", f"hold for {target:g} ps / %"])
    for row in rows:
        median = _with_band(*(f"{value:.2f}" if value < target else f"> {target:g}" for value in row.median))
        share = _with_band(*(f"{100 * value:.0f}" for value in row.share))
        table.add_row(str(row.iteration), str(row.probes), str(row.held), median, share)
    console.print()
    console.print(table)
    console.print("in brackets: 95 % confidence", highlight=False)
    for row in rows:
        if row.cause:
            console.print(plain(f"iteration {row.iteration}: {row.cause}"))


def _with_band(value: str, low: str, high: str) -> str:
    return f"{value} ({low} to {high})"


def print_frames(model: orm.Node, console: Console | None = None) -> None:
    """Print every frame that trained a model."""
    if not isinstance(model, PotentialData):
        raise InputError(f"<{model.pk}> is a {type(model).__name__}, not a potential")
    console = console or make_console()
    frames = frames_of_model(model)
    columns = ["iteration", "split", "structure", "label process", "frame", "reason"]
    table = make_table(f"{len(frames)} frames of model <{model.pk}>", columns, [])
    for frame in frames:
        identifiers = [(uuid or "imported")[:8] for uuid in (frame.structure, frame.process)]
        iteration = "initial" if frame.iteration < 0 else str(frame.iteration)
        table.add_row(iteration, frame.split.name.lower(), *identifiers, str(frame.index), frame.reason)
    console.print(table)
    counts = Counter(frame.split.name.lower() for frame in frames)
    console.print(plain(", ".join(f"{count} for {name}" for name, count in sorted(counts.items()))))


def print_models(structure: orm.Node, console: Console | None = None) -> None:
    """Print every model that a frame trained."""
    if not isinstance(structure, orm.StructureData):
        raise InputError(f"<{structure.pk}> is a {type(structure).__name__}, not a structure")
    console = console or make_console()
    models = models_of_frame(structure)
    table = make_table(f"{len(models)} models trained with <{structure.pk}>", ["pk", "UUID", "architecture"], ["seed"])
    for model in models:
        model.check()
        seed = model.base.attributes.get("seed")
        table.add_row(str(model.pk), model.uuid, model.architecture, str(seed))
    console.print(table)
