"""Which of many structures are worth a label: from committee deviation to a thinned map."""

from .base import Reducer, Selector, measure, select
from .calibration import Calibration, CalibrationSettings, calibrate_window, max_force_error
from .deviation import energy_deviation, max_force_deviation, stress_deviation
from .embedding import diverse_subset, embed, normalise
from .features import reduce_descriptors
from .geometry import DropReason, GeometrySettings, check_geometry, largest_hole
from .pictures import plot_histogram, plot_map, plot_volume
from .pipeline import Screened, drop_reasons, measure_all, screen, structure_features
from .quantities import density, energy, energy_per_atom, max_force, min_distance, volume
from .selectors.closest_pair import thin
from .selectors.farthest_point import farthest_point
from .selectors.random import random_choice
from .settings import (
    FeatureSettings,
    QuantitySettings,
    ReducerSettings,
    ScreeningSettings,
    SelectorSettings,
    WindowSettings,
)
from .trust import combine_trust_levels, count_levels, trust_levels

__all__ = [
    "Calibration",
    "CalibrationSettings",
    "DropReason",
    "FeatureSettings",
    "GeometrySettings",
    "QuantitySettings",
    "Reducer",
    "ReducerSettings",
    "Screened",
    "ScreeningSettings",
    "Selector",
    "SelectorSettings",
    "WindowSettings",
    "calibrate_window",
    "check_geometry",
    "combine_trust_levels",
    "count_levels",
    "density",
    "diverse_subset",
    "drop_reasons",
    "embed",
    "energy",
    "energy_deviation",
    "energy_per_atom",
    "farthest_point",
    "largest_hole",
    "max_force",
    "max_force_deviation",
    "max_force_error",
    "measure",
    "measure_all",
    "min_distance",
    "normalise",
    "plot_histogram",
    "plot_map",
    "plot_volume",
    "random_choice",
    "reduce_descriptors",
    "screen",
    "select",
    "stress_deviation",
    "structure_features",
    "thin",
    "trust_levels",
    "volume",
]
