"""What a reducer, a selector and a quantity must offer, and how a selector is called."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Protocol, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..common import plugins
from ..common.exceptions import InputError
from ..common.frames import Frames

__all__ = [
    "QUANTITIES",
    "REDUCERS",
    "SELECTORS",
    "Reducer",
    "Selector",
    "check_keywords",
    "load_function",
    "load_reducer",
    "measure",
    "select",
]

REDUCERS = "nnpgen.reducers"
"""Entry point group of classes that fulfil :class:`Reducer`."""
SELECTORS = "nnpgen.selectors"
"""Entry point group of functions that fulfil :class:`Selector`."""
QUANTITIES = "nnpgen.quantities"
"""Entry point group of functions ``(frames, **keywords) -> (n_frames,)``."""

_GIVEN: Mapping[str, tuple[str, ...]] = {REDUCERS: (), SELECTORS: ("points", "n_max", "fixed"), QUANTITIES: ("frames",)}
"""Arguments that each of a group is called with, beside the user's keywords."""


class Reducer(Protocol):
    """A map from features to a few coordinates.

    The constructor takes keywords only, and only stores them. Any number of frames from one on must work.
    """

    def fit_transform(self, features: NDArray[np.float64], n_dims: int, seed: int) -> NDArray[np.float64]:
        """Fit the map to features, (n, d), and return their coordinates, (n, n_dims); equal seeds, equal results."""

    def transform(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return coordinates of further features in the map that was fitted, (m, n_dims)."""


class Selector(Protocol):
    """A choice among points.

    A selector with a random element declares a keyword ``seed``; only such a selector is given one.
    """

    def __call__(self, points: ArrayLike, n_max: int, fixed: ArrayLike | None = None) -> NDArray[np.int64]:
        """Return sorted indices of at most ``n_max`` points, (n, k), in the presence of fixed points, (m, k)."""


def load_function(group: str, name: str) -> Callable[..., object]:
    """Return what is registered under a name.

    :param group: entry point group.
    :param name: registered name or import path ``module:attribute``.
    :raises InputError: if there is no such name, or it cannot be called.
    """
    found = plugins.load_either(group, name)
    if not callable(found):
        raise InputError(f"`{name}` of `{group}` cannot be called")
    return cast("Callable[..., object]", found)


def check_keywords(group: str, name: str, keywords: Mapping[str, object]) -> None:
    """Refuse keywords that a function does not take.

    :param group: entry point group.
    :param name: registered name or import path.
    :param keywords: beside the arguments that are given anyway.
    :raises InputError: if there is no such function, or it does not take a keyword.
    """
    try:
        inspect.signature(load_function(group, name)).bind(*_GIVEN[group], **keywords)
    except (TypeError, ValueError) as exception:
        raise InputError(f"`{name}` of `{group}`: {exception}") from exception


def load_reducer(method: str, keywords: Mapping[str, object]) -> Reducer:
    """Return a reducer.

    :param method: registered name or import path ``module:attribute``.
    :param keywords: its own keywords.
    :raises InputError: if there is no such reducer, or it has no such keyword.
    """
    check_keywords(REDUCERS, method, keywords)
    factory = load_function(REDUCERS, method)
    if not callable(getattr(factory, "fit_transform", None)):
        raise InputError(f"`{method}` is no reducer: it has no `fit_transform`")
    return cast(Reducer, factory(**keywords))


def measure(name: str, frames: Frames, keywords: Mapping[str, object]) -> NDArray[np.float64]:
    """Return a quantity of each frame, (n_frames,).

    :param name: registered name or import path ``module:attribute``.
    :param frames: configurations.
    :param keywords: of the quantity.
    :raises InputError: if there is no such quantity, it has no such keyword, or a value is not finite.
    """
    check_keywords(QUANTITIES, name, keywords)
    values = np.asarray(load_function(QUANTITIES, name)(frames, **keywords), dtype=np.float64)
    if values.shape != (len(frames),):
        raise InputError(f"quantity `{name}` has shape {values.shape}, expected ({len(frames)},)")
    if not np.isfinite(values).all():
        row = int(np.argmin(np.isfinite(values)))
        raise InputError(f"quantity `{name}` of frame {row} is `{values[row]}`: it cannot be an axis")
    return values


def select(
    name: str,
    points: ArrayLike,
    n_max: int,
    fixed: ArrayLike | None = None,
    *,
    seed: int = 0,
    keywords: Mapping[str, object] | None = None,
) -> NDArray[np.int64]:
    """Return the points that a selector keeps.

    :param name: registered name or import path ``module:attribute``.
    :param points: normalised coordinates, (n, k).
    :param n_max: how many to keep at most.
    :param fixed: normalised coordinates of the present dataset, (m, k).
    :param seed: passed on if the selector declares it.
    :param keywords: the selector's own keywords.
    :return: sorted indices.
    :raises InputError: if there is no such selector, or it has no such keyword.
    """
    selector = load_function(SELECTORS, name)
    options = dict(keywords or {})
    if "seed" in inspect.signature(selector).parameters:
        options.setdefault("seed", seed)
    check_keywords(SELECTORS, name, options)
    return cast("NDArray[np.int64]", selector(points, n_max, fixed, **options))
