"""Effective medium theory as a reference code: what may be asked of it."""

from __future__ import annotations

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.common.types import Thermostat
from aiida_nnpgen.dft.code import DftCode
from aiida_nnpgen.dft.method import Method

__all__ = ["EMT"]


class EmtCode(DftCode):
    """Potentials for Al, Cu, Ag, Au, Ni, Pd and Pt, and roughly for H, C, N and O; nothing can be chosen."""

    NAME = "emt"
    THERMOSTATS = frozenset(Thermostat)
    BATCHES = True

    def check(self, method: Method) -> None:
        """Refuse what only makes sense with electrons."""
        if method.functional or method.cutoff or method.kpoints or method.charge or method.multiplicity:
            raise InputError("`emt` has no electrons: leave functional, cutoff, k-points, charge and multiplicity out")


EMT = EmtCode()
