"""Starting structures: from files, or built."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, model_validator

from .fields import Density, Name, Section

__all__ = ["LiquidSettings", "StructureSource"]


class LiquidSettings(Section):
    """A liquid packed into a cubic periodic box."""

    components: dict[str, int] = Field(min_length=1, description="SMILES and number of molecules of each")
    density: Density
    seed: int | None = Field(default=None, ge=0, description="derived from the seed of the run if absent")

    @model_validator(mode="after")
    def _check_counts(self) -> LiquidSettings:
        for smiles, count in self.components.items():
            if count < 1:
                raise ValueError(f"`{count}` molecules of `{smiles}`: at least 1 is needed")
        return self


class StructureSource(Section):
    """One starting structure, or all those of one file."""

    name: Name
    file: Path | None = Field(default=None, description="anything that ASE reads; relative to the configuration file")
    index: str = Field(default=":", pattern=r"^-?\d*(:-?\d*){0,2}$", description="frames of the file, as in ASE")
    liquid: LiquidSettings | None = None

    @model_validator(mode="after")
    def _check_source(self) -> StructureSource:
        if (self.file is None) == (self.liquid is None):
            raise ValueError("give either `file` or `liquid`")
        return self
