"""What is read from one file of a code."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..common.exceptions import OutputError

__all__ = ["ContradictionError", "DropReason", "Dropped", "FileContent", "Reading"]


class DropReason(StrEnum):
    """Why a frame of a file is not used, where :class:`~aiida_nnpgen.dft.label.LabelFailure` has no word for it."""

    UNREADABLE = "unreadable"  # cut, damaged, or an element or number that is none
    CONTRADICTORY = "contradictory"  # two copies of one number in the file differ
    OUT_OF_BOUNDS = "out_of_bounds"  # numbers that no structure or label has, such as a cell of a millimetre
    NOT_PERIODIC = "not_periodic"  # no cell, or not periodic in three directions
    DUPLICATE = "duplicate"  # same species, positions and cell as another frame of the import
    WRONG_UNITS = "wrong_units"  # the numbers of the file are in other units than it was taken to have
    NO_ELECTRONIC_STEPS = "no_electronic_steps"  # not from the reference method, such as a force field run by VASP


class ContradictionError(OutputError):
    """Two copies of one number in a file differ."""

    reason = DropReason.CONTRADICTORY


@dataclass(frozen=True)
class Dropped:
    """One frame that is not used.

    :ivar index: place of the frame in its file; -1 where the place is not known.
    :ivar reason: value of :class:`DropReason` or :class:`~aiida_nnpgen.dft.label.LabelFailure`.
    :ivar detail: one sentence with the numbers.
    """

    index: int
    reason: str
    detail: str


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One frame as it stands in a file, in eV, Å, eV/Å, eV/Å³ unless the file has units of its own.

    :ivar index: place in the file.
    :ivar cell: rows are lattice vectors, (3, 3).
    :ivar periodic: in three directions.
    :ivar energy: the one that the forces derive from, or None.
    :ivar forces: (n_atoms, 3), or None.
    :ivar stress: tension positive, order xx yy zz yz xz xy, (6,), without the kinetic part of the ions, or None.
    :ivar virial: minus volume times stress in the unit of energy, (3, 3), where a file has that in its place.
    :ivar note: what the file has in the place of a label.
    """

    index: int
    numbers: NDArray[np.int64]
    positions: NDArray[np.float64]
    cell: NDArray[np.float64]
    periodic: bool = True
    energy: float | None = None
    forces: NDArray[np.float64] | None = None
    stress: NDArray[np.float64] | None = None
    virial: NDArray[np.float64] | None = None
    note: str = ""

    @property
    def is_labelled(self) -> bool:
        """Return whether energy and forces are there."""
        return self.energy is not None and self.forces is not None


@dataclass
class FileContent:
    """What a reader found.

    :ivar frames: complete frames, with or without labels.
    :ivar dropped: frames that are in the file but cannot be used.
    :ivar notes: sentences about the file as a whole.
    :ivar companions: other files of the same run that were used.
    """

    frames: list[Reading] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    companions: list[Path] = field(default_factory=list)

    def drop(self, index: int, reason: str, detail: str) -> None:
        """Record a frame that cannot be used."""
        self.dropped.append(Dropped(index, str(reason), detail))
