"""From candidates and the present dataset to the candidates worth a label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

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
    :ivar dataset_points: normalised coordinates of the dataset, (m, 2 + n_quantities); NaN where it has no place.
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

    :param candidates: rows of those with a flaw are not looked at; those with a value that is not finite are dropped.
    :param dataset: what is labelled already; rows with a value that is not finite have no place on the map.
    :param settings: of the screening; its quantities belong to the columns of quantities, in order.
    :param seed: of the reducer and the selector.
    :param flaws: :class:`~aiida_nnpgen.screening.flaws.CandidateFlaw` of each candidate, (n,); None: all are sound.
    :raises InputError: if lengths do not match, or no candidate or no frame of the dataset has a place.
    """
    codes = np.zeros(len(candidates), dtype=np.int8) if flaws is None else np.asarray(flaws, dtype=np.int8)
    if dataset.quantities.shape[1] != len(settings.quantities):
        count = dataset.quantities.shape[1]
        raise InputError(f"the dataset has {count} quantities, the settings {len(settings.quantities)}")
    if codes.shape != (len(candidates),):
        raise InputError(f"`flaws` has shape {codes.shape}, expected ({len(candidates)},)")
    codes = _undefined(candidates, codes, len(settings.quantities))
    rows = np.flatnonzero(codes == CandidateFlaw.NONE)
    present, known = _described(dataset)
    width = present.shape[1] if len(present) else None
    new = check_matrix(candidates.features[rows], "features of the candidates", width) if len(rows) else present[:0]
    points = _map(new, present, settings, seed)
    extra_new, extra_old = candidates.quantities[rows], dataset.quantities[known]
    placed, fixed = normalise(
        np.column_stack([points[: len(new)], extra_new]),
        np.column_stack([points[len(new) :], extra_old]),
        [1.0, 1.0, *(quantity.weight for quantity in settings.quantities)],
    )
    candidate_points, dataset_points = (np.full((len(part), placed.shape[1]), np.nan) for part in (candidates, dataset))
    candidate_points[rows], dataset_points[known] = placed, fixed
    choice = settings.selector
    selected = rows[select(choice.name, placed, settings.n_max, fixed, seed=seed, keywords=choice.keywords)]
    return Screened(
        candidate_points=candidate_points,
        dataset_points=dataset_points,
        selected=selected.astype(np.int64),
        dropped=codes,
    )


def geometry_flaws(
    candidates: Sequence[Frames], dataset: Sequence[Frames], settings: GeometrySettings | None
) -> NDArray[np.int8]:
    """Return the flaw of each candidate for which it is dropped, over all parts, (n_frames,).

    The start structure of a part is the first frame of the dataset with the same atoms. Where torn bonds are asked for
    and there is none, the frames of that part cannot be judged, and are dropped.

    :param candidates: frames, one entry per composition.
    :param dataset: frames, one entry per composition.
    :param settings: which filters act; None: only coordinates that are not finite are dropped.
    :raises InputError: if torn bonds are asked for, and no part has a start structure.
    """
    options = settings or GeometrySettings(overlap=None)
    codes = [np.zeros(0, dtype=np.int8)]
    for part in candidates:
        same = [other for other in dataset if len(other) and np.array_equal(other.numbers, part.numbers)]
        if same or options.torn_bond is None:
            codes.append(check_geometry(part, options, same[0][:1] if same else None))
            continue
        found = check_geometry(part, replace(options, torn_bond=None))
        codes.append(np.where(found == CandidateFlaw.NONE, np.int8(CandidateFlaw.NO_START), found))
    joined = np.concatenate(codes)
    if (joined == CandidateFlaw.NO_START).any() and (joined != CandidateFlaw.NO_START).sum() == 0:
        raise InputError(
            "`torn_bond` needs an intact start, and the dataset has no frame with the atoms of a candidate"
        )
    return joined


def _undefined(candidates: FrameFeatures, codes: NDArray[np.int8], n_quantities: int) -> NDArray[np.int8]:
    """Return the flaws, with those of candidates that have no place on the map.

    :raises InputError: if all candidates that are left have none.
    """
    if candidates.quantities.shape[1] != n_quantities:
        raise InputError(
            f"the candidates have {candidates.quantities.shape[1]} quantities, the settings {n_quantities}"
        )
    result = codes.copy()
    for flaw, name in ((CandidateFlaw.NO_FEATURES, "features"), (CandidateFlaw.NO_QUANTITY, "quantities")):
        bad = ~np.isfinite(getattr(candidates, name)).all(axis=1)
        sound = result == CandidateFlaw.NONE
        if sound.any() and bad[sound].all():
            raise InputError(f"the {name} of all {int(sound.sum())} candidates are not finite: none can be placed")
        result[sound & bad] = flaw
    return result


def _described(dataset: FrameFeatures) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Return the features of those frames of the dataset that have a place on the map, and which these are.

    :raises InputError: if there are frames, and none has.
    """
    finite = np.isfinite(np.column_stack([dataset.features, dataset.quantities])).all(axis=1)
    if len(dataset) and not finite.any():
        raise InputError(f"none of the {len(dataset)} frames of the dataset has finite features and quantities")
    rows = np.flatnonzero(finite)
    return check_matrix(dataset.features[rows], "features of the dataset"), rows


def _map(
    new: NDArray[np.float64], present: NDArray[np.float64], settings: ScreeningSettings, seed: int
) -> NDArray[np.float64]:
    """Return two coordinates of every candidate and, after them, of every structure of the dataset."""
    both = np.concatenate([new, present]) if len(new) and len(present) else (new if len(new) else present)
    dims, reducer = settings.features.pca_dims, settings.reducer
    if dims is not None and dims < both.shape[1]:
        both = embed(both, "pca", n_dims=dims)
    return embed(both, reducer.method, n_dims=2, seed=seed, fit_size=reducer.fit_size, **reducer.keywords)
