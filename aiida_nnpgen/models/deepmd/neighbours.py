"""How many neighbours an atom may have."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase.data import atomic_numbers
from ase.neighborlist import neighbor_list
from numpy.typing import NDArray

from ...common.exceptions import InputError
from ...common.frames import Frames

__all__ = ["COMPRESSION", "count_neighbours", "estimate_sel"]

COMPRESSION = 0.7
"""Fraction of its volume to which a structure may be compressed before an atom has more neighbours than estimated."""

_SAMPLE = 20
_MULTIPLE = 4


def count_neighbours(frames: Frames, elements: Sequence[str], cutoff: float) -> NDArray[np.int64]:
    """Count the neighbours of every atom, periodic images included.

    :param elements: chemical symbols of the neighbours to tell apart.
    :param cutoff: Å.
    :return: (n_frames, n_atoms, n_elements).
    """
    counts = np.zeros((len(frames), frames.n_atoms, len(elements)), dtype=np.int64)
    kinds = np.array([frames.numbers == atomic_numbers[element] for element in elements]).argmax(axis=0)
    for row, atoms in enumerate(frames.without_labels().to_atoms()):
        centres, neighbours = neighbor_list("ij", atoms, cutoff)
        np.add.at(counts[row], (centres, kinds[neighbours]), 1)
    return counts


def estimate_sel(
    frames: Sequence[Frames], elements: Sequence[str], cutoff: float, margin: float = 1.0
) -> tuple[int, ...]:
    """Return a number of neighbours per element that no atom should exceed.

    Counted are those within the radius that becomes the cutoff when the volume shrinks to 70 %. The largest number in a
    sample of the frames, their densest among it, times a margin, is rounded up to a multiple of 4. A model keeps these
    numbers for life: estimate them once, from the first dataset.

    :param frames: frames of every composition.
    :param elements: chemical symbols in the order of the model's types.
    :param cutoff: Å.
    :param margin: factor for structures more uneven than those given.
    :return: one number per element, at least 4.
    :raises InputError: if there are no frames or they hold other elements.
    """
    if not any(len(part) for part in frames):
        raise InputError("no frames given to count neighbours in")
    radius = cutoff / COMPRESSION ** (1 / 3)
    largest = np.zeros(len(elements))
    for part in frames:
        foreign = sorted(set(part.symbols) - set(elements))
        if foreign:
            raise InputError(f"`{', '.join(foreign)}` is not among the elements {', '.join(elements)}")
        if not len(part):
            continue
        spread = np.unique(np.linspace(0, len(part) - 1, _SAMPLE).round().astype(np.int64))
        sample = part[np.argsort(part.volumes, kind="stable")[spread]]
        largest = np.maximum(largest, count_neighbours(sample, elements, radius).max(axis=(0, 1)))
    blocks = np.ceil(largest * margin / _MULTIPLE).astype(np.int64)
    return tuple(int(number) for number in np.maximum(blocks, 1) * _MULTIPLE)
