"""Types of the configuration: numbers that may carry a unit, and the base of all sections."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from ..common.units import parse_quantity

__all__ = ["Cutoff", "Density", "Force", "Length", "Name", "Pressure", "Section", "Temperature", "Time"]


def _quantity(dimension: str) -> BeforeValidator:
    return BeforeValidator(lambda value: parse_quantity(value, dimension))


def _name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)*", value):
        raise ValueError(
            f"`{value}` is no name: a name begins with an English letter, has letters, digits and single underscores, "
            "and does not end in an underscore"
        )
    return value


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
Name = Annotated[str, AfterValidator(_name)]
"""A name that can serve as a link label: letters, digits and single underscores."""


class Section(BaseModel):
    """Part of the configuration: unknown keys are refused, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)
