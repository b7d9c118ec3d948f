"""Quantities of a frame that can be an axis of the screening."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase.data import atomic_masses
from numpy.typing import NDArray

from ..common.exceptions import InputError
from ..common.frames import Frames
from ..common.molecules import Molecules, bonds, cell_heights, image_pairs, near_pairs
from ..common.units import DALTON_PER_A3
from .features import element_numbers

__all__ = ["UNITS", "density", "energy", "energy_per_atom", "max_force", "min_distance", "volume"]

SCOPES = ("all", "intra", "inter")
"""Whether a distance is one of any two atoms, within a molecule, or between molecules."""


UNITS = {
    "density": "g/cm³",
    "energy": "eV",
    "energy_per_atom": "eV",
    "max_force": "eV/Å",
    "min_distance": "Å",
    "volume": "Å³",
}
"""Units of the quantities, by name."""


def energy(frames: Frames) -> NDArray[np.float64]:
    """Return the energies in eV, (n_frames,).

    :raises InputError: if the frames carry none.
    """
    if frames.energies is None:
        raise InputError("the frames carry no energies: choose another quantity, or give them predicted ones")
    return frames.energies


def energy_per_atom(frames: Frames) -> NDArray[np.float64]:
    """Return the energies per atom in eV, (n_frames,).

    :raises InputError: if the frames carry none.
    """
    return energy(frames) / frames.n_atoms


def max_force(frames: Frames) -> NDArray[np.float64]:
    """Return the length of the largest force in each frame in eV/Å, (n_frames,).

    :raises InputError: if the frames carry no forces.
    """
    if frames.forces is None:
        raise InputError("the frames carry no forces: choose another quantity, or give them predicted ones")
    return np.asarray(np.sqrt((frames.forces**2).sum(axis=-1)).max(axis=1))


def volume(frames: Frames) -> NDArray[np.float64]:
    """Return the cell volumes in Å³, (n_frames,)."""
    return frames.volumes


def density(frames: Frames) -> NDArray[np.float64]:
    """Return the densities in g/cm³, (n_frames,).

    :raises InputError: if a cell has no volume.
    """
    cell_heights(frames.cells)
    return np.asarray(atomic_masses[frames.numbers].sum() * DALTON_PER_A3 / frames.volumes)


def min_distance(frames: Frames, pair: Sequence[str] | None = None, scope: str = "all") -> NDArray[np.float64]:
    """Return the shortest distance in each frame in Å, over all periodic images, (n_frames,).

    :param frames: configurations.
    :param pair: chemical symbols of the two atoms, in any order; None: all atoms.
    :param scope: ``all``; ``intra``, both atoms in one molecule; or ``inter``, in two. Molecules follow from the bonds
        of each frame by itself: atoms closer than 1.25 times the sum of their covalent radii. The image of a molecule
        is another molecule, unless bonds connect the two.
    :raises InputError: if an element of the pair is not in the frames, a frame has no such pair, or the scope is
        unknown.
    """
    if scope not in SCOPES:
        raise InputError(f"`{scope}` is no scope of a distance: choose one of {', '.join(SCOPES)}")
    allowed = _allowed(frames, pair)
    limits = cell_heights(frames.cells) / 2
    first, second = (index.astype(np.intp) for index in np.nonzero(np.triu(allowed, k=1)))
    if scope == "intra":
        return _intra(frames, allowed)
    molecules = [Molecules.from_bonds(frames.n_atoms, *found) for found in bonds(frames)] if scope == "inter" else []
    result = np.full(len(frames), np.inf)
    for rows, distances, shifts in near_pairs(frames, first, second):
        for row, lengths, shift in zip(range(rows.start, rows.stop), distances, shifts, strict=True):
            if molecules:
                lengths = np.where(molecules[row].are_one(first, second, shift), np.inf, lengths)
            result[row] = lengths.min(initial=np.inf)
    for row in np.flatnonzero(~(result < limits)).tolist():
        result[row] = _among_images(frames, row, allowed, molecules[row] if molecules else None)
    return result


def _allowed(frames: Frames, pair: Sequence[str] | None) -> NDArray[np.bool_]:
    """Return which pairs of atoms count, (n_atoms, n_atoms), symmetric."""
    if pair is None:
        return np.ones((frames.n_atoms, frames.n_atoms), dtype=bool)
    if isinstance(pair, str) or len(pair) != 2:
        raise InputError(f"`pair` must be two chemical symbols, not `{pair}`")
    for symbol, number in zip(pair, element_numbers(pair), strict=True):
        if number not in frames.numbers:
            raise InputError(f"element `{symbol}` of the pair `{'-'.join(pair)}` is not in the frames")
    one, two = (frames.numbers == number for number in element_numbers(pair))
    return np.outer(one, two) | np.outer(two, one)


def _among_images(frames: Frames, row: int, allowed: NDArray[np.bool_], molecules: Molecules | None) -> float:
    """Return the shortest distance of a frame from a list of all images, which grows until it holds one."""
    lengths = np.linalg.norm(frames.cells[row], axis=1)
    cutoff, last = min(3.0, float(lengths.min())), float(2 * lengths.sum())
    while True:
        i, j, distances, shifts = image_pairs(frames, row, cutoff)
        keep = allowed[i, j]
        if molecules is not None:
            keep &= ~molecules.are_one(i, j, shifts)
        if keep.any():
            return float(distances[keep].min())
        if cutoff > last:
            raise InputError(f"frame {row} has no two atoms of the wanted kind: choose another pair or scope")
        cutoff *= 1.5


def _intra(frames: Frames, allowed: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the shortest distances within molecules, each made whole first."""
    result = np.empty(len(frames))
    for row, found in enumerate(bonds(frames)):
        molecules = Molecules.from_bonds(frames.n_atoms, *found)
        same = allowed & (molecules.labels[:, None] == molecules.labels)
        first, second = np.nonzero(np.triu(same, k=1))
        whole = frames.positions[row] + molecules.offsets @ frames.cells[row]
        shortest = np.sqrt(((whole[second] - whole[first]) ** 2).sum(axis=1)).min(initial=np.inf)
        if molecules.endless.any() and same[molecules.endless].any():
            i, j, distances, shifts = image_pairs(frames, row, max(3.0, min(shortest, 12.0)))
            keep = allowed[i, j] & molecules.are_one(i, j, shifts)
            shortest = min(shortest, distances[keep].min(initial=np.inf))
        if not np.isfinite(shortest):
            raise InputError(
                f"no molecule of frame {row} has two atoms of the wanted kind: choose another pair or scope"
            )
        result[row] = shortest
    return result
