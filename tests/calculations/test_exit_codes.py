"""Exit codes, defaults and the rule of the cache hold over all entry points."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import entry_points

import pytest
from aiida.engine import CalcJob, Process, WorkChain

from aiida_nnpgen.calculations.base import EXIT_CODES


def processes() -> Iterator[tuple[str, type[Process]]]:
    """Yield every process class that this package registers."""
    for group in ("aiida.calculations", "aiida.workflows"):
        for point in entry_points(group=group):
            if point.name.startswith("nnpgen."):
                loaded = point.load()
                if isinstance(loaded, type):
                    yield point.name, loaded


CLASSES = dict(processes())
JOBS = {name: cls for name, cls in CLASSES.items() if issubclass(cls, CalcJob)}


def own_codes(cls: type[Process]) -> dict[str, tuple[int, str, bool]]:
    """Return the exit codes that AiiDA's own base classes do not have."""
    base = CalcJob if issubclass(cls, CalcJob) else WorkChain
    known = set(base.exit_codes)
    return {
        label: (code.status, code.message, code.invalidates_cache)
        for label, code in cls.exit_codes.items()
        if label not in known and label in EXIT_CODES
    }


def test_every_kind_of_process_is_there() -> None:
    """The tests below look at something."""
    assert len(JOBS) >= 9
    assert len(CLASSES) - len(JOBS) >= 15


@pytest.mark.parametrize("name", CLASSES)
def test_label_has_one_number_and_message(name: str) -> None:
    """Equal labels are equal codes, and those below 400 are not taken from the cache."""
    for label, (status, message, forget) in own_codes(CLASSES[name]).items():
        assert (status, message) == EXIT_CODES[label]
        assert forget == (status < 400 or label in ("ERROR_INTERRUPTED", "ERROR_OUT_OF_MEMORY", "ERROR_DISK_FULL"))


@pytest.mark.parametrize("name", CLASSES)
def test_every_code_is_declared_in_the_table(name: str) -> None:
    """A process defines no exit code by hand: what is in no base class of AiiDA is in the table."""
    foreign = {
        label for base in CLASSES[name].__mro__ if base.__module__.startswith("aiida.") for label in _codes(base)
    }
    assert set(_codes(CLASSES[name])) - foreign <= set(EXIT_CODES)


def _codes(cls: type) -> list[str]:
    """Return the labels of the exit codes of a class; none of an abstract one."""
    try:
        return list(cls.exit_codes)
    except (AttributeError, TypeError, ValueError):
        return []


def test_numbers_are_unique() -> None:
    """Two labels never share a number."""
    numbers = [status for status, _ in EXIT_CODES.values()]
    assert len(set(numbers)) == len(numbers)


@pytest.mark.parametrize("name", JOBS)
def test_jobs_have_defaults(name: str) -> None:
    """Every job knows its parser, one process, one thread."""
    options = JOBS[name].spec().inputs["metadata"]["options"]
    assert options["parser_name"].default == name
    assert options["resources"].default() == {"num_machines": 1, "num_mpiprocs_per_machine": 1}
    assert options["environment_variables"].default()["OMP_NUM_THREADS"] == "1"
