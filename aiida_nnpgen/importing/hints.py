"""What the user says about files whose format leaves it open."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from ..common.exceptions import InputError, OutputError
from ..dft.text import element

__all__ = ["Hints", "LabelKeys"]


@dataclass(frozen=True, kw_only=True)
class LabelKeys:
    """Names under which a file of ASE holds its labels; None: the common names are looked for.

    :ivar energy: such as ``REF_energy``.
    :ivar forces: such as ``REF_forces``.
    :ivar stress: tension positive.
    :ivar virial: minus volume times stress, in place of a stress.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    energy: str | None = None
    forces: str | None = None
    stress: str | None = None
    virial: str | None = None


@dataclass(frozen=True, kw_only=True)
class Hints:
    """What readers of such files are told.

    :ivar keys: of extended XYZ and other files of ASE.
    :ivar type_map: one element per type 0, 1, ... of DeePMD systems.
    """

    keys: LabelKeys = field(default_factory=LabelKeys)
    type_map: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in self.type_map:
            try:
                element(name)
            except OutputError as exception:
                raise InputError(f"`{name}` in `type_map` is no element") from exception
