"""The one place where units are converted.

Inside the package: eV, Å, fs, K, u, eV/Å³ (stress, tension positive, as in ASE).
Constants are those of CODATA as shipped with SciPy.
"""

from __future__ import annotations

import re
import unicodedata

from scipy import constants

from .exceptions import InputError

__all__ = [
    "AU_TIME",
    "BAR",
    "BOHR",
    "DALTON",
    "DALTON_PER_A3",
    "GPA",
    "HARTREE",
    "KB",
    "KBAR",
    "RYDBERG",
    "UNITS",
    "parse_quantity",
    "unit_name",
]

HARTREE: float = constants.physical_constants["Hartree energy in eV"][0]
"""One hartree in eV."""
RYDBERG: float = HARTREE / 2
"""One rydberg in eV."""
BOHR: float = constants.physical_constants["Bohr radius"][0] * 1e10
"""One bohr in Å."""
KB: float = constants.physical_constants["Boltzmann constant in eV/K"][0]
"""Boltzmann's constant in eV/K."""
GPA: float = 1e9 / constants.e * 1e-30
"""One gigapascal in eV/Å³."""
BAR: float = GPA * 1e-4
"""One bar in eV/Å³."""
KBAR: float = GPA * 0.1
"""One kilobar in eV/Å³."""
AU_TIME: float = constants.physical_constants["atomic unit of time"][0] * 1e15
"""One atomic unit of time in fs."""
DALTON: float = constants.atomic_mass / constants.m_e
"""One u in electron masses, the atomic unit of mass."""
DALTON_PER_A3: float = constants.atomic_mass * 1e3 * 1e24
"""One u/Å³ in g/cm³."""

UNITS: dict[str, dict[str, float]] = {
    "time": {"fs": 1.0, "ps": 1e3, "ns": 1e6},
    "temperature": {"K": 1.0},
    "pressure": {"bar": 1.0, "kbar": 1e3, "Pa": 1e-5, "MPa": 10.0, "GPa": 1e4, "atm": 1.01325},
    "length": {"Å": 1.0, "A": 1.0, "angstrom": 1.0, "nm": 10.0, "bohr": BOHR},
    "energy": {
        "eV": 1.0,
        "meV": 1e-3,
        "Ha": HARTREE,
        "Ry": RYDBERG,
        "kcal/mol": 1e3 * constants.calorie / constants.N_A / constants.e,
        "kJ/mol": 1e3 / constants.N_A / constants.e,
    },
    "force": {"eV/Å": 1.0, "eV/A": 1.0, "meV/Å": 1e-3, "meV/A": 1e-3, "Ha/bohr": HARTREE / BOHR},
    "cutoff": {"Ry": 1.0, "Ha": 2.0, "eV": 1.0 / RYDBERG},
    "density": {"g/cm3": 1.0, "g/cm³": 1.0, "kg/m3": 1e-3, "kg/m³": 1e-3},
}
"""Per dimension, the accepted unit symbols and their size in the unit that stands first."""

# No two parts can take the same letters, so that a text of thousands of digits is refused at once.
_QUANTITY = re.compile(r"([-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?)\s*((?![\d.])\S+)?")


def unit_name(text: str) -> str:
    """Return a unit as it is spelt in :data:`UNITS`: keyboards and files have several letters that look like Å."""
    return unicodedata.normalize("NFC", text.strip())


def parse_quantity(value: float | str, dimension: str) -> float:
    """Return a number in the first unit of a dimension.

    :param value: a number in that unit already, or a text such as ``0.5 fs``.
    :param dimension: a key of :data:`UNITS`.
    :raises InputError: if the text is no number with a unit of that dimension.
    """
    units = UNITS[dimension]
    if isinstance(value, bool):
        raise InputError(f"`{value}` is not a {dimension}")
    if isinstance(value, int | float):
        return float(value)
    match = _QUANTITY.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise InputError(f"`{value}` is not a {dimension}: give a number, with or without a unit ({', '.join(units)})")
    number, unit = match[1], unit_name(match[2] or "")
    if unit and unit not in units:
        raise InputError(f"`{unit}` in `{value}` is not a unit of {dimension}: use one of {', '.join(units)}")
    return float(number) * (units[unit] if unit else 1.0)
