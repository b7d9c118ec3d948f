"""Types of the configuration: numbers that may carry a unit, and the base of all sections."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from ..common.exceptions import InputError
from ..common.units import parse_quantity

__all__ = ["Cutoff", "Density", "Force", "Length", "Name", "Pressure", "Section", "Temperature", "Time", "count_steps"]

_MAX_STEPS = 2**31  # codes count them with 32 bits


_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)*")


def _check_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"`{name}` is no name here: give letters, digits and single underscores between them, a letter first"
        )
    return name


def _quantity(dimension: str) -> BeforeValidator:
    return BeforeValidator(lambda value: parse_quantity(value, dimension))


Time = Annotated[float, _quantity("time"), Field(gt=0, allow_inf_nan=False)]
"""Positive time; a bare number is in fs."""
Temperature = Annotated[float, _quantity("temperature"), Field(gt=0, allow_inf_nan=False)]
"""Positive temperature in K."""
Cutoff = Annotated[float, _quantity("cutoff"), Field(gt=0, allow_inf_nan=False)]
"""Positive energy of plane waves; a bare number is in Ry."""
Pressure = Annotated[float, _quantity("pressure"), Field(allow_inf_nan=False)]
"""Pressure of either sign; a bare number is in bar."""
Length = Annotated[float, _quantity("length"), Field(gt=0, allow_inf_nan=False)]
"""Positive length; a bare number is in Å."""
Force = Annotated[float, _quantity("force"), Field(gt=0, allow_inf_nan=False)]
"""Positive force; a bare number is in eV/Å."""
Density = Annotated[float, _quantity("density"), Field(gt=0, allow_inf_nan=False)]
"""Positive mass density; a bare number is in g/cm³."""
Name = Annotated[str, AfterValidator(_check_name)]
"""A name that can serve as a link label: letters, digits and single underscores."""


def count_steps(length: float, timestep: float) -> int:
    """Return how many time steps a length has.

    :raises InputError: if they are more than a code can count.
    """
    if not length / timestep < _MAX_STEPS:
        raise InputError(f"`length` ({length:g} fs) has too many time steps of {timestep:g} fs: at most 2**31")
    return round(length / timestep)


class Section(BaseModel):
    """Part of the configuration: unknown keys are refused, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)
