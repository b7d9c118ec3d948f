"""What leaves the range of the training data first where dynamics fails: distances of a pair of elements, or the box.

Matsumura et al. found by hand that short O-H distances in propylene glycol, and short H-H distances in polyethylene
glycol, make dynamics collapse: no frame of their data held such a distance. Here the data and the last good frames of
runs that failed are compared, pair by pair of elements.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
from ase.data import chemical_symbols
from numpy.typing import NDArray

from ..common.exceptions import InputError
from ..common.frames import Frames
from ..common.molecules import Molecules, bonds, near_pairs

__all__ = ["TOLERANCE", "Departure", "Ranges", "diagnose", "most_common", "training_ranges"]

SCOPES = ("bond", "intra", "inter")
"""Bonded atoms; others of one molecule; atoms of two molecules."""
VOLUME = "volume"
TOLERANCE = 0.05
"""Share of a limit by which it must be passed: hotter dynamics goes a little beyond any data."""

Measure = tuple[str, ...]
"""What is measured: ``(element, element, scope, "short" or "long")``, or ``("volume", "short" or "long")``."""


@dataclass(frozen=True, kw_only=True)
class Departure:
    """The first thing by which a run left the range of the training data.

    :ivar row: frame of the run that was the first outside.
    :ivar pair: chemical symbols in alphabetical order; None: the volume per atom left its range.
    :ivar scope: ``bond``, ``intra`` (one molecule, not bonded) or ``inter`` (two molecules); None for the volume.
    :ivar value: of that frame: Å, or Å³ per atom.
    :ivar limit: end of the range of the training data that it passed, in the same unit.
    """

    row: int
    pair: tuple[str, str] | None
    scope: str | None
    value: float
    limit: float

    @property
    def cause(self) -> Measure:
        """Return what is the same in runs that fail alike."""
        side = "short" if self.value < self.limit else "long"
        return (VOLUME, side) if self.pair is None else (*self.pair, str(self.scope), side)

    def describe(self) -> str:
        """Return one sentence for the user."""
        side = "below the least" if self.value < self.limit else "above the largest"
        if self.pair is None:
            return f"the volume per atom is {self.value:.2f} Å³, {side} of the training data, {self.limit:.2f}"
        names = {"bond": "bonded", "intra": "of one molecule", "inter": "of two molecules"}
        what = f"{'-'.join(self.pair)} distance {names[str(self.scope)]}"
        return f"{what}: {self.value:.2f} Å, {side} of the training data, {self.limit:.2f} Å"


@dataclass(frozen=True, kw_only=True)
class Ranges:
    """What the training data hold.

    :ivar low: least value of each measure on the short side.
    :ivar high: largest value of each measure on the long side.
    """

    low: dict[Measure, float]
    high: dict[Measure, float]

    def limit(self, measure: Measure) -> float | None:
        """Return the end of the range of a measure; None if the data hold nothing of the kind."""
        return (self.low if measure[-1] == "short" else self.high).get(measure)


def training_ranges(parts: Sequence[Frames]) -> Ranges:
    """Return the shortest and longest distances, and the volumes, in training data.

    Molecules follow from the bonds of each frame by itself: atoms closer than 1.25 times the sum of their covalent
    radii are bonded.

    :param parts: frames, one entry per composition.
    :raises InputError: if there are none.
    """
    if not any(len(part) for part in parts):
        raise InputError("a diagnosis needs training data to compare with, and there are none")
    found: dict[Measure, list[float]] = {}
    for part in parts:
        if len(part):
            for measure, values in _measure(part, per_frame=True).items():
                found.setdefault(measure, []).append(float((min if measure[-1] == "short" else max)(values)))
    low = {measure: min(values) for measure, values in found.items() if measure[-1] == "short"}
    high = {measure: max(values) for measure, values in found.items() if measure[-1] == "long"}
    return Ranges(low=low, high=high)


def diagnose(ranges: Ranges, run: Frames, tolerance: float = TOLERANCE) -> Departure | None:
    """Return what left the range of the training data first in a run that failed, and stayed outside until the end.

    If nothing is outside in its last good frame, that which went out furthest before counts.

    :param run: its start and its last good frames, whose atoms move without jumps; bonds and molecules are those of
        the first frame, so that atoms which come too close stay what they are.
    :param tolerance: share of a limit by which it must be passed.
    :return: None if neither a distance nor the volume left its range.
    """
    if not len(run):
        return None
    excess: dict[Measure, NDArray[np.float64]] = {}
    values = _measure(run, per_frame=False)
    for measure, column in values.items():
        limit = ranges.limit(measure)
        if limit is not None:
            excess[measure] = (limit - column if measure[-1] == "short" else column - limit) / limit
    outside = {measure: column > tolerance for measure, column in excess.items()}
    # The row after the last one inside, where the last row is outside.
    lasting = {
        measure: int(np.flatnonzero(np.append(True, ~rows))[-1]) for measure, rows in outside.items() if rows[-1]
    }
    if lasting:
        measure = min(lasting, key=lambda each: (lasting[each], -excess[each].max(), each))
        row = lasting[measure]
    else:
        measure = max(excess, key=lambda each: (excess[each].max(), each), default=())
        if not measure or not outside[measure].any():
            return None
        row = int(np.argmax(outside[measure]))
    limit = ranges.limit(measure)
    assert limit is not None  # only what has one is in excess
    is_volume = measure[0] == VOLUME
    return Departure(
        row=row,
        pair=None if is_volume else (measure[0], measure[1]),
        scope=None if is_volume else measure[2],
        value=float(values[measure][row]),
        limit=limit,
    )


def most_common(departures: Sequence[Departure | None]) -> tuple[Departure, int] | None:
    """Return a departure of the kind that most runs share, its most extreme case, and how many share it.

    :return: None if no run has any. A tie is decided by the largest excess.
    """
    known = [each for each in departures if each is not None]
    if not known:
        return None
    counts = Counter(each.cause for each in known)
    count = max(counts.values())
    best = max((each for each in known if counts[each.cause] == count), key=_relative_excess)
    return best, count


def _relative_excess(departure: Departure) -> float:
    return abs(departure.value - departure.limit) / departure.limit


def _measure(frames: Frames, *, per_frame: bool) -> dict[Measure, NDArray[np.float64]]:
    """Return every measure of each frame, (n_frames,); infinite where a frame has no such pair.

    :param per_frame: whether bonds are looked for in each frame, or in the first one alone.
    """
    n_atoms = frames.n_atoms
    first, second = np.triu_indices(n_atoms, k=1)
    symbols = sorted({chemical_symbols[number] for number in frames.numbers.tolist()})
    pairs = list(combinations_with_replacement(symbols, 2))
    ordinal = np.array([symbols.index(symbol) for symbol in frames.symbols])
    table = np.zeros((len(symbols), len(symbols)), dtype=int)
    for index, (one, two) in enumerate(pairs):
        table[symbols.index(one), symbols.index(two)] = table[symbols.index(two), symbols.index(one)] = index
    kinds = table[ordinal[first], ordinal[second]]
    found = bonds(frames if per_frame else frames[:1])
    shortest = np.full((len(frames), len(pairs) * len(SCOPES)), np.inf)
    longest = np.full((len(frames), len(pairs)), -np.inf)
    for rows, distances, shifts in near_pairs(frames, first, second):
        for row, lengths, shift in zip(range(rows.start, rows.stop), distances, shifts, strict=True):
            if per_frame or row == 0:
                bonded, molecules = _bonded(n_atoms, *next(found))
            scope = np.where(bonded, 0, np.where(molecules.are_one(first, second, shift), 1, 2))
            np.minimum.at(shortest[row], kinds * len(SCOPES) + scope, lengths)
            np.maximum.at(longest[row], kinds[bonded], lengths[bonded])
    measures: dict[Measure, NDArray[np.float64]] = {}
    for index, pair in enumerate(pairs):
        for number, scope_name in enumerate(SCOPES):
            column = shortest[:, index * len(SCOPES) + number]
            if np.isfinite(column).any():
                measures[*pair, scope_name, "short"] = column
        if np.isfinite(longest[:, index]).any():
            measures[*pair, SCOPES[0], "long"] = longest[:, index]
    volumes = frames.volumes / n_atoms
    return measures | {(VOLUME, "short"): volumes, (VOLUME, "long"): volumes}


def _bonded(n_atoms: int, pairs: NDArray[np.intp], shifts: NDArray[np.int64]) -> tuple[NDArray[np.bool_], Molecules]:
    """Return which pairs i < j are bonded, in the order of ``triu_indices``, and the molecules."""
    matrix = np.zeros((n_atoms, n_atoms), dtype=bool)
    matrix[pairs[:, 0], pairs[:, 1]] = True
    return matrix[np.triu_indices(n_atoms, k=1)], Molecules.from_bonds(n_atoms, pairs, shifts)
