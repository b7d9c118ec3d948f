"""Everything that can be chosen about screening."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import ClassVar, Literal, cast

from ..common import plugins
from ..common.exceptions import InputError
from .base import QUANTITIES, REDUCERS, SELECTORS, check_keywords
from .calibration import CalibrationSettings
from .features import REDUCTIONS, element_numbers
from .geometry import GeometrySettings
from .trust import check_window

__all__ = [
    "FeatureSettings",
    "QuantitySettings",
    "ReducerSettings",
    "ScreeningSettings",
    "SelectorSettings",
    "WindowSettings",
]

_FORBID: dict[str, object] = {"extra": "forbid"}


@dataclass(frozen=True, kw_only=True)
class WindowSettings:
    """The trust window.

    :ivar mode: ``fixed``, the bounds given here; or ``auto``, calibrated on validation frames in every iteration.
    :ivar lo: eV/Å, force deviation below which a frame is known; in mode ``auto``, until there is a calibration.
    :ivar hi: eV/Å, force deviation at or above which a frame has failed; likewise.
    :ivar percentile: of the deviations over the atoms of a frame; 100 is the maximum.
    :ivar calibration: what the bounds are to mean in mode ``auto``.
    :ivar energy: bounds of the energy deviation in eV per atom, or None.
    :ivar stress: bounds of the stress deviation in eV/Å³, or None.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = _FORBID

    mode: Literal["fixed", "auto"] = "fixed"
    lo: float = 0.15
    hi: float = 0.5
    percentile: float = 100.0
    calibration: CalibrationSettings = field(default_factory=CalibrationSettings)
    energy: tuple[float, float] | None = None
    stress: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.mode not in ("fixed", "auto"):
            raise InputError(f"`mode` of the trust window must be fixed or auto, not `{self.mode}`")
        check_window(self.lo, self.hi)
        for name in ("energy", "stress"):
            bounds = getattr(self, name)
            if bounds is None:
                continue
            if len(bounds) != 2:
                raise InputError(f"`{name}` of the trust window must be two bounds, not `{bounds}`")
            check_window(*bounds)
        if not 0 < self.percentile <= 100:
            raise InputError(f"`percentile` must lie above 0 and not above 100, not `{self.percentile}`")

    @property
    def needs_committee(self) -> bool:
        """Return whether the window needs more than the largest force deviation, which is what samplers measure."""
        return self.percentile < 100 or self.energy is not None or self.stress is not None

    def for_sampler(self) -> dict[str, float] | None:
        """Return the bounds by which a sampler may drop coordinates; None if they depend on more than it knows."""
        is_known = self.mode == "fixed" and not self.needs_committee
        return {"lo": self.lo, "hi": self.hi} if is_known else None


@dataclass(frozen=True, kw_only=True)
class FeatureSettings:
    """How features of atoms become features of a structure.

    :ivar reduction: ``mean`` over the atoms, ``mean_per_element``, or ``both``.
    :ivar pca_dims: number of principal components that go into the reducer; None: all features.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = _FORBID

    reduction: str = "mean"
    pca_dims: int | None = None

    def __post_init__(self) -> None:
        if self.reduction not in REDUCTIONS:
            raise InputError(f"`reduction` must be one of {', '.join(REDUCTIONS)}, not `{self.reduction}`")
        _positive("pca_dims", self.pca_dims)


@dataclass(frozen=True, kw_only=True)
class ReducerSettings:
    """How features become two coordinates.

    :ivar method: registered name or import path.
    :ivar keywords: of the reducer.
    :ivar fit_size: number of diverse structures that the map is fitted to; None: all.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = _FORBID

    method: str = "pca"
    keywords: dict[str, object] = field(default_factory=dict)
    fit_size: int | None = None

    def __post_init__(self) -> None:
        _check(REDUCERS, self.method, self.keywords)
        _positive("fit_size", self.fit_size)


@dataclass(frozen=True, kw_only=True)
class QuantitySettings:
    """One more axis.

    :ivar name: registered name or import path.
    :ivar keywords: of the quantity.
    :ivar weight: length of the axis relative to those of the map.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = _FORBID

    name: str
    keywords: dict[str, object] = field(default_factory=dict)
    weight: float = 1.0

    def __post_init__(self) -> None:
        _check(QUANTITIES, self.name, self.keywords)
        pair = self.keywords.get("pair")
        if pair is not None:
            if not isinstance(pair, list | tuple) or len(pair) != 2:
                raise InputError(f"`pair` of `{self.name}` must be two chemical symbols, not `{pair}`")
            element_numbers(pair)
        if not (isfinite(self.weight) and self.weight > 0):
            raise InputError(f"`weight` of `{self.name}` must be positive, not `{self.weight}`")


@dataclass(frozen=True, kw_only=True)
class SelectorSettings:
    """How points are chosen.

    :ivar name: registered name or import path.
    :ivar keywords: of the selector.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = _FORBID

    name: str = "closest_pair"
    keywords: dict[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check(SELECTORS, self.name, self.keywords)


@dataclass(frozen=True, kw_only=True)
class ScreeningSettings:
    """One screening.

    :ivar n_max: largest number of structures to select.
    :ivar window: the trust window.
    :ivar features: from atoms to structures.
    :ivar reducer: from features to the map.
    :ivar quantities: further axes; none: screening in 2D, one: in 3D.
    :ivar selector: how points are chosen.
    :ivar geometry: filters that act before; None: no filter.
    :ivar duplicate_tolerance: Å; candidates that differ by no more from a frame of the dataset or from one another are
        dropped; None: nothing is compared.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = _FORBID

    n_max: int
    window: WindowSettings = field(default_factory=WindowSettings)
    features: FeatureSettings = field(default_factory=FeatureSettings)
    reducer: ReducerSettings = field(default_factory=ReducerSettings)
    quantities: tuple[QuantitySettings, ...] = ()
    selector: SelectorSettings = field(default_factory=SelectorSettings)
    geometry: GeometrySettings | None = field(default_factory=GeometrySettings)
    duplicate_tolerance: float | None = 1e-3

    def __post_init__(self) -> None:
        _positive("n_max", self.n_max)
        tolerance = self.duplicate_tolerance
        if tolerance is not None and not (isfinite(tolerance) and tolerance > 0):
            raise InputError(f"`duplicate_tolerance` must be a positive number or null, not `{tolerance}`")
        object.__setattr__(self, "quantities", tuple(self.quantities))

    def for_job(self) -> ScreeningSettings:
        """Return the same with import paths for registered names, which a compute node does not know.

        :raises InputError: if a name is not registered.
        """
        return replace(
            self,
            reducer=replace(self.reducer, method=plugins.path_of(REDUCERS, self.reducer.method)),
            quantities=tuple(replace(item, name=plugins.path_of(QUANTITIES, item.name)) for item in self.quantities),
            selector=replace(self.selector, name=plugins.path_of(SELECTORS, self.selector.name)),
        )

    def check_elements(self, elements: Sequence[str]) -> None:
        """Refuse a pair of elements that the system does not have.

        :param elements: chemical symbols of the system.
        :raises InputError: if a quantity names another element.
        """
        for quantity in self.quantities:
            pair = cast("Sequence[str]", quantity.keywords.get("pair") or ())
            unknown = [symbol for symbol in pair if symbol not in elements]
            if unknown:
                raise InputError(
                    f"element `{unknown[0]}` of `{quantity.name}` is not among the elements `{list(elements)}`"
                )


def _check(group: str, name: str, keywords: dict[str, object]) -> None:
    """Check a name and its keywords; an import path by its form alone.

    Settings are read from nodes too, which may be a stranger's: what an import path leads to is seen where it is used,
    and before that where the user's own file is read.
    """
    if ":" not in name:
        check_keywords(group, name, keywords)
    elif not plugins.is_path(name):
        raise InputError(f"`{name}` is no import path: write `module:attribute`")


def _positive(name: str, value: int | None) -> None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise InputError(f"`{name}` must be a positive whole number, not `{value}`")
