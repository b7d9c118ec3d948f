"""Other descriptions of the same crystal, and the way back: what codes see of them must agree.

Cell and positions of a crystal can be written down in many ways. A back end that mixes up rows and columns, mirrors a
left-handed cell, or sorts atoms, passes every test on a cube of one element.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

__all__ = ["EQUIVALENTS", "Equivalent"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Equivalent:
    """A crystal in another description.

    :ivar atoms: the same crystal.
    :ivar rotation: proper rotation of its vectors, ``vector @ rotation.T`` of the original ones, (3, 3).
    :ivar order: number in the original of each of its atoms, (n_atoms,).
    :ivar shifts: Å, lattice vectors by which its atoms are displaced, in its own orientation and order, (n_atoms, 3).
    """

    atoms: Atoms
    rotation: NDArray[np.float64]
    order: NDArray[np.int64]
    shifts: NDArray[np.float64]

    def restore_vectors(self, vectors: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return forces or velocities, (..., n_atoms, 3), in order and orientation of the original."""
        turned = vectors @ self.rotation
        restored = np.empty_like(turned)
        restored[..., self.order, :] = turned
        return restored

    def restore_positions(self, positions: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return unwrapped positions, (..., n_atoms, 3), as they would be in the original, if the cell is fixed."""
        return self.restore_vectors(positions - self.shifts)

    def restore_tensor(self, tensor: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return a stress, (..., 3, 3), in the orientation of the original."""
        restored: NDArray[np.float64] = self.rotation.T @ tensor @ self.rotation
        return restored


def _unchanged(atoms: Atoms) -> Equivalent:
    return _describe(atoms)


def _left_handed(atoms: Atoms) -> Equivalent:
    return _describe(atoms, combination=np.eye(3)[[1, 0, 2]])


def _permuted_axes(atoms: Atoms) -> Equivalent:
    return _describe(atoms, combination=np.eye(3)[[2, 0, 1]])


def _rotated(atoms: Atoms) -> Equivalent:
    return _describe(atoms, rotation=_turn(33.0, (1.0, 2.0, 3.0)))


def _skewed(atoms: Atoms) -> Equivalent:
    return _describe(atoms, combination=np.array([[1, 0, 0], [2, 1, 0], [-1, 2, 1]], dtype=float))


def _outside(atoms: Atoms) -> Equivalent:
    images = np.zeros((len(atoms), 3))
    images[0], images[-1] = (0, 3, 0), (-2, 0, 1)
    return _describe(atoms, images=images)


def _shuffled(atoms: Atoms) -> Equivalent:
    return _describe(atoms, order=np.random.default_rng(7).permutation(len(atoms)))


def _everything(atoms: Atoms) -> Equivalent:
    return _describe(
        atoms,
        rotation=_turn(-71.0, (3.0, -1.0, 2.0)),
        combination=np.array([[0, 1, 0], [1, 1, 0], [0, -1, 1]], dtype=float),
        order=np.random.default_rng(8).permutation(len(atoms)),
        images=np.random.default_rng(9).integers(-2, 3, size=(len(atoms), 3)).astype(float),
    )


EQUIVALENTS: Mapping[str, Callable[[Atoms], Equivalent]] = {
    "unchanged": _unchanged,
    "left_handed": _left_handed,
    "permuted_axes": _permuted_axes,
    "rotated": _rotated,
    "skewed": _skewed,
    "outside": _outside,
    "shuffled": _shuffled,
    "everything": _everything,
}
"""Functions that write a crystal down in another way."""


def _describe(
    atoms: Atoms,
    *,
    rotation: NDArray[np.float64] | None = None,
    combination: NDArray[np.float64] | None = None,
    order: NDArray[np.int64] | None = None,
    images: NDArray[np.float64] | None = None,
) -> Equivalent:
    """Return a crystal in another description.

    :param combination: integers of determinant 1 or -1 that combine the old cell vectors to new ones, (3, 3).
    :param images: lattice vectors to add to each atom in its new place, in units of the old cell, (n_atoms, 3).
    """
    turn = np.eye(3) if rotation is None else rotation
    places = np.arange(len(atoms)) if order is None else order
    cell = atoms.cell.array @ turn.T
    shifts = np.zeros((len(atoms), 3)) if images is None else images @ cell
    other = Atoms(
        numbers=atoms.numbers[places],
        positions=atoms.positions[places] @ turn.T + shifts,
        cell=cell if combination is None else combination @ cell,
        pbc=True,
    )
    return Equivalent(atoms=other, rotation=turn, order=places, shifts=shifts)


def _turn(degrees: float, axis: tuple[float, float, float]) -> NDArray[np.float64]:
    """Return a rotation about an axis, by Rodrigues' formula."""
    x, y, z = np.array(axis) / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    angle = np.radians(degrees)
    rotation: NDArray[np.float64] = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    return rotation
