"""CPMD as the reference method: from a level of theory to its settings."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ...common.exceptions import InputError
from ...common.types import Thermostat
from ..code import DftCode, Kind
from ..label import LabelFailure
from ..method import Dispersion, Method, merge
from .input import CpmdSettings, Pseudopotential
from .keywords import SECTIONS, check_keywords, lines_of
from .pseudopotential import check_options

__all__ = ["CPMD", "settings_of"]

_NAMES = "LDA BONLY BP BLYP GGA PBE REVPBE PBES HCTH OPTX OLYP XLYP TPSS B3LYP B1LYP X3LYP PBE0 REVPBE0"
FUNCTIONALS = tuple(_NAMES.split())
"""Names behind FUNCTIONAL that CPMD 4.3 reads."""

DISPERSION = {
    Dispersion.D2: ("BLYP", "PBE", "REVPBE", "PBE0", "B3LYP", "TPSS"),
    Dispersion.D3: ("BLYP", "BP", "PBE", "REVPBE", "PBES", "PBE0", "B3LYP", "TPSS", "OLYP"),
}
"""Functionals for which each correction has parameters."""

_OWN_KEYWORDS = {
    "CPMD": {"CONVERGENCE ORBITALS": "convergence", "MAXITER": "max_iterations", "STORE": "store"},
    "DFT": {"GC-CUTOFF": "gradient_cutoff"},
}
"""Keywords that are written in their own place, and the setting that each is."""
_WHOLE = ("max_iterations", "store")


class CpmdCode(DftCode):
    """CPMD 4.3, at the Gamma point."""

    NAME = "cpmd"
    THERMOSTATS = frozenset({Thermostat.NOSE_HOOVER})
    KPOINTS = False
    PSEUDOPOTENTIALS = "core.singlefile"

    def check(self, method: Method) -> None:
        """Check functional, dispersion, k-points and every keyword in ``parameters``."""
        if method.functional is None:
            raise InputError(f"`functional` is missing: choose one of {', '.join(FUNCTIONALS)}")
        if method.functional not in FUNCTIONALS:
            close = difflib.get_close_matches(method.functional.upper(), FUNCTIONALS, n=1)
            hint = f"did you mean `{close[0]}`?" if close else f"choose one of {', '.join(FUNCTIONALS)}"
            raise InputError(f"CPMD has no functional `{method.functional}`: {hint}")
        if method.functional not in DISPERSION.get(method.dispersion, FUNCTIONALS):
            known = ", ".join(DISPERSION[method.dispersion])
            raise InputError(
                f"`dispersion: {method.dispersion.value}` has no parameters for `{method.functional}`: "
                f"use it with one of {known}"
            )
        if method.magmoms:
            raise InputError("`magmoms` is not for CPMD, whose spins start by themselves: give `multiplicity`")
        if method.kpoints_spacing is not None or method.kpoints not in (None, (1, 1, 1)):
            asked = method.kpoints_spacing or list(method.kpoints or ())
            raise InputError(f"k-points (`{asked}`) are not for CPMD, which labels at the Gamma point: leave them out")
        unknown = sorted(set(method.parameters) - {*SECTIONS, "PSEUDOPOTENTIALS"})
        if unknown:
            raise InputError(
                f"`parameters.{unknown[0]}` is not for the user: choose from {', '.join(SECTIONS)}, PSEUDOPOTENTIALS"
            )
        check_keywords(method.parameters)
        check_options(method.parameters.get("PSEUDOPOTENTIALS", {}))
        settings_of(method, {})

    def no_kind(self, kind: Kind) -> str:
        """Return why there are none."""
        return (
            f"CPMD labels at the Gamma point with fixed occupations: choose `qe`, `cp2k` or `vasp` for a {kind.value}"
        )

    def remedy(self, method: Method, reason: LabelFailure, attempt: int) -> Method | None:
        """Return the method with another optimiser: conjugate gradients with line search, then from random orbitals.

        DIIS, the default, is the fastest and the first to get stuck. Every remedy allows more iterations.
        """
        if reason is not LabelFailure.NOT_CONVERGED or attempt > 2:
            return None
        control: dict[str, Any] = {key: None for key in method.parameters.get("CPMD", {}) if key.startswith("ODIIS")}
        control |= {"PCG MINIMIZE": True, "MAXITER": settings_of(method, {}).max_iterations * 2**attempt}
        if attempt == 2:
            control["INITIALIZE WAVEFUNCTION RANDOM"] = True
        return replace(method, parameters=merge(method.parameters, {"CPMD": control}))


CPMD = CpmdCode()


def settings_of(method: Method, pseudopotentials: Mapping[str, Pseudopotential]) -> CpmdSettings:
    """Return the level of theory as the writer of inputs takes it.

    :param pseudopotentials: one per element.
    :raises InputError: naming a value that is none.
    """
    values: dict[str, Any] = {"charge": float(method.charge), "multiplicity": method.multiplicity}
    values |= {"functional": method.functional, "dispersion": method.dispersion}
    if method.cutoff is not None:
        values["cutoff"] = method.cutoff
    extra = {}
    for section in SECTIONS:
        given = method.parameters.get(section, {})
        own = _OWN_KEYWORDS.get(section, {})
        for keyword, name in own.items():
            if given.get(keyword) is not None:
                values[name] = _number(section, keyword, given[keyword], name in _WHOLE)
        extra[section] = lines_of({keyword: value for keyword, value in given.items() if keyword not in own})
    return CpmdSettings(
        pseudopotentials=pseudopotentials, extra={name: lines for name, lines in extra.items() if lines}, **values
    )


def _number(section: str, keyword: str, value: Any, whole: bool) -> float:
    good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value > 0
    if not good or (whole and value != int(value)):
        kind = "a positive whole number" if whole else "a positive number"
        raise InputError(f"`parameters.{section}.{keyword}` must be {kind}, not `{value}`")
    return int(value) if whole else float(value)
