"""Forces and stress from energies alone.

Both use the central difference over four points, whose error is of fourth order in the step. Rounding adds about the
precision of the energy over the step: 1e-3 Å suits double precision, 1e-2 Å single precision.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ..common.frames import Frames
from ..common.voigt import VOIGT

__all__ = ["Energy", "forces_by_differences", "stress_by_strain"]

Energy = Callable[[Frames], NDArray[np.float64]]
"""Returns the energy of each frame in eV."""

_POINTS = np.array([-2.0, -1.0, 1.0, 2.0])
_WEIGHTS = np.array([1.0, -8.0, 8.0, -1.0]) / 12


def forces_by_differences(
    energy: Energy, frames: Frames, row: int = 0, atoms: Sequence[int] | None = None, step: float = 1e-3
) -> NDArray[np.float64]:
    """Return minus the derivative of the energy by the positions of some atoms.

    :param frames: of which one row is looked at.
    :param atoms: their indices; None: all.
    :param step: displacement in Å.
    :return: eV/Å, (number of atoms given, 3).
    """
    chosen = range(frames.n_atoms) if atoms is None else atoms
    shifts = np.zeros((len(chosen), 3, len(_POINTS), frames.n_atoms, 3))
    for index, atom in enumerate(chosen):
        for axis in range(3):
            shifts[index, axis, :, atom, axis] = step * _POINTS
    positions = frames.positions[row] + shifts.reshape(-1, frames.n_atoms, 3)
    images = Frames(
        numbers=frames.numbers, positions=positions, cells=np.tile(frames.cells[row], (len(positions), 1, 1))
    )
    derivative: NDArray[np.float64] = energy(images).reshape(-1, 3, len(_POINTS)) @ _WEIGHTS / step
    return -derivative


def stress_by_strain(energy: Energy, frames: Frames, row: int = 0, step: float = 1e-3) -> NDArray[np.float64]:
    """Return the derivative of the energy by the strain of cell and atoms, over the volume.

    :param frames: of which one row is looked at.
    :param step: strain.
    :return: eV/Å³, tension positive, order xx yy zz yz xz xy.
    """
    strains = np.zeros((len(VOIGT), len(_POINTS), 3, 3))
    for component, (i, j) in enumerate(VOIGT):
        # Half in each triangle: the work is then the volume times one component of the stress, off the diagonal too.
        strains[component, :, i, j] += 0.5 * step * _POINTS
        strains[component, :, j, i] += 0.5 * step * _POINTS
    deformations = np.eye(3) + strains.reshape(-1, 3, 3)
    images = Frames(
        numbers=frames.numbers,
        positions=frames.positions[row] @ deformations,
        cells=frames.cells[row] @ deformations,
    )
    derivative: NDArray[np.float64] = energy(images).reshape(-1, len(_POINTS)) @ _WEIGHTS / step
    stress: NDArray[np.float64] = derivative / frames.volumes[row]
    return stress
