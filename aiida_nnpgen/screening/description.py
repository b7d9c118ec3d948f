"""Describe frames as a screening sees them: a vector of features, and further quantities."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..common.exceptions import InputError
from ..common.frames import Frames
from .base import measure
from .features import reduce_descriptors
from .flaws import CandidateFlaw
from .settings import FeatureSettings, QuantitySettings, ScreeningSettings

__all__ = ["FrameFeatures", "describe", "measure_all", "structure_features"]

_ATOMS_AT_ONCE = 4096  # of 1600 features each: some 50 MB of descriptors at a time
_NO_QUANTITIES = np.empty((0, 0))


@dataclass(frozen=True, eq=False)
class FrameFeatures:
    """Frames as a screening sees them: the candidates, or the present dataset.

    :ivar features: one vector per frame, (n, d).
    :ivar quantities: further axes, (n, n_quantities); left out: screening in 2D.
    """

    features: NDArray[np.float64]
    quantities: NDArray[np.float64] = field(default_factory=lambda: _NO_QUANTITIES)

    def __post_init__(self) -> None:
        features = np.asarray(self.features, dtype=np.float64)
        is_flat = self.quantities is _NO_QUANTITIES
        quantities = np.empty((len(features), 0)) if is_flat else np.asarray(self.quantities, dtype=np.float64)
        if quantities.ndim != 2 or len(quantities) != len(features):
            raise InputError(f"`quantities` has shape {quantities.shape}, expected ({len(features)}, n_quantities)")
        object.__setattr__(self, "features", features)
        object.__setattr__(self, "quantities", quantities)

    def __len__(self) -> int:
        return len(self.features)


def describe(
    parts: Sequence[Frames],
    descriptors: Callable[[Frames], ArrayLike],
    settings: ScreeningSettings,
    elements: Sequence[str],
    flaws: ArrayLike | None = None,
) -> FrameFeatures:
    """Return features and quantities of frames; NaN for frames with a flaw, and where there is none.

    :param parts: frames, one entry per composition.
    :param descriptors: gives per-atom features, (n_frames, n_atoms, n_features).
    :param settings: of the screening.
    :param elements: chemical symbols of all compositions.
    :param flaws: non-zero for frames to leave out, over all parts, (n_frames,).
    """
    return FrameFeatures(
        structure_features(parts, descriptors, settings.features, elements, flaws),
        measure_all(parts, settings.quantities, flaws),
    )


def structure_features(
    parts: Sequence[Frames],
    descriptors: Callable[[Frames], ArrayLike],
    settings: FeatureSettings,
    elements: Sequence[str],
    flaws: ArrayLike | None = None,
) -> NDArray[np.float64]:
    """Return one feature vector per frame, (n_frames, d), in chunks that bound the memory.

    Frames with a flaw, or with a descriptor that is not finite, have NaN.

    :param parts: frames, one entry per composition.
    :param descriptors: gives per-atom features, (n_frames, n_atoms, n_features).
    :param settings: how atoms are reduced.
    :param elements: chemical symbols of all compositions.
    :param flaws: non-zero for frames to leave out, over all parts, (n_frames,).
    """
    total = sum(len(part) for part in parts)
    skip = np.zeros(total, dtype=bool) if flaws is None else np.asarray(flaws) != CandidateFlaw.NONE
    result = np.empty((total, 0))
    first = 0
    for part in parts:
        rows = np.flatnonzero(~skip[first : first + len(part)])
        size = max(1, _ATOMS_AT_ONCE // max(1, part.n_atoms))
        for start in range(0, len(rows), size):
            chunk = rows[start : start + size]
            raw = np.asarray(descriptors(part[chunk]), dtype=np.float64)
            finite = np.isfinite(raw).all(axis=tuple(range(1, raw.ndim)))
            chunk, raw = chunk[finite], raw[finite]
            values = reduce_descriptors(raw, part.numbers, reduction=settings.reduction, elements=elements)
            if result.shape[1] == 0:
                result = np.full((total, values.shape[1]), np.nan)
            result[first + chunk] = values
        first += len(part)
    return result


def measure_all(
    parts: Sequence[Frames], quantities: Sequence[QuantitySettings], flaws: ArrayLike | None = None
) -> NDArray[np.float64]:
    """Return the quantities of all frames, (n_frames, n_quantities).

    Frames with a flaw have NaN, and so have those for which a quantity is not defined, such as the distance of a pair
    of elements that a composition does not have.

    :param parts: frames, one entry per composition.
    :param quantities: which ones.
    :param flaws: non-zero for frames to leave out, over all parts, (n_frames,).
    :raises InputError: if a quantity is defined for none of the frames.
    """
    total = sum(len(part) for part in parts)
    skip = np.zeros(total, dtype=bool) if flaws is None else np.asarray(flaws) != CandidateFlaw.NONE
    result = np.full((total, len(quantities)), np.nan)
    refusals: dict[int, str] = {}
    first = 0
    for part in parts:
        rows = np.flatnonzero(~skip[first : first + len(part)])
        for column, quantity in enumerate(quantities):
            if len(rows):
                result[first + rows, column], refusal = _measure_each(quantity, part[rows])
                refusals.setdefault(column, refusal)
        first += len(part)
    for column, quantity in enumerate(quantities):
        if not skip.all() and not np.isfinite(result[~skip, column]).any():
            reason = refusals.get(column) or "no value is finite"
            raise InputError(f"quantity `{quantity.name}` is defined for none of the frames: {reason}")
    return result


def _measure_each(quantity: QuantitySettings, frames: Frames) -> tuple[NDArray[np.float64], str]:
    """Return a quantity of each frame, NaN for those for which it is refused, and the first refusal.

    A quantity refuses all frames that it is given together: only then is each tried by itself.
    """
    try:
        return measure(quantity.name, frames, quantity.keywords), ""
    except InputError as exception:
        refusal = str(exception)
    if len(frames) == 1:
        return np.array([np.nan]), refusal
    return np.concatenate([_measure_each(quantity, frames[[row]])[0] for row in range(len(frames))]), refusal
