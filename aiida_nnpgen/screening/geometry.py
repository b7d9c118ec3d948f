"""Filters that keep absurd geometries away from the reference method."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np
from ase.data import covalent_radii
from ase.geometry import find_mic, minkowski_reduce
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ..common.contacts import check_contact_limits
from ..common.exceptions import InputError
from ..common.frames import Frames
from ..common.molecules import Molecules, bonds, cell_heights, image_pairs, near_pairs
from .flaws import CandidateFlaw
from .quantities import density

__all__ = ["GeometrySettings", "check_geometry", "largest_hole"]


@dataclass(frozen=True, kw_only=True)
class GeometrySettings:
    """Which filters act; one that is None does not.

    :ivar overlap: fraction of the sum of covalent radii below which two atoms overlap.
    :ivar torn_bond: multiple of the sum of covalent radii beyond which a bond of the start structure is torn.
    :ivar detached: Å; a molecule with no atom of another molecule within that distance is detached.
    :ivar hole: Å; largest radius of a sphere without an atom's centre.
    :ivar min_density: g/cm³.
    :ivar max_density: g/cm³.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid"}

    overlap: float | None = 0.5
    torn_bond: float | None = None
    detached: float | None = None
    hole: float | None = None
    min_density: float | None = None
    max_density: float | None = None

    def __post_init__(self) -> None:
        check_contact_limits(self.torn_bond, self.overlap)
        for name in ("detached", "hole", "min_density", "max_density"):
            value = getattr(self, name)
            if value is not None and not (np.isfinite(value) and value > 0):
                raise InputError(f"`{name}` must be a positive number or null, not `{value}`")
        if None not in (self.min_density, self.max_density) and self.min_density >= self.max_density:  # type: ignore[operator]
            raise InputError(f"`min_density` ({self.min_density}) must be below `max_density` ({self.max_density})")


def check_geometry(
    frames: Frames, settings: GeometrySettings | None = None, start: Frames | None = None
) -> NDArray[np.int8]:
    """Return the flaw of each frame; the first in their order counts.

    :param frames: configurations.
    :param settings: which filters act; None: the default ones.
    :param start: one intact configuration with the same atoms in the same order; needed for torn bonds.
    :return: :class:`~aiida_nnpgen.screening.flaws.CandidateFlaw` of each frame, (n_frames,).
    :raises InputError: if a start structure is needed and missing, or is one of other atoms.
    """
    options = settings or GeometrySettings()
    codes = np.zeros(len(frames), dtype=np.int8)
    numbers = np.concatenate([frames.positions, frames.cells], axis=1)
    finite = np.asarray(np.isfinite(numbers).all(axis=(1, 2)))
    finite[finite] = np.abs(np.linalg.det(frames.cells[finite])) > 0
    codes[~finite] = CandidateFlaw.NOT_FINITE
    for flaw, is_bad in _filters(options, start).items():
        rows = np.flatnonzero(codes == CandidateFlaw.NONE)
        if len(rows):
            codes[rows[is_bad(frames[rows])]] = flaw
    return codes


def _filters(
    options: GeometrySettings, start: Frames | None
) -> dict[CandidateFlaw, Callable[[Frames], NDArray[np.bool_]]]:
    """Return the filters that act, in the order of their flaws."""
    filters: dict[CandidateFlaw, Callable[[Frames], NDArray[np.bool_]]] = {}
    if options.overlap is not None:
        filters[CandidateFlaw.OVERLAP] = partial(_overlap, fraction=options.overlap)
    if options.torn_bond is not None:
        if start is None or len(start) == 0:
            raise InputError("`torn_bond` needs an intact start structure, and there is none")
        filters[CandidateFlaw.DISSOCIATED] = partial(_torn, factor=options.torn_bond, start=start)
    if options.detached is not None:
        filters[CandidateFlaw.DETACHED] = partial(_detached, limit=options.detached)
    if options.hole is not None:
        limit = options.hole
        filters[CandidateFlaw.VACUUM] = lambda frames: largest_hole(frames) > limit
    low, high = options.min_density or 0.0, options.max_density or np.inf
    if low > 0 or np.isfinite(high):
        filters[CandidateFlaw.DENSITY] = lambda frames: (density(frames) < low) | (density(frames) > high)
    return filters


def _overlap(frames: Frames, fraction: float) -> NDArray[np.bool_]:
    """Return whether two atoms are closer than a fraction of the sum of their covalent radii."""
    first, second = np.triu_indices(frames.n_atoms, k=1)
    radii = fraction * covalent_radii[frames.numbers]
    bad = np.zeros(len(frames), dtype=bool)
    for rows, distances, _ in near_pairs(frames, first, second):
        bad[rows] = (distances < radii[first] + radii[second]).any(axis=1)
    small = cell_heights(frames.cells) <= 4 * radii.max(initial=0.0)
    for row in np.flatnonzero(small & ~bad):
        i, j, distances, _ = image_pairs(frames, int(row), float(2 * radii.max()))
        bad[row] = (distances < radii[i] + radii[j]).any()
    return bad


def _torn(frames: Frames, factor: float, start: Frames) -> NDArray[np.bool_]:
    """Return whether a bond of the start structure is longer than a multiple of the sum of covalent radii."""
    if not np.array_equal(start.numbers, frames.numbers):
        raise InputError("the start structure has other atoms than the frames, or another order of them")
    first, second = next(iter(bonds(start[:1])))[0].T
    radii = covalent_radii[frames.numbers]
    limits = factor * (radii[first] + radii[second])
    bad = np.zeros(len(frames), dtype=bool)
    for rows, distances, _ in near_pairs(frames, first, second):
        for row, long in zip(range(rows.start, rows.stop), distances > limits, strict=True):
            vectors = frames.positions[row][second[long]] - frames.positions[row][first[long]]
            bad[row] = long.any() and bool((find_mic(vectors, frames.cells[row])[1] > limits[long]).any())
    return bad


def _detached(frames: Frames, limit: float) -> NDArray[np.bool_]:
    """Return whether a molecule has no atom of another molecule, or of an image of itself, within the limit."""
    bad = np.zeros(len(frames), dtype=bool)
    for row, found in enumerate(bonds(frames)):
        molecules = Molecules.from_bonds(frames.n_atoms, *found)
        i, j, _, shifts = image_pairs(frames, row, limit)
        touching = molecules.labels[i[~molecules.are_one(i, j, shifts)]]
        alone = np.setdiff1d(molecules.labels[~molecules.endless], touching)
        bad[row] = len(alone) > 0
    return bad


def largest_hole(frames: Frames, spacing: float = 0.5) -> NDArray[np.float64]:
    """Return the radius of the largest sphere that holds no atom's centre, in Å, (n_frames,).

    :param frames: configurations.
    :param spacing: Å, of the grid of sphere centres; the radius comes out too small by less than this.
    :raises InputError: if a cell has no volume.
    """
    cell_heights(frames.cells)
    result = np.empty(len(frames))
    images = np.stack(np.meshgrid(*[[-1, 0, 1]] * 3, indexing="ij"), axis=-1).reshape(-1, 1, 3)
    for row, (positions, raw) in enumerate(zip(frames.positions, frames.cells, strict=True)):
        cell = minkowski_reduce(raw)[0]
        wrapped = (positions @ np.linalg.inv(cell)) % 1.0
        counts = np.ceil(np.linalg.norm(cell, axis=1) / spacing).astype(int)
        grid = np.stack(np.meshgrid(*[np.arange(n) / n for n in counts], indexing="ij"), axis=-1).reshape(-1, 3)
        atoms = cKDTree((wrapped + images).reshape(-1, 3) @ cell)
        result[row] = atoms.query(grid @ cell)[0].max()
    return result
