"""VASP as the reference method: what may be asked of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ...common.exceptions import InputError
from ...common.types import Thermostat
from ..code import DftCode
from ..label import LabelFailure
from ..method import Method, merge
from .functionals import check_functional, functional_tags
from .tags import check_tags

__all__ = ["VASP", "VaspCode"]

_TETRAHEDRA = (-4, -5, -14, -15)

_SLOWER: tuple[dict[str, Any], ...] = (
    # Almost linear mixing of a small part of the new density, https://www.vasp.at/wiki/BMIX.
    {"ALGO": "Normal", "NELM": 200, "AMIX": 0.1, "BMIX": 1e-4},
    # All bands together, without mixing of densities.
    {"ALGO": "All", "NELM": 300, "TIME": 0.2},
)
_SLOWER_SPIN: tuple[dict[str, Any], ...] = ({"AMIX_MAG": 0.4, "BMIX_MAG": 1e-4}, {})
_SLOWER_HYBRID: tuple[dict[str, Any], ...] = (
    {"ALGO": "All", "NELM": 200},
    {"ALGO": "Damped", "NELM": 300, "TIME": 0.3},
)


class VaspCode(DftCode):
    """VASP 5.4.4 and later, compiled with ``-Dtbdyn`` for dynamics; stochastic rescaling needs a recent VASP 6."""

    NAME = "vasp"
    THERMOSTATS = frozenset(Thermostat)
    PSEUDOPOTENTIALS = "vasp.potcar"

    def check(self, method: Method) -> None:
        """Check functional, dispersion, cutoff, spin, and every tag in ``parameters``."""
        tags = method.parameters
        check_tags(tags)
        check_functional(method)
        if method.cutoff is None and "ENCUT" not in tags:
            raise InputError("`cutoff` is missing: give that of the plane waves in Ry")
        if method.multiplicity is not None and {"ISPIN", "NUPDOWN"} & set(tags):
            raise InputError("give `multiplicity` or `parameters.NUPDOWN`, not both")
        if method.magmoms and {"ISPIN", "MAGMOM"} & set(tags):
            raise InputError("give `magmoms` or `parameters.MAGMOM`, not both")
        if tags.get("ISMEAR") in _TETRAHEDRA:
            raise InputError(f"`ISMEAR: {tags['ISMEAR']}` gives an energy that forces do not derive from: use 0 or -1")

    def occupations(self, method: Method) -> str:
        """Return how levels are filled."""
        tags = method.parameters
        width, ismear = tags.get("SIGMA", 0.2), tags.get("ISMEAR", 1)
        names = {-2: "fixed", -1: "Fermi-Dirac", 0: "Gaussian"}
        return "fixed" if ismear == -2 else f"{names.get(ismear, 'Methfessel-Paxton')}, {width} eV"

    def remedy(self, method: Method, reason: LabelFailure, attempt: int) -> Method | None:
        """Return the method with slower mixing and more steps, then with an algorithm that moves all bands together.

        What was cut short from outside is tried again as it was.
        """
        if reason is LabelFailure.NO_OUTPUT:
            return method
        if reason is not LabelFailure.NOT_CONVERGED or attempt > len(_SLOWER):
            return None
        tags = functional_tags(method) | dict(method.parameters)
        is_polarised = method.is_polarised or tags.get("ISPIN") == 2
        slower = dict((_SLOWER_HYBRID if tags.get("LHFCALC") else _SLOWER)[attempt - 1])
        if is_polarised and "AMIX" in slower:
            slower |= _SLOWER_SPIN[attempt - 1]
        slower["NELM"] = max(slower["NELM"], int(tags.get("NELM", 60)))
        return replace(method, parameters=merge(method.parameters, slower))


VASP = VaspCode()
