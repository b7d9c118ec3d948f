"""Tests of the settings."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.screening.settings import (
    FeatureSettings,
    QuantitySettings,
    ReducerSettings,
    ScreeningSettings,
    SelectorSettings,
    WindowSettings,
)

ADAPTER = TypeAdapter(ScreeningSettings)
OH = {"name": "min_distance", "keywords": {"pair": ["O", "H"], "scope": "intra"}, "weight": 2.0}


def test_settings_from_a_dictionary_are_those_built_by_hand():
    """A nested dictionary, as a YAML file gives it, becomes the same object."""
    config = {
        "n_max": 50,
        "window": {"lo": 0.1, "hi": 0.3, "energy": [0.0, 0.01]},
        "reducer": {"method": "densmap", "keywords": {"n_neighbors": 20}, "fit_size": 500},
        "quantities": [OH],
        "geometry": {"overlap": 0.6},
    }
    settings = ADAPTER.validate_python(config)
    assert settings.quantities == (QuantitySettings(**OH),)
    assert settings.window == WindowSettings(lo=0.1, hi=0.3, energy=(0.0, 0.01))
    assert settings.reducer == ReducerSettings(method="densmap", keywords={"n_neighbors": 20}, fit_size=500)
    assert settings.geometry.overlap == 0.6


@pytest.mark.parametrize(
    ("config", "path"),
    [
        ({"n_max": 5, "n_maxx": 6}, ("n_maxx",)),
        ({"n_max": 5, "window": {"low": 0.1}}, ("window", "low")),
        ({"n_max": 5, "window": {"lo": 0.5, "hi": 0.1}}, ("window",)),
        ({"n_max": 5, "reducer": {"method": "umap", "keywords": {"neighbours": 3}}}, ("reducer",)),
        ({"n_max": 5, "quantities": [OH, {"name": "colour"}]}, ("quantities", 1)),
        ({"n_max": 5, "geometry": {"overlaps": 1}}, ("geometry", "overlaps")),
    ],
)
def test_settings_name_the_place_of_an_error(config, path):
    """A wrong key or value is found with its path before anything is launched."""
    with pytest.raises(ValidationError) as caught:
        ADAPTER.validate_python(config)
    assert path in [error["loc"][: len(path)] for error in caught.value.errors()]


@pytest.mark.parametrize(
    ("settings", "options"),
    [
        (ScreeningSettings, {"n_max": 0}),
        (ScreeningSettings, {"n_max": True}),
        (WindowSettings, {"lo": 0.5, "hi": 0.1}),
        (WindowSettings, {"lo": float("nan")}),
        (WindowSettings, {"percentile": 0}),
        (WindowSettings, {"mode": "automatic"}),
        (WindowSettings, {"stress": (0.2, 0.1)}),
        (WindowSettings, {"energy": (0.2,)}),
        (FeatureSettings, {"reduction": "sum"}),
        (FeatureSettings, {"pca_dims": 0}),
        (ReducerSettings, {"method": "isomap"}),
        (ReducerSettings, {"fit_size": -3}),
        (QuantitySettings, {"name": "colour"}),
        (QuantitySettings, {"name": "volume", "weight": 0.0}),
        (QuantitySettings, {"name": "volume", "keywords": {"pair": ["O", "H"]}}),
        (SelectorSettings, {"name": "closest"}),
        (SelectorSettings, {"keywords": {"seeds": 1}}),
    ],
)
def test_settings_refuse_a_wrong_value(settings, options):
    """Construction validates."""
    with pytest.raises(InputError):
        settings(**options)


def test_settings_refuse_elements_that_the_system_does_not_have():
    """The element of a pair is checked against the model's."""
    settings = ScreeningSettings(n_max=5, quantities=[QuantitySettings(**OH)])
    settings.check_elements(["C", "H", "O"])
    with pytest.raises(InputError, match="`O`"):
        settings.check_elements(["C", "H"])


def test_settings_for_job_name_what_a_computer_can_import():
    """Registered names become import paths, import paths stay, and nothing else changes."""
    own = SelectorSettings(name="aiida_nnpgen.screening.selectors.random:random_choice", keywords={"seed": 3})
    settings = ScreeningSettings(
        n_max=5, reducer=ReducerSettings(method="tsne", fit_size=9), quantities=[QuantitySettings(**OH)], selector=own
    )
    told = settings.for_job()
    assert told.reducer.method == "aiida_nnpgen.screening.reducers.tsne:TsneReducer"
    assert told.quantities[0].name == "aiida_nnpgen.screening.quantities:min_distance"
    assert (told.reducer.fit_size, told.quantities[0].weight) == (9, 2.0)
    assert told.selector == own
    assert told.for_job() == told
    assert (told.n_max, told.window, told.geometry) == (settings.n_max, settings.window, settings.geometry)


@pytest.mark.parametrize(
    "changes", [{"mode": "auto"}, {"percentile": 99}, {"energy": (0.1, 0.2)}, {"stress": (0.1, 1)}]
)
def test_window_settings_tell_the_sampler_a_plain_window_alone(changes):
    """Bounds that depend on more than the largest force deviation are no reason to drop a frame."""
    assert WindowSettings(lo=0.1, hi=0.2).for_sampler() == {"lo": 0.1, "hi": 0.2}
    assert WindowSettings(**changes).for_sampler() is None
    assert WindowSettings(**changes).needs_committee == (changes != {"mode": "auto"})
