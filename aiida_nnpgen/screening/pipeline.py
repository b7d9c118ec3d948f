"""From candidates and the present dataset to the candidates worth a label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..common.exceptions import InputError
from ..common.frames import Frames
from .base import select
from .checks import check_matrix
from .description import FrameFeatures
from .embedding import embed, normalise
from .flaws import CandidateFlaw
from .geometry import GeometrySettings, check_geometry
from .settings import ScreeningSettings

__all__ = ["Screened", "geometry_flaws", "screen"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Screened:
    """What a screening gives.

    :ivar candidate_points: normalised coordinates, (n, 2 + n_quantities); NaN where the candidate was dropped.
    :ivar dataset_points: normalised coordinates of the dataset, (m, 2 + n_quantities).
    :ivar selected: sorted indices of the selected candidates.
    :ivar dropped: :class:`~aiida_nnpgen.screening.flaws.CandidateFlaw` of each candidate, (n,).
    """

    candidate_points: NDArray[np.float64]
    dataset_points: NDArray[np.float64]
    selected: NDArray[np.int64]
    dropped: NDArray[np.int8]

    def count_dropped(self) -> dict[str, int]:
        """Return how many candidates were dropped for each reason that occurred."""
        codes, counts = np.unique(self.dropped, return_counts=True)
        return {CandidateFlaw(code).label: int(count) for code, count in zip(codes, counts, strict=True) if code}


def screen(
    candidates: FrameFeatures,
    dataset: FrameFeatures,
    settings: ScreeningSettings,
    seed: int = 0,
    flaws: ArrayLike | None = None,
) -> Screened:
    """Place candidates and dataset on one map, add the quantities as axes, and select.

    Of the settings, those of the window and of the geometry have acted before: they chose the candidates and the flaws.

    :param candidates: rows of those with a flaw are not looked at.
    :param dataset: what is labelled already.
    :param settings: of the screening; its quantities belong to the columns of quantities, in order.
    :param seed: of the reducer and the selector.
    :param flaws: :class:`~aiida_nnpgen.screening.flaws.CandidateFlaw` of each candidate, (n,); None: all are sound.
    :raises InputError: if lengths do not match, or a value is not finite (the frame is named).
    """
    codes = np.zeros(len(candidates), dtype=np.int8) if flaws is None else np.asarray(flaws, dtype=np.int8)
    if codes.shape != (len(candidates),):
        raise InputError(f"`flaws` has shape {codes.shape}, expected ({len(candidates)},)")
    rows = np.flatnonzero(codes == CandidateFlaw.NONE)
    present = check_matrix(dataset.features, "features of the dataset")
    new = _kept(candidates.features, rows, "features of the candidates", present.shape[1] if len(present) else None)
    points = _map(new, present, settings, seed)
    extra_new, extra_old = _quantities(candidates, dataset, rows, len(settings.quantities))
    placed, fixed = normalise(
        np.column_stack([points[: len(new)], extra_new]),
        np.column_stack([points[len(new) :], extra_old]),
        [1.0, 1.0, *(quantity.weight for quantity in settings.quantities)],
    )
    choice = settings.selector
    selected = rows[select(choice.name, placed, settings.n_max, fixed, seed=seed, keywords=choice.keywords)]
    candidate_points = np.full((len(candidates), placed.shape[1]), np.nan)
    candidate_points[rows] = placed
    return Screened(
        candidate_points=candidate_points, dataset_points=fixed, selected=selected.astype(np.int64), dropped=codes
    )


def geometry_flaws(
    candidates: Sequence[Frames], dataset: Sequence[Frames], settings: GeometrySettings | None
) -> NDArray[np.int8]:
    """Return the flaw of each candidate for which it is dropped, over all parts, (n_frames,).

    The start structure of a part is the first frame of the dataset with the same atoms.

    :param candidates: frames, one entry per composition.
    :param dataset: frames, one entry per composition.
    :param settings: which filters act; None: only coordinates that are not finite are dropped.
    """
    options = settings or GeometrySettings(overlap=None)
    codes = [np.zeros(0, dtype=np.int8)]
    for part in candidates:
        same = [other for other in dataset if len(other) and np.array_equal(other.numbers, part.numbers)]
        codes.append(check_geometry(part, options, same[0][:1] if same else None))
    return np.concatenate(codes)


def _kept(values: NDArray[np.float64], rows: NDArray[np.intp], name: str, width: int | None) -> NDArray[np.float64]:
    """Return finite rows; a message counts frames among all, those with a flaw included."""
    if values.ndim == 2 and len(rows) < len(values):
        filled = np.zeros_like(values)
        filled[rows] = values[rows]
        values = filled
    if values.size == 0:
        return np.empty((len(rows), width or 0))
    return check_matrix(values, name, width)[rows]


def _map(
    new: NDArray[np.float64], present: NDArray[np.float64], settings: ScreeningSettings, seed: int
) -> NDArray[np.float64]:
    """Return two coordinates of every candidate and, after them, of every structure of the dataset."""
    both = np.concatenate([new, present]) if len(new) and len(present) else (new if len(new) else present)
    dims, reducer = settings.features.pca_dims, settings.reducer
    if dims is not None and dims < both.shape[1]:
        both = embed(both, "pca", n_dims=dims)
    return embed(both, reducer.method, n_dims=2, seed=seed, fit_size=reducer.fit_size, **reducer.keywords)


def _quantities(
    candidates: FrameFeatures, dataset: FrameFeatures, rows: NDArray[np.intp], count: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the finite quantities of both, as many as the settings have."""
    for name, values in (("candidates", candidates.quantities), ("dataset", dataset.quantities)):
        if values.shape[1] != count:
            raise InputError(f"the {name} have {values.shape[1]} quantities, the settings {count}")
    new = _kept(candidates.quantities, rows, "quantities of the candidates", count)
    return new, check_matrix(dataset.quantities, "quantities of the dataset", count)
