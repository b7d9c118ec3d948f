"""Write the pages of ``docs/reference`` from the code: exit codes, configuration, entry points.

Run ``python docs/generate_reference.py`` after a change of a process, of the configuration or of an entry point.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from importlib.metadata import EntryPoint
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

PROJECT = Path(__file__).parents[1] / "pyproject.toml"
NOTE = "<!-- Written by docs/generate_reference.py: change the code, not this page. -->"
DIMENSIONS = ("Cutoff", "Time", "Temperature", "Pressure", "Length", "Force", "Density")
PLAIN = {bool: "true or false", int: "whole number", float: "number", str: "text", Path: "path", object: "value"}
BOUNDS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
# What the code says nowhere beside the key itself.
MEANINGS = {
    "ActiveLearningConfig.codes": "which code does what",
    "ActiveLearningConfig.initial_dataset": "how frames are made before there is a model",
    "ActiveLearningConfig.max_concurrent": "jobs alive at a time, in each phase",
    "ActiveLearningConfig.name": "label of the run",
    "ActiveLearningConfig.reference": "the labeller and what counts as a label",
    "ActiveLearningConfig.schedule": "what each iteration samples and how it screens",
    "ActiveLearningConfig.seed": "of the run; every other seed derives from it",
    "ActiveLearningConfig.stop": "when to stop before the end of the schedule; null: never",
    "ActiveLearningConfig.structures": "where every run starts",
    "ActiveLearningConfig.training": "the committee and how it is trained",
    "AimdSettings.length": "of each run",
    "AimdSettings.stride": "steps between two frames",
    "AimdSettings.thermostat_damping": "relaxation time of the thermostat",
    "AimdSettings.timestep": "time step",
    "AimdSettings.temperatures": "one run at each, from every structure",
    "Codes.reference": "of the labels and of dynamics with the reference method",
    "Codes.sampling": "of the sampler, or a mapping from the names of samplers to their codes",
    "Codes.training": "of training and of evaluation on the test set",
    "DeepmdSettings.force_limit": "the same of the forces",
    "DeepmdSettings.force_start": "prefactor of the forces in the loss at the first step",
    "DeepmdSettings.virial_limit": "the same of the virial; frames without stress do not enter it",
    "DeepmdSettings.virial_start": "prefactor of the virial in the loss at the first step",
    "ExistingSettings.name": "key of the data",
    "InitialDatasetSettings.aimd": "molecular dynamics with the reference method",
    "InitialDatasetSettings.perturb": "random displacement of the starting structures",
    "InitialDatasetSettings.validation_fraction": (
        "share of the frames of a shard that go into validation; that of `initial_dataset` holds for every iteration"
    ),
    "Iteration.repeat": "iterations that this entry stands for",
    "Iteration.sampling": "what is sampled",
    "Iteration.screening": "how frames are selected",
    "LiquidSettings.density": "of the box",
    "PerturbSettings.amplitude": "root mean square length of the displacement of an atom",
    "ReferenceSettings.checks": "limits that a label must keep",
    "ReferenceSettings.labeller": "tail of an entry point `nnpgen.labellers.<name>`",
    "RunSettings.ensemble": "constant volume, constant pressure, or a box that is scaled at a constant rate",
    "RunSettings.length": "of each run",
    "RunSettings.temperatures": "one run at each",
    "SamplingSettings.runs": "what is run",
    "StructureSource.liquid": "a liquid to pack",
    "StructureSource.name": "key of the structure",
    "TrainingSettings.architecture": "name in the entry point group `nnpgen.models`",
    "TrainingSettings.committee": "number of models; a deviation needs at least two",
    "TrainingSettings.parameters": "of the architecture; for `deepmd` see [DeepmdSettings](#deepmdsettings)",
}


def main() -> None:
    """Write all pages into the folder given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path(__file__).parent / "reference")
    folder: Path = parser.parse_args().folder
    with tempfile.TemporaryDirectory() as home:
        # AiiDA wants a place for its configuration on import; no profile is needed.
        os.environ["AIIDA_PATH"] = home
        for name, lines in (
            ("exit-codes.md", exit_codes()),
            ("configuration.md", configuration()),
            ("entry-points.md", entry_point_page()),
        ):
            (folder / name).write_text("\n".join([NOTE, "", *lines]).rstrip() + "\n")


def points() -> list[EntryPoint]:
    """Return the entry points of this package, by group and name.

    They are read where they are defined: an editable installation keeps those of the day on which it was made.
    """
    groups = tomllib.loads(PROJECT.read_text())["project"]["entry-points"]
    found = [EntryPoint(name, value, group) for group, names in groups.items() for name, value in names.items()]
    return sorted(found, key=lambda point: (point.group, point.name))


def exit_codes() -> Iterator[str]:
    """Yield the page of exit codes: those that a process declares itself, not those of every AiiDA process."""
    from aiida.engine import BaseRestartWorkChain, CalcJob, WorkChain

    yield "# Exit codes"
    yield ""
    yield "A code below 400 says that there is nothing to use, and such a job is no source for AiiDA's cache."
    yield "From 400 on whatever the job or phase left is attached."
    yield "Codes below 450 belong to single jobs, those from 450 on to phases."
    yield "Processes have the exit codes of AiiDA's own base classes too."
    for point in points():
        if point.group not in ("aiida.calculations", "aiida.workflows"):
            continue
        process = point.load()
        if not isinstance(process, type):
            continue
        inherited: dict[str, Any] = {}
        for base in (BaseRestartWorkChain, CalcJob, WorkChain):
            if issubclass(process, base):
                inherited |= base.spec().exit_codes
        own = [code for name, code in process.spec().exit_codes.items() if name not in inherited]
        if own:
            yield from ("", f"## `{point.name}`", "", f"{first_line(process)}", "", "| status | label | message |")
            yield "| ---: | --- | --- |"
            for code in sorted(own, key=lambda code: code.status):
                label = next(name for name, value in process.spec().exit_codes.items() if value is code)
                yield f"| {code.status} | `{label}` | {code.message} |"


def entry_point_page() -> Iterator[str]:
    """Yield the page of entry points."""
    yield "# Entry points"
    yield ""
    yield "Groups that begin with `aiida.` are AiiDA's, those that begin with `nnpgen.` belong to this package."
    group = ""
    for point in points():
        if point.group != group:
            group = point.group
            yield from ("", f"## `{group}`", "", "| name | object | what it is |", "| --- | --- | --- |")
        yield f"| `{point.name}` | `{point.value}` | {first_line(point.load())} |"


def configuration() -> Iterator[str]:
    """Yield the page of the configuration, section by section in the order in which they occur."""
    from aiida_nnpgen.common.units import UNITS
    from aiida_nnpgen.config.root import ActiveLearningConfig
    from aiida_nnpgen.models import registry

    yield "# Configuration"
    yield ""
    yield "One YAML file describes a run; [how to configure a run](../how-to/configure.md) has a commented example."
    yield "Unknown keys are refused."
    yield from ("", "## Units", "", "A quantity is a number, or a text with one of these units.", "")
    yield from ("| quantity | unit of a bare number | units |", "| --- | --- | --- |")
    for dimension, units in UNITS.items():
        yield f"| {dimension} | {next(iter(units))} | {', '.join(f'`{unit}`' for unit in units)} |"
    unused = set(MEANINGS)
    pending, seen = [ActiveLearningConfig], set()
    architectures = [registry.load(point.name).settings_class for point in points() if point.group == registry.MODELS]
    while pending or architectures:
        section = pending.pop(0) if pending else architectures.pop(0)
        if section in seen:
            continue
        seen.add(section)
        yield from ("", f"## {section.__name__}", "", first_line(section), "")
        yield from ("| key | type | default | meaning |", "| --- | --- | --- | --- |")
        hints = get_type_hints(section, include_extras=True)
        for name, default, bounds, meaning in section_fields(section):
            key = f"{section.__name__}.{name}"
            unused.discard(key)
            if not (meaning or MEANINGS.get(key)):
                sys.exit(f"{key} has no description: give it one in the code")
            kind = type_text(hints[name]) + (f", {bounds}" if bounds else "")
            yield f"| `{name}` | {kind} | {default} | {MEANINGS.get(key) or meaning} |"
            pending += list(sections_in(hints[name]))
    if unused:
        sys.exit(f"described but not in the configuration: {', '.join(sorted(unused))}")


def section_fields(section: type) -> Iterator[tuple[str, str, str, str]]:
    """Yield name, default, bounds and meaning of each key of a section."""
    from aiida_nnpgen.common.dynamics import Conditions

    described = ivars(Conditions) | ivars(section)
    if is_dataclass(section):
        for field in fields(section):
            plain = field.name.removeprefix("warm_")
            meaning = described.get(field.name, "")
            if plain != field.name and plain in described | {"force_start": "", "virial_start": ""}:
                meaning = f"as `{plain}`, in a training that starts from a parent"
            yield field.name, default_text(field.default, field.default_factory, MISSING), "", meaning
        return
    for name, info in section.model_fields.items():
        default = "required" if info.is_required() else default_text(info.default, info.default_factory, MISSING)
        limits = ((sign, getattr(item, key, None)) for item in info.metadata for key, sign in BOUNDS.items())
        bounds = ", ".join(f"{sign} {value:g}" for sign, value in limits if value is not None)
        yield name, default, bounds, info.description or described.get(name, "")


def default_text(value: Any, factory: Any, missing: Any) -> str:
    """Return a default as it would stand in the file."""
    if factory not in (None, missing):
        value = factory()
        if not isinstance(value, dict | list):
            return "its defaults"
    if value is missing:
        return "required"
    if value is None:
        return "`null`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        value = list(value)
    return f"`{value.value if isinstance(value, Enum) else value}`"


def type_text(hint: Any) -> str:
    """Return a type in words; sections are links."""
    from aiida_nnpgen.config import fields as quantities

    for name in DIMENSIONS:
        if hint == getattr(quantities, name):
            return f"[{name.lower()}](#units)"
    origin, parts = get_origin(hint), get_args(hint)
    if hint == quantities.Name:
        return "name"
    if origin is Annotated:
        return type_text(parts[0])
    if origin in (Union, UnionType):
        return " or ".join("null" if part is type(None) else type_text(part) for part in parts)
    if origin is Literal:
        return " or ".join(f"`{part}`" for part in parts)
    if origin is list or (origin is tuple and parts[-1] is Ellipsis):
        return f"list of {type_text(parts[0])}"
    if origin is tuple:
        return f"list of {len(parts)} numbers"
    if origin is dict:
        return "mapping"
    if hint in PLAIN:
        return PLAIN[hint]
    if issubclass(hint, Enum):
        return " or ".join(f"`{member.value}`" for member in hint)
    return f"[{hint.__name__}](#{hint.__name__.lower()})"


def sections_in(hint: Any) -> Iterator[type]:
    """Yield the sections that a type holds."""
    if isinstance(hint, type) and (is_dataclass(hint) or hasattr(hint, "model_fields")):
        yield hint
    for part in get_args(hint):
        yield from sections_in(part)


def ivars(section: type) -> dict[str, str]:
    """Return what the docstring says on each attribute; what it says on others by the way is left out."""
    text = " ".join((section.__doc__ or "").split())
    found = {}
    for name, value in re.findall(r":ivar (\w+): (.*?)(?= :ivar |$)", text):
        value = re.sub(r":\w+:`~?([\w.]+)`", r"`\1`", value.replace("``", "`"))
        value = re.sub(r"; likewise.*$", "", value).rstrip(".")
        found[name] = re.sub(r"\bNone\b", "null", value)
    return found


def first_line(thing: Any) -> str:
    """Return the first sentence of a docstring."""
    text = thing.__doc__ if isinstance(thing, type) or callable(thing) else type(thing).__doc__
    return (text or "").strip().partition("\n")[0].replace("``", "`")


if __name__ == "__main__":
    main()
