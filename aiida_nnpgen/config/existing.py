"""Datasets and structures that the user already has."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, field_validator, model_validator

from ..importing import FORMATS, FileUnits
from .fields import Name, Section

__all__ = ["ExistingSettings", "UnitSettings"]


class UnitSettings(Section):
    """Units of files that say nothing about them; a minus before force or stress is the opposite sign."""

    length: str = Field(default="Å", description="Å, nm or bohr")
    energy: str = Field(default="eV", description="eV, meV, Ha, Ry, kcal/mol or kJ/mol; also of a virial")
    force: str = Field(default="eV/Å", description="an energy over a length; `-eV/Å` for gradients")
    stress: str = Field(default="eV/Å³", description="eV/Å³, GPa, kbar, bar or Ha/bohr³; `-GPa` for a pressure")

    @model_validator(mode="after")
    def _check_units(self) -> UnitSettings:
        self.file_units()
        return self

    def file_units(self) -> FileUnits:
        """Return the units as the readers take them."""
        return FileUnits(length=self.length, energy=self.energy, force=self.force, stress=self.stress)


class ExistingSettings(Section):
    """One file or folder; what is not used is reported with its reason."""

    name: Name
    path: Path = Field(description="file or folder, which is searched to its ends; relative to the configuration file")
    format: str | None = Field(default=None, description="found out if absent")
    units: UnitSettings | None = Field(default=None, description="where the format has none; eV, Å if absent")
    label: bool = Field(default=False, description="label structures that have no labels with the reference method")
    max_frames: int | None = Field(default=None, ge=1, description="labelled frames to keep, evenly over the files")
    max_structures: int = Field(default=200, ge=1, le=2000, description="structures to label, evenly over the files")

    @field_validator("format")
    @classmethod
    def _check_format(cls, value: str | None) -> str | None:
        if value is not None and value not in FORMATS:
            raise ValueError(f"`{value}` is no format of existing data: choose one of {', '.join(FORMATS)}")
        return value
