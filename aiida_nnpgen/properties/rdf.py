"""Radial distribution functions of pairs of elements, in any cell, and how far two of them differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase.data import atomic_numbers
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from ..common.exceptions import InputError
from ..common.frames import Frames
from .blocks import Estimate, block_slices, mean_of_blocks, warn_of_short_blocks
from .checks import check_finite, check_positive

__all__ = ["RadialDistribution", "radial_distribution", "rdf_difference"]


@dataclass(frozen=True, kw_only=True)
class RadialDistribution:
    """How many atoms of one element are found at a distance from one of another, relative to a gas of them.

    :ivar pair: chemical symbols a and b: atoms b around an atom a.
    :ivar edges: Å, of the bins, (n_bins + 1,).
    :ivar values: g(r) of each bin, (n_bins,).
    :ivar uncertainties: of the values, from blocks, (n_bins,). Zero where no block has a pair.
    :ivar neighbours: number of atoms b within the upper edge of each bin, (n_bins,).
    :ivar neighbour_uncertainties: of these numbers, (n_bins,).
    """

    pair: tuple[str, str]
    edges: NDArray[np.float64]
    values: NDArray[np.float64]
    uncertainties: NDArray[np.float64]
    neighbours: NDArray[np.float64]
    neighbour_uncertainties: NDArray[np.float64]

    @property
    def distances(self) -> NDArray[np.float64]:
        """Return the middle of each bin in Å, (n_bins,)."""
        return (self.edges[1:] + self.edges[:-1]) / 2

    def coordination(self, distance: float) -> Estimate:
        """Return the number of atoms b within a distance of an atom a, linear between the edges of bins.

        :param distance: Å, as of the first minimum.
        :raises InputError: if it is not within the edges.
        """
        if not 0 < distance <= self.edges[-1]:
            raise InputError(f"`distance` must lie between 0 and {self.edges[-1]:g} Å, not `{distance}`")
        columns = (self.neighbours, self.neighbour_uncertainties)
        return Estimate(*(float(np.interp(distance, self.edges, np.insert(column, 0, 0.0))) for column in columns))


def radial_distribution(
    frames: Frames,
    pair: Sequence[str],
    *,
    cutoff: float,
    bin_width: float = 0.05,
    molecules: ArrayLike | None = None,
    n_blocks: int = 5,
    block_length: int | None = None,
) -> RadialDistribution:
    """Return the radial distribution function of two elements, with its uncertainty from blocks of frames.

    g(r) = V n(r) / (N_a N_b 4 pi r² dr), with all periodic images of b, so that the cutoff may be longer than the box.
    Warns where blocks are shorter than five statistical inefficiencies of the number of neighbours.
    One atom in N is the atom a itself: in a gas of N atoms of one element, g is 1 - 1/N.

    :param frames: configurations, wrapped or not.
    :param pair: chemical symbols a and b; the same twice for one element.
    :param cutoff: Å, upper edge of the last bin.
    :param bin_width: Å, reduced so that whole bins reach the cutoff.
    :param molecules: index of the molecule of each atom, (n_atoms,): pairs within one are left out, at the image that
        is nearest. The density of b in the formula is still that of all.
    :param n_blocks: how many blocks of frames.
    :param block_length: least number of frames in a block, instead of their number.
    :raises InputError: if an element is not there, there are no pairs, a cell has no volume or a value is not finite.
    """
    blocks = block_slices(len(frames), n_blocks, block_length)
    first, second = _members(frames, pair)
    labels = _molecules(frames, molecules)
    n_bins = int(np.ceil(check_positive(cutoff, "cutoff") / check_positive(bin_width, "bin_width") - 1e-9))
    edges = np.linspace(0, cutoff, n_bins + 1)
    check_finite(frames.positions, "positions")
    volumes = _volumes(frames)
    lengths = (_lengths(frames, row, first, second, cutoff, labels) for row in range(len(frames)))
    counts = np.array([np.histogram(found, n_bins, (0, cutoff))[0] for found in lengths]) / len(first)
    if not counts.any():
        raise InputError(f"no pair of `{'-'.join(pair)}` lies within `cutoff` {cutoff:g} Å")
    shells = 4 / 3 * np.pi * np.diff(edges**3)
    values = counts * volumes[:, None] / (len(second) * shells)
    neighbours = counts.cumsum(axis=1)
    means, near = (np.array([column[block].mean(axis=0) for block in blocks]) for column in (values, neighbours))
    most = neighbours[:, neighbours.var(axis=0).argmax()]  # the number that fluctuates most
    if np.ptp(most) > 0:
        warn_of_short_blocks({"neighbours": most}, len(blocks))
    return RadialDistribution(
        pair=(pair[0], pair[1]),
        edges=edges,
        values=values.mean(axis=0),
        uncertainties=mean_of_blocks(means)[1],
        neighbours=neighbours.mean(axis=0),
        neighbour_uncertainties=mean_of_blocks(near)[1],
    )


def rdf_difference(first: RadialDistribution, second: RadialDistribution) -> Estimate:
    """Return the share of pairs that two functions place differently, between 0 and 1.

    It is the integral of |g1 - g2| r² over that of (g1 + g2) r²: 0 for equal functions, 1 where one is zero wherever
    the other is not. The uncertainty is the difference that noise alone would make of two equal functions: what is
    not larger than it is none.

    :param first: of one model.
    :param second: of another, with the same bins.
    :raises InputError: if the bins differ.
    """
    if not np.array_equal(first.edges, second.edges):
        raise InputError("two functions must have the same bins to be compared: give the same `cutoff` and `bin_width`")
    weights = np.diff(first.edges**3)
    whole = ((first.values + second.values) * weights).sum()
    noise = np.sqrt(2 / np.pi) * np.hypot(first.uncertainties, second.uncertainties)  # mean size of a normal number
    apart = np.abs(first.values - second.values)
    return Estimate(float((apart * weights).sum() / whole), float((noise * weights).sum() / whole))


def _members(frames: Frames, pair: Sequence[str]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    if isinstance(pair, str) or len(pair) != 2:
        raise InputError(f"`pair` must be two chemical symbols, not `{pair}`")
    found = tuple(np.flatnonzero(frames.numbers == atomic_numbers.get(symbol, -1)) for symbol in pair)
    for symbol, members in zip(pair, found, strict=True):
        if not len(members):
            raise InputError(f"element `{symbol}` of the pair `{'-'.join(pair)}` is not in the frames")
    return found[0], found[1]


def _molecules(frames: Frames, molecules: ArrayLike | None) -> NDArray[np.generic]:
    """Return what each atom belongs to; by itself each is one."""
    labels = np.arange(frames.n_atoms) if molecules is None else np.asarray(molecules)
    if labels.shape != (frames.n_atoms,):
        raise InputError(f"`molecules` has shape {labels.shape}, expected one index per atom, ({frames.n_atoms},)")
    return labels


def _volumes(frames: Frames) -> NDArray[np.float64]:
    check_finite(frames.cells, "cells")
    if not (frames.volumes > 0).all():
        raise InputError(f"frame {int(np.argmin(frames.volumes))} has no volume: distances between images need a cell")
    return frames.volumes


def _lengths(
    frames: Frames,
    row: int,
    first: NDArray[np.intp],
    second: NDArray[np.intp],
    cutoff: float,
    labels: NDArray[np.generic],
) -> NDArray[np.float64]:
    """Return the distances of all pairs of a frame over all images, without the nearest image of one molecule."""
    cell = frames.cells[row]
    inverse = np.linalg.inv(cell)
    wrapped = (frames.positions[row] @ inverse) % 1.0
    margins = cutoff * np.linalg.norm(inverse, axis=0) + 1e-9  # in fractions of the height along each vector
    images, owners = _images(wrapped[second], second, margins)
    trees = (cKDTree(points @ cell) for points in (wrapped[first], images))
    found = next(trees).sparse_distance_matrix(next(trees), cutoff, output_type="ndarray")
    i, j, lengths = first[found["i"]], owners[found["j"]], found["v"]
    same = np.flatnonzero(labels[i] == labels[j])
    same = same[np.lexsort((lengths[same], j[same], i[same]))]
    nearest = np.unique(i[same] * frames.n_atoms + j[same], return_index=True)[1]
    return np.asarray(np.delete(lengths, same[nearest]))


def _images(
    points: NDArray[np.float64], owners: NDArray[np.intp], margins: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Return points of the unit cell and their images up to a margin around it, in fractions, and whose each is."""
    for axis, margin in enumerate(margins):
        shifts = np.arange(-np.ceil(margin), np.ceil(margin) + 1)
        points = (points + np.eye(3)[axis] * shifts[:, None, None]).reshape(-1, 3)
        near = (points[:, axis] >= -margin) & (points[:, axis] <= 1 + margin)
        points, owners = points[near], np.tile(owners, len(shifts))[near]
    return points, owners
