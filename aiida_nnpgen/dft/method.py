"""The level of theory of a label, in words that every reference code shares."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from enum import StrEnum
from typing import Any

import numpy as np
from ase.data import chemical_symbols
from numpy.typing import ArrayLike

from ..common.exceptions import InputError

__all__ = ["Dispersion", "Method", "merge"]


_MAX_KPOINTS = 100_000  # of one mesh: codes hold each of them in memory


class Dispersion(StrEnum):
    """Grimme's dispersion correction."""

    NONE = "none"
    D2 = "d2"  # J. Comput. Chem. 27, 1787 (2006)
    D3 = "d3"  # J. Chem. Phys. 132, 154104 (2010); Becke-Johnson damping where the code has it


@dataclass(frozen=True, kw_only=True)
class Method:
    """How energy, forces and stress of one structure are computed.

    What is None is left to the code or to ``parameters``.

    :ivar functional: exchange and correlation, such as ``BLYP`` or ``PBE``.
    :ivar dispersion: none, d2 or d3.
    :ivar cutoff: of the plane waves in Ry; in CP2K that of the density grid.
    :ivar kpoints: Gamma-centred mesh; None: by ``kpoints_spacing``, or the Gamma point alone.
    :ivar kpoints_spacing: largest distance between neighbouring k-points in 1/Å, the factor 2 pi included.
    :ivar charge: of the cell in e.
    :ivar multiplicity: 2S+1; None: closed shell. A value makes the calculation spin-polarised.
    :ivar magmoms: moment in µB with which the atoms of an element start; any makes the calculation spin-polarised.
    :ivar parameters: what else the code is told, in its own words; it overrides all of the above.
    """

    functional: str | None = None
    dispersion: Dispersion = Dispersion.NONE
    cutoff: float | None = None
    kpoints: tuple[int, int, int] | None = None
    kpoints_spacing: float | None = None
    charge: int = 0
    multiplicity: int | None = None
    magmoms: Mapping[str, float] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "dispersion", Dispersion(self.dispersion))
        except ValueError:
            raise InputError(f"`dispersion` must be none, d2 or d3, not `{self.dispersion}`") from None
        for name in ("cutoff", "kpoints_spacing"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise InputError(f"`{name}` must be positive, not `{value}`")
        if self.kpoints is not None:
            if self.kpoints_spacing is not None:
                raise InputError("give `kpoints` or `kpoints_spacing`, not both")
            if len(self.kpoints) != 3 or min(self.kpoints) < 1 or math.prod(self.kpoints) > _MAX_KPOINTS:
                raise InputError(
                    f"`kpoints` must be three numbers of at least 1, {_MAX_KPOINTS} points at most, "
                    f"not `{list(self.kpoints)}`"
                )
            object.__setattr__(self, "kpoints", tuple(self.kpoints))
        if self.multiplicity is not None and self.multiplicity < 1:
            raise InputError(f"`multiplicity` must be at least 1, not `{self.multiplicity}`")
        for element, moment in self.magmoms.items():
            if element not in chemical_symbols[1:]:
                raise InputError(f"`magmoms`: `{element}` is not an element, all atoms of which start alike")
            if isinstance(moment, bool) or not isinstance(moment, int | float) or not math.isfinite(moment):
                raise InputError(f"`magmoms.{element}` must be a number of µB, not `{moment}`")

    @property
    def is_polarised(self) -> bool:
        """Return whether the two spins are told apart by these words, ``parameters`` apart."""
        return self.multiplicity is not None or bool(self.magmoms)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Method:
        """Return the method that :meth:`to_dict` wrote down.

        :raises InputError: if a key is unknown or a value impossible.
        """
        known = {item.name for item in fields(cls)}
        for key in values:
            if key not in known:
                raise InputError(f"`{key}` is no part of a method: choose from {', '.join(sorted(known))}")
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """Return the method as plain values."""
        values = asdict(self) | {"dispersion": self.dispersion.value}
        return values | {"kpoints": list(self.kpoints) if self.kpoints else None}

    def for_cell(self, cell: ArrayLike) -> Method:
        """Return the method with the mesh of k-points in place of their distance.

        :param cell: lattice vectors as rows in Å, (3, 3).
        """
        return self if self.kpoints_spacing is None else replace(self, kpoints=self.mesh(cell), kpoints_spacing=None)

    def mesh(self, cell: ArrayLike) -> tuple[int, int, int]:
        """Return the mesh of k-points for a cell.

        :param cell: lattice vectors as rows in Å, (3, 3).
        """
        if self.kpoints is not None:
            return self.kpoints
        if self.kpoints_spacing is None:
            return (1, 1, 1)
        reciprocal = 2 * np.pi * np.linalg.inv(np.asarray(cell, dtype=float)).T
        numbers = np.maximum(np.ceil(np.linalg.norm(reciprocal, axis=1) / self.kpoints_spacing - 1e-9), 1)
        if not np.prod(numbers) <= _MAX_KPOINTS:
            raise InputError(f"`kpoints_spacing: {self.kpoints_spacing:g}` gives more than {_MAX_KPOINTS} points")
        first, second, third = numbers.astype(int).tolist()
        return (first, second, third)


def merge(base: Mapping[str, Any], override: Mapping[str, Any]) -> dict[str, Any]:
    """Return nested settings with the second ones put over the first ones, section by section.

    ``kpoints`` and ``kpoints_spacing`` exclude each other: whichever the second one names replaces both.
    """
    merged = dict(base)
    for key, other in (("kpoints", "kpoints_spacing"), ("kpoints_spacing", "kpoints")):
        if override.get(key) is not None:
            merged.pop(other, None)
    for key, value in override.items():
        present = merged.get(key)
        merged[key] = merge(present, value) if isinstance(present, Mapping) and isinstance(value, Mapping) else value
    return merged
