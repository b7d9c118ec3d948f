"""The level of theory of a label, and for which structures it holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
from ase.data import chemical_symbols
from ase.formula import Formula
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator

from ..dft.method import Dispersion
from .fields import Cutoff, Name, Section
from .structures import belongs_to

__all__ = ["MethodMatch", "MethodRule", "MethodSettings", "Range", "StructureFacts"]


_MAX_FORMULA = 200  # letters


@dataclass(frozen=True, kw_only=True)
class StructureFacts:
    """What rules ask about a structure.

    :ivar key: its own key.
    :ivar start: name of the starting structure that it comes from.
    :ivar numbers: atomic numbers, (n_atoms,).
    :ivar cell: lattice vectors as rows in Å, (3, 3).
    """

    key: str
    start: str
    numbers: NDArray[np.int64]
    cell: NDArray[np.float64]


class MethodSettings(Section):
    """What is set here goes over the protocol; what is absent stays as it is there."""

    functional: str | None = Field(default=None, description="such as `BLYP` or `PBE`")
    dispersion: Dispersion | None = Field(default=None, description="Grimme's correction")
    cutoff: Cutoff | None = Field(default=None, description="of plane waves; CP2K: of the density grid")
    kpoints: tuple[int, int, int] | None = Field(default=None, description="mesh around the Gamma point")
    kpoints_spacing: float | None = Field(default=None, gt=0, description="1/Å, with the factor 2π; instead of a mesh")
    charge: int | None = Field(default=None, description="of the cell in e")
    multiplicity: int | None = Field(default=None, ge=1, description="2S+1; a value makes it spin-polarised")
    magmoms: dict[str, float] | None = Field(
        default=None, description="µB with which atoms of each element start; any makes it spin-polarised"
    )
    parameters: dict[str, Any] = Field(default_factory=dict, description="of the code, in its own words")

    def overrides(self) -> dict[str, Any]:
        """Return what was set, as values of :class:`~aiida_nnpgen.dft.method.Method`."""
        values = self.model_dump(include=set(MethodSettings.model_fields), exclude_none=True)
        return {key: value for key, value in values.items() if value != {}}


class Range(Section):
    """Closed interval; an absent end is open."""

    min: float | None = Field(default=None, description="smallest value")
    max: float | None = Field(default=None, description="largest value")

    @model_validator(mode="after")
    def _check_order(self) -> Range:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"`min` ({self.min:g}) is larger than `max` ({self.max:g})")
        return self

    def holds(self, value: float) -> bool:
        """Return whether a value lies inside."""
        return (self.min is None or value >= self.min) and (self.max is None or value <= self.max)


def _elements(formula: str) -> list[str]:
    """Return the elements of a formula, none if it is no formula."""
    if len(formula) > _MAX_FORMULA:
        return []
    try:
        return list(Formula(formula).count())
    except Exception:  # ASE raises whatever its parser comes to
        return []


class MethodMatch(Section):
    """Conditions on a structure, all of which must hold."""

    formula: str | None = Field(default=None, description="of the whole cell, in any order of elements")
    elements: list[str] | None = Field(default=None, description="all of them are present")
    atoms: Range | None = Field(default=None, description="number of atoms")
    volume: Range | None = Field(default=None, description="of the cell in Å³")
    lengths: Range | None = Field(default=None, description="of every lattice vector in Å")
    structures: list[Name] | None = Field(default=None, description="names of the starting structures it comes from")
    keys: list[str] | None = Field(default=None, description="its own key, with `*` for anything")

    @field_validator("formula")
    @classmethod
    def _check_formula(cls, value: str | None) -> str | None:
        if value is not None:
            found = _elements(value)
            unknown = sorted(set(found) - set(chemical_symbols[1:]))
            if unknown or not found:
                raise ValueError(f"`{value}` is no formula" + (f": no element {', '.join(unknown)}" if unknown else ""))
        return value

    @field_validator("elements")
    @classmethod
    def _check_elements(cls, values: list[str] | None) -> list[str] | None:
        for element in values or []:
            if element not in chemical_symbols[1:]:
                raise ValueError(f"`{element}` is not an element")
        return values

    @model_validator(mode="after")
    def _check_anything(self) -> MethodMatch:
        if all(value is None for _, value in self):
            raise ValueError("give at least one condition; what holds for all structures belongs above the rules")
        return self

    def matches(self, structure: StructureFacts) -> bool:
        """Return whether a structure meets every condition."""
        symbols = [chemical_symbols[number] for number in structure.numbers]
        lengths = np.linalg.norm(structure.cell, axis=1)
        conditions: dict[str, Callable[[Any], bool]] = {
            "formula": lambda value: Formula(value).count() == Formula.from_list(symbols).count(),
            "elements": lambda value: set(value) <= set(symbols),
            "atoms": lambda value: value.holds(len(symbols)),
            "volume": lambda value: value.holds(abs(float(np.linalg.det(structure.cell)))),
            "lengths": lambda value: value.holds(float(lengths.min())) and value.holds(float(lengths.max())),
            "structures": lambda value: belongs_to(structure.start, value),
            "keys": lambda value: any(fnmatchcase(structure.key, pattern) for pattern in value),
        }
        return all(holds(getattr(self, name)) for name, holds in conditions.items() if getattr(self, name) is not None)


class MethodRule(MethodSettings):
    """Another level of theory for some structures."""

    match: MethodMatch = Field(description="which structures")

    @model_validator(mode="after")
    def _check_anything(self) -> MethodRule:
        if not self.overrides():
            raise ValueError("a rule must change something")
        return self
