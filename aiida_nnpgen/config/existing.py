"""Datasets and structures that the user already has."""

from __future__ import annotations

from pathlib import Path

from ase.data import chemical_symbols
from pydantic import Field, field_validator, model_validator

from ..importing import FORMATS, FileUnits, LabelKeys
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
    units: UnitSettings | None = Field(
        default=None,
        description="where the format has none; `{}`: eV, Å. If absent, a file that seems to have others is refused",
    )
    keys: LabelKeys = Field(default_factory=LabelKeys, description="names of the labels in files of ASE")
    type_map: list[str] = Field(default_factory=list, description="elements of DeePMD's types 0, 1, ..., if not named")
    strict: bool = Field(
        default=False, description="a file that cannot be used ends the run; it is passed over otherwise"
    )
    label: bool = Field(default=False, description="label structures that have no labels with the reference method")
    max_frames: int | None = Field(default=None, ge=1, description="labelled frames to keep, evenly over the files")
    max_structures: int = Field(default=200, ge=1, le=2000, description="structures to label, evenly over the files")

    @field_validator("format")
    @classmethod
    def _check_format(cls, value: str | None) -> str | None:
        if value is not None and value not in FORMATS:
            raise ValueError(f"`{value}` is no format of existing data: choose one of {', '.join(FORMATS)}")
        return value

    @field_validator("type_map")
    @classmethod
    def _check_type_map(cls, value: list[str]) -> list[str]:
        for name in value:
            if name not in chemical_symbols[1:]:
                raise ValueError(f"`{name}` in `type_map` is no element")
        return value
