"""Starting structures: from files, or built."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import Path

from pydantic import Field, field_validator, model_validator

from ..common.bounds import MAX_PACKED
from ..common.exceptions import InputError
from .fields import Density, Name, Section

__all__ = ["LiquidSettings", "StructureSource", "belongs_to", "check_names", "chosen_keys", "frame_keys", "keys_of"]

_NUMBERED = re.compile(r"(.+)_\d+")


def frame_keys(name: str, count: int) -> list[str]:
    """Return the keys of the structures of a source: its name, or that and the number of each frame."""
    return [name] if count == 1 else [f"{name}_{index}" for index in range(count)]


def belongs_to(key: str, names: Collection[str]) -> bool:
    """Return whether a starting structure comes from one of some sources.

    Its key is the name of its source, or that and the number of a frame: `w_3` is a frame of `w`.
    """
    match = _NUMBERED.fullmatch(key)
    return key in names or (match is not None and match[1] in names)


def keys_of(name: str, keys: Collection[str]) -> list[str]:
    """Return the keys that a name stands for: its own if there is one, otherwise those of the frames of its file."""
    return [name] if name in keys else [key for key in keys if belongs_to(key, [name])]


def chosen_keys(names: Collection[str], structures: Sequence[str]) -> list[str]:
    """Return the keys of the structures that some names choose, in their order; without names those of all.

    :raises InputError: if a name fits none of them.
    """
    named = {name: keys_of(name, structures) for name in names}
    unknown = [name for name, keys in named.items() if not keys]
    if unknown:
        raise InputError(f"structures: no starting structure is named `{'`, `'.join(unknown)}`")
    chosen = {key for keys in named.values() for key in keys}
    return [key for key in structures if key in chosen or not chosen]


def check_names(names: Collection[str]) -> None:
    """Check that no name is there twice, and none looks like the key of a frame of another source.

    :raises ValueError: naming both.
    """
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"two structures are named `{name}`")
        seen.add(name)
    for name in names:
        if (match := _NUMBERED.fullmatch(name)) and match[1] in seen:
            raise ValueError(f"`{name}` is the name of a frame of `{match[1]}`, too: give one of them another name")


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
        if sum(self.components.values()) > MAX_PACKED:
            raise ValueError(f"`{sum(self.components.values())}` molecules: at most {MAX_PACKED} are packed into a box")
        return self


class StructureSource(Section):
    """One starting structure, or all those of one file."""

    name: Name
    file: Path | None = Field(default=None, description="anything that ASE reads; relative to the configuration file")
    index: str = Field(default=":", description="frames of the file, as in ASE: `0`, `-1`, `:`, `10:20:2`")
    liquid: LiquidSettings | None = None

    @field_validator("index")
    @classmethod
    def _check_index(cls, value: str) -> str:
        if not re.fullmatch(r"-?\d+|(-?\d*):(-?\d*)(:-?\d*)?", value):
            raise ValueError(f"`{value}` is no place in a file: give a number, or a slice such as `10:20:2`")
        return value

    @model_validator(mode="after")
    def _check_source(self) -> StructureSource:
        if (self.file is None) == (self.liquid is None):
            raise ValueError("give either `file` or `liquid`")
        return self
