"""Random displacements of one structure: the quickest way to a first dataset."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.neighborlist import neighbor_list
from numpy.typing import NDArray

from ..common.exceptions import InputError
from ..common.frames import Frames

__all__ = ["perturb"]

_TRIES_PER_FRAME = 100


def perturb(
    structure: Atoms | Frames,
    n: int,
    amplitude: float,
    *,
    seed: int,
    strain: float = 0.0,
    volume_range: tuple[float, float] | None = None,
    min_distance: float = 0.5,
) -> Frames:
    """Return randomly displaced and strained copies of one periodic structure; the structure itself is not among them.

    As in DP-GEN and dpdata: each displacement is drawn from the isotropic normal distribution, and the components of
    the strain from a uniform one. Strain and change of volume move the atoms along with the cell, bonds included.

    :param structure: one periodic structure, or frames that hold exactly one.
    :param n: number of frames wanted.
    :param amplitude: root mean square length of an atom's displacement vector in Å, which is √3 times the standard
        deviation of one component.
    :param seed: seed of every random choice.
    :param strain: the six components of the symmetric strain tensor are uniform in [-strain, strain] on and
        [-strain/2, strain/2] off the diagonal.
    :param volume_range: the volume is first scaled by a factor uniform in this range; None: no scaling.
    :param min_distance: Å; a frame with two atoms closer than this is drawn again.
    :return: n frames without labels.
    :raises InputError: if an argument is out of range, or if hardly any frame keeps the smallest distance.
    """
    start = _single(structure)
    _check(n, amplitude, strain, volume_range, min_distance)
    generator = np.random.default_rng(seed)
    images: list[Atoms] = []
    for _ in range(n):
        for _ in range(_TRIES_PER_FRAME):
            atoms = _draw(start, amplitude, strain, volume_range, generator)
            if not _has_contact(atoms, min_distance):
                images.append(atoms)
                break
        else:
            raise InputError(
                f"`amplitude` {amplitude:g} Å brings atoms closer than `min_distance` {min_distance:g} Å in "
                f"{_TRIES_PER_FRAME} tries of frame {len(images)}: lower one of them"
            )
    return Frames.from_atoms(images)


def _single(structure: Atoms | Frames) -> Atoms:
    if isinstance(structure, Frames):
        if len(structure) != 1:
            raise InputError(f"one structure is perturbed at a time, not `{len(structure)}`")
        structure = structure.without_labels().to_atoms()[0]
    if not structure.pbc.all() or structure.cell.rank < 3:
        raise InputError(f"the structure must be periodic in three directions, not `{structure.pbc.tolist()}`")
    return Atoms(numbers=structure.numbers, positions=structure.positions, cell=structure.cell, pbc=True)


def _check(
    n: int, amplitude: float, strain: float, volume_range: tuple[float, float] | None, min_distance: float
) -> None:
    if n < 1:
        raise InputError(f"`n` must be at least 1, not `{n}`")
    for name, value, limit in (
        ("amplitude", amplitude, np.inf),
        ("strain", strain, 0.5),
        ("min_distance", min_distance, np.inf),
    ):
        if not 0 <= value < limit:
            raise InputError(f"`{name}` must lie in [0, {limit:g}), not `{value}`")
    if volume_range is not None and not 0 < volume_range[0] <= volume_range[1] < np.inf:
        raise InputError(f"`volume_range` must be two positive factors, the lower first, not `{volume_range}`")


def _draw(
    start: Atoms,
    amplitude: float,
    strain: float,
    volume_range: tuple[float, float] | None,
    generator: np.random.Generator,
) -> Atoms:
    atoms = start.copy()
    deformation = np.eye(3) + _symmetric_strain(strain, generator)
    if volume_range is not None:
        deformation *= generator.uniform(*volume_range) ** (1 / 3)
    atoms.set_cell(atoms.cell @ deformation, scale_atoms=True)
    atoms.positions += generator.normal(scale=amplitude / np.sqrt(3), size=(len(atoms), 3))
    return atoms


def _symmetric_strain(strain: float, generator: np.random.Generator) -> NDArray[np.float64]:
    components = generator.uniform(-strain, strain, size=(3, 3))
    return np.triu(components) / 2 + np.triu(components).T / 2


def _has_contact(atoms: Atoms, min_distance: float) -> bool:
    return min_distance > 0 and len(neighbor_list("i", atoms, min_distance)) > 0
