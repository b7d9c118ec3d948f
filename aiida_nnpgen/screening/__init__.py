"""Which of many structures are worth a label: from committee deviation to a thinned map.

These names are the way in; each module offers more of its own subject.
"""

from .description import FrameFeatures
from .deviation import max_force_deviation
from .embedding import embed, normalise
from .features import reduce_descriptors
from .geometry import GeometrySettings
from .pipeline import Screened, screen
from .selectors.closest_pair import thin
from .settings import (
    FeatureSettings,
    QuantitySettings,
    ReducerSettings,
    ScreeningSettings,
    SelectorSettings,
    WindowSettings,
)
from .trust import count_levels, trust_levels

__all__ = [
    "FeatureSettings",
    "FrameFeatures",
    "GeometrySettings",
    "QuantitySettings",
    "ReducerSettings",
    "Screened",
    "ScreeningSettings",
    "SelectorSettings",
    "WindowSettings",
    "count_levels",
    "embed",
    "max_force_deviation",
    "normalise",
    "reduce_descriptors",
    "screen",
    "thin",
    "trust_levels",
]
