"""Any ASE calculator as the reference method."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Mapping
from typing import get_type_hints

from ase import Atoms
from ase.calculators.calculator import BaseCalculator

from ...common.calculators import Evaluation, evaluate
from ...common.exceptions import InputError
from ...common.plugins import load_path

__all__ = ["check_state", "label", "load_calculator"]

# What constructors of foreign calculators are seen to raise on a wrong keyword, a missing library or a missing file.
_CONSTRUCTION_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)


def load_calculator(path: str, keywords: Mapping[str, object]) -> BaseCalculator:
    """Return a new ASE calculator.

    Make one per job and use it for all structures: many calculators start from the previous solution.

    :param path: where the class is, such as ``tblite.ase:TBLite``.
    :param keywords: its keyword arguments.
    :raises InputError: if there is no such class, it refuses the keywords, a keyword looks misspelt, or what it makes
        is no calculator that gives energies and forces.
    """
    factory = load_path(path)
    if not callable(factory) or not _makes_calculator(factory):
        raise InputError(
            f"`{path}` is no ASE calculator: give its class, or a function whose return type says that it makes one"
        )
    check_state(path, keywords)
    _check_spelling(path, factory, keywords)
    try:
        calculator = factory(**keywords)
    except _CONSTRUCTION_ERRORS as exception:
        raise InputError(
            f"`{path}` refuses the keywords `{dict(keywords)}`: {type(exception).__name__}: {exception}"
        ) from exception
    offered = getattr(calculator, "implemented_properties", ())
    if not callable(getattr(calculator, "get_property", None)) or not {"energy", "forces"} <= set(offered):
        raise InputError(f"`{path}` makes no ASE calculator with energies and forces: choose another class")
    return calculator


def check_state(path: str, keywords: Mapping[str, object]) -> None:
    """Check that a calculator knows charge and multiplicity where they are given; one that is not here is not asked.

    :raises InputError: naming the keyword: many calculators take any in silence.
    """
    asked = [name for name in ("charge", "multiplicity") if name in keywords]
    if not asked:
        return
    try:
        factory = load_path(path)
    except InputError:
        return
    known = set(getattr(factory, "default_parameters", None) or ()) | set(_parameters(factory))
    for name in asked:
        if name not in known:
            raise InputError(f"`{name}` is not for `{path}`, which knows no such keyword: leave it out")


def _makes_calculator(factory: object) -> bool:
    """Return whether calling something makes a calculator, without calling it: who calls, runs what it is."""
    made = factory
    if not isinstance(factory, type):
        try:
            made = get_type_hints(factory).get("return")
        except (NameError, TypeError, AttributeError):
            return False
    return isinstance(made, type) and callable(getattr(made, "get_property", None))


def _parameters(factory: object) -> list[str]:
    """Return the names of the arguments that are written out."""
    try:
        return list(inspect.signature(factory).parameters) if callable(factory) else []
    except ValueError:
        return []


def label(atoms: Atoms, calculator: BaseCalculator) -> Evaluation:
    """Return the reference energy (eV), forces (eV/Å) and stress (eV/Å³) of a structure.

    The energy is the one that the forces derive from; see :func:`~aiida_nnpgen.common.calculators.evaluate`. Stress is
    six times NaN where the calculator has none. Nothing is judged here: that is :func:`~.base.check_label`.

    :param atoms: left unchanged; its constraints do not touch the forces.
    :param calculator: from :func:`load_calculator`, the same for every frame of a job.
    """
    bare = Atoms(numbers=atoms.numbers, positions=atoms.positions, cell=atoms.cell, pbc=atoms.pbc)
    return evaluate(bare, calculator)


def _check_spelling(path: str, factory: object, keywords: Mapping[str, object]) -> None:
    """Refuse a keyword that is almost a known one: ASE takes any keyword in silence, and the default would be used."""
    known = list(getattr(factory, "default_parameters", None) or ())
    for keyword in keywords:
        if keyword in known:
            continue
        close = difflib.get_close_matches(keyword, known, n=1, cutoff=0.8)
        if close:
            raise InputError(f"`{keyword}` is no keyword of `{path}`: did you mean `{close[0]}`?")
