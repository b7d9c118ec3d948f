"""Ports and exit codes of the outer loop, and what its inputs must satisfy together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from aiida import orm
from aiida.engine.processes.workchains.workchain import WorkChainSpec
from aiida.plugins import CalculationFactory
from aiida.plugins.entry_point import get_entry_point_names
from ase.data import atomic_masses, atomic_numbers
from pydantic import ValidationError

from ..calculations.base import define_exit_codes
from ..common.dynamics import Conditions
from ..common.exceptions import InputError
from ..common.types import Purpose
from ..config.document import describe_path
from ..config.load import describe_errors
from ..config.method import StructureFacts
from ..config.root import LoopSettings
from ..config.sampling import MAX_RUNS
from ..config.training import TrainingSettings
from ..data import DatasetData, PotentialData
from ..data.validators import validate_nodes
from .dry_pass import check_starts, check_validation_frames
from .ports import declare_ports

__all__ = ["ROLES", "define_ports", "validate_config", "validate_inputs"]

ROLES = ("training", "screening", "reference")
"""What has one code each; a sampler has one of its own."""
PHASES = ("INITIAL_DATASET", "TRAINING", "STABILITY", "SAMPLING", "SCREENING", "LABELLING", "EVALUATION")


def validate_config(node: orm.Dict, _: Any) -> str | None:
    """Check every value of the configuration."""
    try:
        LoopSettings.model_validate(node.get_dict())
    except ValidationError as exception:
        return describe_errors(exception)
    return None


def validate_inputs(inputs: Any, _: Any) -> str | None:
    """Check the configuration against structures, codes and models."""
    if "config" not in inputs or "structures" not in inputs or validate_config(inputs["config"], None):
        return None
    if problem := _check_nodes(inputs):
        return problem
    config = LoopSettings.model_validate(inputs["config"].get_dict())
    known = config.training.elements
    if known is None:
        return "config: training.elements must be given"
    if config.final is not None and "final" not in inputs.get("codes", {}):
        return "codes.final is missing: the final committee needs a code"
    name = f"nnpgen.labellers.{config.reference.labeller}"
    if name not in get_entry_point_names("aiida.workflows"):
        return f"reference.labeller: there is no labeller `{config.reference.labeller}`"
    checks = [
        _check_elements(inputs, set(known)),
        _check_schedule(config, sorted(inputs["structures"]), set(inputs.get("codes", {}).get("sampling", {}))),
        _check_existing(inputs, config),
        check_validation_frames(config, inputs),
        _check_levels(inputs, config),
    ]
    # Runs find their starts only where the checks before have passed.
    return next((message for message in checks if message), None) or check_starts(config, inputs)


def _check_nodes(inputs: Any) -> str | None:
    """Check that every node is what it says: those of an earlier run may come from a stranger's archive."""
    for name in ("structures", "pseudopotentials", "models", *(purpose.shards for purpose in Purpose)):
        if problem := validate_nodes(inputs.get(name, {}), None):
            return f"{name}.{problem}"
    for purpose, files in inputs.get("existing", {}).items():
        if problem := validate_nodes(files, None, own=True):
            return f"existing.{purpose}.{problem}"
    return None


def _check_elements(inputs: Any, known: set[str]) -> str | None:
    """Check that the model has every element that it will meet."""
    present = {f"structures.{key}": node.get_symbols_set() for key, node in inputs["structures"].items()}
    for purpose in Purpose:
        shards = inputs.get(purpose.shards, {})
        present |= {f"{purpose.shards}.{key}": set(node.elements) for key, node in shards.items()}
    for place, elements in present.items():
        if elements - known:
            return (
                f"{place} holds {', '.join(sorted(elements - known))}, missing from training.elements {sorted(known)}"
            )
    architecture = inputs["config"]["training"]["architecture"]
    for key, model in inputs.get("models", {}).items():
        if model.architecture != architecture:
            return f"models.{key} is a `{model.architecture}`: training.architecture must not be `{architecture}`"
        if set(model.elements) != known:
            return f"models.{key} was trained for {model.elements}, not for training.elements {sorted(known)}"
    return None


def _check_schedule(config: LoopSettings, structures: list[str], codes: set[str]) -> str | None:
    """Check that each run and each probe finds its structure, and that its sampler can do it.

    :param codes: names of the samplers that have a code.
    """
    architecture, abilities = config.training.architecture, config.training.backend.abilities
    if not abilities.descriptors:
        return f"training.architecture: `{architecture}` gives no per-atom features, by which frames are screened"
    runs: dict[str, list[Conditions]] = {}
    for location, entry in config.entries():
        place = describe_path(location)
        try:
            expanded = entry.sampling.expand(structures)
            entry.screening.check_elements(config.training.elements or [])
        except InputError as exception:
            return f"{place}: {exception}"
        runs[f"{place}.sampling"] = [conditions for _, conditions in expanded]
        n_probes = config.stability.probes if config.stability else 0
        if len(expanded) + n_probes > MAX_RUNS:
            return f"{place}.sampling: {len(expanded)} runs and {n_probes} probes in one iteration, at most {MAX_RUNS}"
    if config.stability is not None:
        try:
            config.stability.starts(structures)
        except InputError as exception:
            return f"stability.{exception}"
        runs["stability"] = [config.stability.conditions()]
    for location, settings in config.dynamics():
        place = describe_path(location)
        for training in [config.training, *([config.final] if config.final and place == "stability" else [])]:
            if problem := _check_sampler(settings.sampler, training, runs[place], codes):
                return f"{place}{problem}"
    return None


def _check_sampler(name: str, training: TrainingSettings, runs: Sequence[Conditions], codes: set[str]) -> str | None:
    """Check that a sampler is there, has a code, and can do its runs with the architecture."""
    if f"nnpgen.samplers.{name}" not in get_entry_point_names("aiida.calculations"):
        return f".sampler: there is no sampler `{name}`"
    sampler = CalculationFactory(f"nnpgen.samplers.{name}")
    if not getattr(training.backend.abilities, sampler.REQUIRED_ABILITY):
        return f".sampler: `{training.architecture}` cannot drive `{name}`"
    if name not in codes:
        return f".sampler: there is no code for `{name}`: give codes.sampling.{name}"
    try:
        for conditions in runs:
            sampler.check_conditions(conditions)
    except InputError as exception:
        return f": {exception}"
    return None


def _check_levels(inputs: Any, config: LoopSettings) -> str | None:
    """Check that the reference code can compute the starting structures, and that nothing they say would be lost."""
    for key, node in inputs["structures"].items():
        for kind in node.kinds:
            if kind.is_alloy or kind.has_vacancies or len([one for one in node.kinds if one.symbol == kind.symbol]) > 1:
                return f"structures.{key}: kind `{kind.name}`: frames keep elements alone, so give one kind for each"
            if abs(kind.mass / atomic_masses[atomic_numbers[kind.symbol]] - 1) > 0.01:
                return f"structures.{key}: kind `{kind.name}` weighs `{kind.mass:g}` u: isotopes are not used"
        numbers = np.array([atomic_numbers[node.get_kind(site.kind_name).symbol] for site in node.sites])
        try:
            config.reference.check_start(StructureFacts(key=key, start=key, numbers=numbers, cell=np.array(node.cell)))
        except InputError as exception:
            return f"structures.{key}: {exception}"
    return None


def _check_existing(inputs: Any, config: LoopSettings) -> str | None:
    """Check that there is a file for each entry of `existing` that has yet to be read."""
    for purpose in Purpose:
        settings = getattr(config, purpose)
        given = inputs.get("existing", {}).get(purpose.value, {})
        for source in settings.existing if settings and not inputs.get(purpose.shards) else []:
            if source.name not in given:
                return f"existing.{purpose}.{source.name} is missing: {purpose}.existing names it"
    return None


def define_ports(spec: WorkChainSpec) -> None:
    """Declare inputs, outputs and exit codes of the outer loop."""
    spec.input("config", valid_type=orm.Dict, validator=validate_config, help="The science of the run.")
    spec.input_namespace("structures", valid_type=orm.StructureData, help="Starting structures.")
    spec.input_namespace(
        "pseudopotentials",
        valid_type=orm.Data,
        required=False,
        help="One per element, if the code needs them.",
    )
    for purpose in Purpose:
        spec.input_namespace(
            f"existing.{purpose}",
            valid_type=(orm.SinglefileData, orm.FolderData),
            required=False,
            help=f"Files and folders by the names in `{purpose}.existing`.",
        )
    for role in ROLES:
        spec.input(f"codes.{role}", valid_type=orm.AbstractCode, help=f"Code for {role}.")
        spec.input(f"options.{role}", valid_type=dict, default=dict, non_db=True, help=f"Scheduler options for {role}.")
    spec.input("codes.final", valid_type=orm.AbstractCode, required=False, help="Code for the final committee.")
    spec.input(
        "options.final", valid_type=dict, default=dict, non_db=True, help="Scheduler options for the final committee."
    )
    spec.input_namespace("codes.sampling", valid_type=orm.AbstractCode, help="Code of each sampler, by its name.")
    spec.input(
        "options.sampling",
        valid_type=dict,
        default=dict,
        non_db=True,
        help="Scheduler options of each sampler, by its name.",
    )
    declare_ports(spec, "larger_options", "max_concurrent")
    spec.input_namespace("datasets", valid_type=DatasetData, required=False, help="Shards of an earlier run.")
    spec.input_namespace("models", valid_type=PotentialData, required=False, help="Last committee of an earlier run.")
    spec.input_namespace("test_sets", valid_type=DatasetData, required=False, help="Held-out frames, labelled before.")
    spec.input(
        "first_iteration", valid_type=orm.Int, default=lambda: orm.Int(0), help="Place in the schedule to start at."
    )
    spec.inputs.validator = validate_inputs
    for name, kind, text in (
        ("datasets", DatasetData, "Shards made by this run."),
        ("test_sets", DatasetData, "Held-out frames made by this run."),
        ("models", PotentialData, "Committee of each iteration, of which the last is the result, and the final one."),
        ("errors", orm.Dict, "Errors on the test set, per iteration."),
        ("windows", orm.Dict, "Trust window, per iteration."),
        ("counts", orm.Dict, "Frames known, candidate and failed, per iteration."),
        ("records", orm.Dict, "Selected frames and why, per iteration."),
        ("labels", orm.Dict, "Yield and failures of the labels, per iteration."),
        ("survival", orm.Dict, "How long probes hold, per iteration."),
        ("diagnoses", orm.Dict, "What makes probes fail, per iteration."),
        ("decisions", orm.Dict, "Share of known frames, whether to stop, and why or why not, per iteration."),
    ):
        spec.output_namespace(name, valid_type=kind, dynamic=True, help=text)
    define_exit_codes(spec, *(f"ERROR_SUB_PROCESS_FAILED_{phase}" for phase in PHASES))
