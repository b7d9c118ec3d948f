"""CP2K as a reference code: what it can do, what it is asked, and what to change when it does not converge."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ...common.types import Thermostat
from ..code import DftCode
from ..label import LabelFailure
from ..method import Method
from .method import force_eval, solves_by_diagonalisation, user_tree
from .tree import overlay

__all__ = ["CP2K"]

_TRANSFORMATION: tuple[dict[str, Any], ...] = (
    {
        "MAX_SCF": 30,
        "OT": {"MINIMIZER": "CG", "LINESEARCH": "2PNT", "PRECONDITIONER": "FULL_ALL", "ENERGY_GAP": 0.002},
        "OUTER_SCF": {"MAX_SCF": 20},
    },
    {
        "MAX_SCF": 50,
        "OT": {"MINIMIZER": "CG", "LINESEARCH": "3PNT", "PRECONDITIONER": "FULL_KINETIC", "STEPSIZE": 0.05},
        "OUTER_SCF": {"MAX_SCF": 40},
    },
)
"""What replaces the sections of orbital transformation at the first, and at any later retry."""
_DIAGONALISATION: tuple[dict[str, Any], ...] = (
    {"MAX_SCF": 300, "MIXING": {"METHOD": "BROYDEN_MIXING", "ALPHA": 0.1, "NBROYDEN": 12}},
    {"MAX_SCF": 600, "MIXING": {"METHOD": "BROYDEN_MIXING", "ALPHA": 0.03, "NBROYDEN": 20}},
)
"""The same for diagonalisation."""


class Cp2kCode(DftCode):
    """CP2K with Gaussians and plane waves; pseudopotentials and basis sets come from its own data files."""

    NAME = "cp2k"
    THERMOSTATS = frozenset(Thermostat)
    BATCHES = True

    def check(self, method: Method) -> None:
        """Check functional, dispersion, and the names in the parameters."""
        force_eval(method, ())

    def occupations(self, method: Method) -> str:
        """Return how levels are filled."""
        smear = user_tree(method).get("FORCE_EVAL", {}).get("DFT", {}).get("SCF", {}).get("SMEAR")
        return f"Fermi-Dirac, {smear.get('ELECTRONIC_TEMPERATURE', 300)} K" if isinstance(smear, dict) else "fixed"

    def remedy(self, method: Method, reason: LabelFailure, attempt: int) -> Method | None:
        """Return the method with another way to the same orbitals; there is none for any other reason."""
        if reason is not LabelFailure.NOT_CONVERGED:
            return None
        ways = _DIAGONALISATION if solves_by_diagonalisation(method) else _TRANSFORMATION
        way = ways[min(attempt, len(ways)) - 1]
        tree = user_tree(method)
        present = tree.get("FORCE_EVAL", {}).get("DFT", {}).get("SCF", {})
        solver = {"SCF": {key: value for key, value in present.items() if key not in way} | way}
        if isinstance(present.get("OUTER_SCF"), dict) and "OUTER_SCF" in way:
            solver["SCF"]["OUTER_SCF"] = present["OUTER_SCF"] | way["OUTER_SCF"]
        tree.get("FORCE_EVAL", {}).get("DFT", {}).pop("SCF", None)
        return replace(method, parameters=overlay(tree, {"FORCE_EVAL": {"DFT": solver}}))


CP2K = Cp2kCode()
