"""From candidates and the present dataset to the candidates worth a label."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..common.exceptions import InputError
from ..common.frames import Frames
from .base import measure, select
from .checks import check_count, check_matrix
from .embedding import embed, normalise
from .features import reduce_descriptors
from .geometry import DropReason, GeometrySettings, check_geometry
from .settings import FeatureSettings, QuantitySettings, ReducerSettings, SelectorSettings

__all__ = ["Screened", "drop_reasons", "measure_all", "screen", "structure_features"]

_ATOMS_AT_ONCE = 4096  # of 1600 features each: some 50 MB of descriptors at a time


@dataclass(frozen=True, eq=False, kw_only=True)
class Screened:
    """What a screening gives.

    :ivar candidate_points: normalised coordinates, (n, 2 + n_quantities); NaN where the candidate was dropped.
    :ivar dataset_points: normalised coordinates of the dataset, (m, 2 + n_quantities).
    :ivar selected: sorted indices of the selected candidates.
    :ivar dropped: :class:`~aiida_nnpgen.screening.geometry.DropReason` of each candidate, (n,).
    """

    candidate_points: NDArray[np.float64]
    dataset_points: NDArray[np.float64]
    selected: NDArray[np.int64]
    dropped: NDArray[np.int8]

    def count_dropped(self) -> dict[str, int]:
        """Return how many candidates were dropped for each reason that occurred."""
        codes, counts = np.unique(self.dropped, return_counts=True)
        return {DropReason(code).label: int(count) for code, count in zip(codes, counts, strict=True) if code}


def screen(
    candidate_features: ArrayLike,
    dataset_features: ArrayLike,
    n_max: int,
    *,
    candidate_quantities: ArrayLike | None = None,
    dataset_quantities: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    dropped: ArrayLike | None = None,
    pca_dims: int | None = None,
    reducer: ReducerSettings | None = None,
    selector: SelectorSettings | None = None,
    seed: int = 0,
) -> Screened:
    """Place candidates and dataset on one map, add the quantities as axes, and select.

    :param candidate_features: one vector per candidate, (n, d); rows of dropped candidates are not looked at.
    :param dataset_features: one vector per structure of the dataset, (m, d).
    :param n_max: largest number of candidates to select.
    :param candidate_quantities: (n, n_quantities), or None: screening in 2D.
    :param dataset_quantities: (m, n_quantities), or None.
    :param weights: lengths of the axes of the quantities, (n_quantities,); None: all 1, as the axes of the map.
    :param dropped: :class:`~aiida_nnpgen.screening.geometry.DropReason` of each candidate, (n,); None: all are kept.
    :param pca_dims: principal components of the features that go into the reducer; None: all features.
    :param reducer: from features to the map; None: PCA.
    :param selector: how points are chosen; None: removal from the closest pair.
    :param seed: of the reducer and the selector.
    :raises InputError: if lengths do not match, or a value is not finite (the frame is named).
    """
    keep, axes, choice = check_count(n_max), reducer or ReducerSettings(), selector or SelectorSettings()
    candidates = np.asarray(candidate_features, dtype=np.float64)
    codes = np.zeros(len(candidates), dtype=np.int8) if dropped is None else np.asarray(dropped, dtype=np.int8)
    if codes.shape != (len(candidates),):
        raise InputError(f"`dropped` has shape {codes.shape}, expected ({len(candidates)},)")
    rows = np.flatnonzero(codes == DropReason.KEPT)
    old = check_matrix(dataset_features, "dataset_features")
    new = _kept(candidates, rows, "candidate_features", old.shape[1] if len(old) else None)
    both = np.concatenate([new, old]) if len(new) and len(old) else (new if len(new) else old)
    if pca_dims is not None and pca_dims < both.shape[1]:
        both = embed(both, "pca", n_dims=pca_dims)
    points = embed(both, axes.method, n_dims=2, seed=seed, fit_size=axes.fit_size, **axes.keywords)
    extra_new, extra_old = _quantities(candidate_quantities, dataset_quantities, len(candidates), rows, len(old))
    lengths = np.ones(extra_old.shape[1]) if weights is None else np.asarray(weights, dtype=np.float64)
    placed, present = normalise(
        np.column_stack([points[: len(new)], extra_new]),
        np.column_stack([points[len(new) :], extra_old]),
        np.concatenate([np.ones(2), lengths]),
    )
    selected = rows[select(choice.name, placed, keep, present, seed=seed, keywords=choice.keywords)]
    candidate_points = np.full((len(candidates), placed.shape[1]), np.nan)
    candidate_points[rows] = placed
    return Screened(
        candidate_points=candidate_points, dataset_points=present, selected=selected.astype(np.int64), dropped=codes
    )


def structure_features(
    parts: Sequence[Frames],
    describe: Callable[[Frames], ArrayLike],
    settings: FeatureSettings,
    elements: Sequence[str],
    dropped: ArrayLike | None = None,
) -> NDArray[np.float64]:
    """Return one feature vector per frame, (n_frames, d), in chunks that bound the memory; NaN for dropped frames.

    :param parts: frames, one entry per composition.
    :param describe: gives per-atom features, (n_frames, n_atoms, n_features).
    :param settings: how atoms are reduced.
    :param elements: chemical symbols of all compositions.
    :param dropped: non-zero for frames to leave out, over all parts, (n_frames,).
    """
    total = sum(len(part) for part in parts)
    skip = np.zeros(total, dtype=bool) if dropped is None else np.asarray(dropped) != DropReason.KEPT
    result = np.empty((total, 0))
    first = 0
    for part in parts:
        rows = np.flatnonzero(~skip[first : first + len(part)])
        size = max(1, _ATOMS_AT_ONCE // max(1, part.n_atoms))
        for start in range(0, len(rows), size):
            chunk = rows[start : start + size]
            values = reduce_descriptors(
                describe(part[chunk]), part.numbers, reduction=settings.reduction, elements=elements
            )
            if result.shape[1] == 0:
                result = np.full((total, values.shape[1]), np.nan)
            result[first + chunk] = values
        first += len(part)
    return result


def measure_all(
    parts: Sequence[Frames], quantities: Sequence[QuantitySettings], dropped: ArrayLike | None = None
) -> NDArray[np.float64]:
    """Return the quantities of all frames, (n_frames, n_quantities); NaN for dropped frames.

    :param parts: frames, one entry per composition.
    :param quantities: which ones.
    :param dropped: non-zero for frames to leave out, over all parts, (n_frames,).
    """
    total = sum(len(part) for part in parts)
    skip = np.zeros(total, dtype=bool) if dropped is None else np.asarray(dropped) != DropReason.KEPT
    result = np.full((total, len(quantities)), np.nan)
    first = 0
    for part in parts:
        rows = np.flatnonzero(~skip[first : first + len(part)])
        for column, quantity in enumerate(quantities):
            if len(rows):
                result[first + rows, column] = measure(quantity.name, part[rows], quantity.keywords)
        first += len(part)
    return result


def drop_reasons(
    candidates: Sequence[Frames], dataset: Sequence[Frames], settings: GeometrySettings | None
) -> NDArray[np.int8]:
    """Return why each candidate is dropped, over all parts, (n_frames,).

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
    """Return finite rows; a message counts frames among all, dropped ones included."""
    if values.ndim == 2 and len(rows) < len(values):
        filled = np.zeros_like(values)
        filled[rows] = values[rows]
        values = filled
    if values.size == 0:
        return np.empty((len(rows), width or 0))
    return check_matrix(values, name, width)[rows]


def _quantities(
    candidates: ArrayLike | None, dataset: ArrayLike | None, n_candidates: int, rows: NDArray[np.intp], n_dataset: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if candidates is None and dataset is None:
        return np.empty((len(rows), 0)), np.empty((n_dataset, 0))
    if candidates is None or dataset is None:
        raise InputError("quantities are needed of the candidates and of the dataset, or of neither")
    new, old = np.asarray(candidates, dtype=np.float64), np.asarray(dataset, dtype=np.float64)
    for name, values, length in (("candidate_quantities", new, n_candidates), ("dataset_quantities", old, n_dataset)):
        if values.ndim != 2 or len(values) != length:
            raise InputError(f"`{name}` has shape {values.shape}, expected ({length}, n_quantities)")
    return _kept(new, rows, "candidate_quantities", old.shape[1]), check_matrix(old, "dataset_quantities")
