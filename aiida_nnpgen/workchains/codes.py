"""From the codes in a configuration to nodes, with the scheduler options of their jobs."""

from __future__ import annotations

import difflib
from typing import Any

from aiida import orm
from aiida.common.exceptions import MultipleObjectsError, NotExistent
from aiida.engine import CalcJob
from aiida.plugins import CalculationFactory
from aiida.plugins.entry_point import get_entry_point_names

from ..calculations.job import JobCalculation
from ..common.exceptions import InputError
from ..config.root import ActiveLearningConfig, CodeSettings
from .active_learning_spec import ROLES

__all__ = ["codes_and_options"]


def codes_and_options(config: ActiveLearningConfig) -> dict[str, Any]:
    """Return the inputs ``codes``, ``options`` and ``larger_options`` of the loop.

    :raises InputError: if a code is missing, or an option is none.
    """
    codes: dict[str, Any] = {"sampling": {}}
    options: dict[str, Any] = {"sampling": {}}
    for role in ROLES:
        codes[role] = _code(_settings(config, role), f"codes.{role}")
        options[role] = _settings(config, role).options
    if config.final is not None:
        codes["final"] = _code(_settings(config, "final"), "codes.final")
        options["final"] = _settings(config, "final").options
    for name, (place, settings) in _samplers(config).items():
        codes["sampling"][name] = code = _code(settings, place)
        _check_sampler(name, code, config, f"{place}.code")
        options["sampling"][name] = settings.options
    larger = config.codes.reference.options | config.codes.reference.larger_options
    _check_options(larger, codes["reference"], "codes.reference.larger_options")
    return {"codes": codes, "options": options, "larger_options": config.codes.reference.larger_options}


def _settings(config: ActiveLearningConfig, role: str) -> CodeSettings:
    settings: CodeSettings = getattr(config.codes, role) or config.codes.training
    return settings


def _samplers(config: ActiveLearningConfig) -> dict[str, tuple[str, CodeSettings]]:
    """Return the code of each sampler of the run that has one, and its place in the configuration.

    A code that was set up for another program of this package is no code for the sampler. Samplers that are Python
    programs of this package run where the training does, unless told otherwise.
    """
    found = {}
    sampling, registered = config.codes.sampling, get_entry_point_names("aiida.calculations")
    for name in dict.fromkeys(settings.sampler for _, settings in config.dynamics()):
        own, shared = sampling.own(name), sampling.shared()
        if own is not None:
            found[name] = (f"codes.sampling.{name}", own)
        elif f"nnpgen.samplers.{name}" not in registered:
            continue  # said by the validator of the loop, with its place in the schedule
        elif shared is not None and _serves(_code(shared, "codes.sampling"), name):
            found[name] = ("codes.sampling", shared)
        elif issubclass(CalculationFactory(f"nnpgen.samplers.{name}"), JobCalculation):
            found[name] = ("codes.training", config.codes.training)
    return found


def _serves(code: orm.AbstractCode, sampler: str) -> bool:
    """Return whether a code may run a sampler, by what it was set up for."""
    plugin, wanted = code.default_calc_job_plugin or "", f"nnpgen.samplers.{sampler}"
    if not plugin.startswith("nnpgen.") or plugin == wanted:
        return True
    return all(issubclass(CalculationFactory(name), JobCalculation) for name in (plugin, wanted))


def _code(settings: CodeSettings, place: str) -> orm.AbstractCode:
    """Return a code whose options are as AiiDA wants them."""
    try:
        code = orm.load_code(settings.code)
    except (NotExistent, ValueError) as exception:
        message = f"{place}.code: there is no code `{settings.code}`: see `verdi code list`"
        raise InputError(message) from exception
    except MultipleObjectsError as exception:
        message = f"{place}.code: several codes are called `{settings.code}`: {_alike(settings.code)}"
        raise InputError(message) from exception
    if code.computer is not None:
        _check_computer(code.computer, f"{place}.code")
    _check_options(settings.options, code, f"{place}.options")
    return code


def _check_sampler(name: str, code: orm.AbstractCode, config: ActiveLearningConfig, place: str) -> None:
    """Check that the program of a sampler can run the models."""
    sampler, backend = CalculationFactory(f"nnpgen.samplers.{name}"), config.training.backend
    if getattr(backend.abilities, sampler.REQUIRED_ABILITY):
        try:
            sampler.check_code(code, backend)
        except InputError as exception:
            raise InputError(f"{place}: {exception}") from exception


def _alike(label: str) -> str:
    """Return the codes that a label may stand for."""
    codes = orm.QueryBuilder().append(orm.AbstractCode, filters={"label": label.partition("@")[0]}).all(flat=True)
    names = [code.full_label for code in codes]
    ambiguous = {name for name in names if names.count(name) > 1}
    return "give " + " or ".join(f"`{code.pk if code.full_label in ambiguous else code.full_label}`" for code in codes)


def _check_computer(computer: orm.Computer, place: str) -> None:
    """Check that jobs of this user can go to a computer.

    :raises InputError: if it is not configured, or not enabled.
    """
    user, label = orm.User.collection.get_default(), computer.label
    if user is None or not computer.is_user_configured(user):
        command = f"verdi computer configure {computer.transport_type} {label}"
        raise InputError(f"{place}: the computer `{label}` is not configured: run `{command}`")
    if not computer.is_user_enabled(user):
        command = f"verdi computer enable {label} {user.email}"
        raise InputError(f"{place}: the computer `{label}` is disabled: run `{command}`")


def _check_options(options: dict[str, Any], code: orm.AbstractCode, place: str) -> None:
    """Check scheduler options as AiiDA would when the first job is launched."""
    ports = CalcJob.spec().inputs["metadata"]["options"]
    for name in options:
        if name not in ports:
            close = difflib.get_close_matches(name, ports, n=1)
            raise InputError(f"{place}.{name}: no such option" + (f": did you mean `{close[0]}`" if close else ""))
        if error := ports[name].validate(options[name]):
            raise InputError(f"{place}.{name}: {error.message}")
    if "resources" in options and code.computer is not None:
        scheduler, resources = code.computer.get_scheduler(), dict(options["resources"])
        scheduler.preprocess_resources(resources, code.computer.get_default_mpiprocs_per_machine())
        try:
            scheduler.validate_resources(**resources)
        except (TypeError, ValueError) as exception:
            raise InputError(f"{place}.resources: {exception}") from exception
