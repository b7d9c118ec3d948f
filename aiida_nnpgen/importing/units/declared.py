"""Units that the user declares for files that have none of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from ...common.exceptions import InputError
from ...common.units import BAR, GPA, KBAR, UNITS, unit_name
from ...common.voigt import to_voigt
from ...dft.reading import Reading

__all__ = ["ENERGIES", "LENGTHS", "STRESSES", "FileUnits", "convert", "force_factor"]

LENGTHS: dict[str, float] = UNITS["length"]
"""Å."""
ENERGIES: dict[str, float] = UNITS["energy"]
"""eV."""
STRESSES: dict[str, float] = {"eV/Å³": 1.0, "eV/Å3": 1.0, "eV/A3": 1.0, "GPa": GPA, "kbar": KBAR, "bar": BAR} | {
    f"Ha/bohr{cube}": ENERGIES["Ha"] / LENGTHS["bohr"] ** 3 for cube in ("³", "3")
}
"""eV/Å³."""


@dataclass(frozen=True, kw_only=True)
class FileUnits:
    """Units of a file that says nothing about them; a minus before force or stress is the opposite sign.

    :ivar force: energy over length, such as ``Ha/bohr``; ``-eV/Å`` for gradients.
    :ivar stress: tension positive; ``-GPa`` for a pressure. A virial is in the unit of energy.
    """

    length: str = "Å"
    energy: str = "eV"
    force: str = "eV/Å"
    stress: str = "eV/Å³"

    def __post_init__(self) -> None:
        for item in fields(self):
            object.__setattr__(self, item.name, unit_name(getattr(self, item.name)))
        for name, known in (("length", LENGTHS), ("energy", ENERGIES)):
            if getattr(self, name) not in known:
                raise InputError(f"`{getattr(self, name)}` is no unit of {name}: use one of {', '.join(known)}")
        force_factor(self.force)
        if self.stress.removeprefix("-") not in STRESSES:
            raise InputError(f"`{self.stress}` is no unit of stress: use one of {', '.join(STRESSES)}")


def force_factor(unit: str) -> float:
    """Return a unit of force in eV/Å.

    :raises InputError: if it is no energy over a length.
    """
    bare = unit.removeprefix("-")
    energy, _, length = bare.rpartition("/")
    if energy not in ENERGIES or length not in LENGTHS:
        raise InputError(
            f"`{unit}` is no unit of force: write one of {', '.join(ENERGIES)} over one of {', '.join(LENGTHS)}"
        )
    return (-1.0 if unit.startswith("-") else 1.0) * ENERGIES[energy] / LENGTHS[length]


def convert(frames: Sequence[Reading], units: FileUnits) -> list[Reading]:
    """Return frames in the units of this package; a virial becomes a stress."""
    length, energy, force = LENGTHS[units.length], ENERGIES[units.energy], force_factor(units.force)
    sign = -1.0 if units.stress.startswith("-") else 1.0
    stress = sign * STRESSES[units.stress.removeprefix("-")]
    converted = []
    for frame in frames:
        moved = replace(
            frame,
            positions=frame.positions * length,
            cell=frame.cell * length,
            energy=None if frame.energy is None else frame.energy * energy,
            forces=None if frame.forces is None else frame.forces * force,
            stress=None if frame.stress is None else frame.stress * stress,
            virial=None,
        )
        volume = abs(float(np.linalg.det(moved.cell)))
        if frame.stress is None and frame.virial is not None and volume > 0:
            moved = replace(moved, stress=_from_virial(frame, energy / volume))
        converted.append(moved)
    return converted


def _from_virial(frame: Reading, factor: float) -> NDArray[np.float64]:
    virial = np.asarray(frame.virial)
    return -to_voigt(virial) * factor
