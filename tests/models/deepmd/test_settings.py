"""Settings of DeepPot-SE."""

from __future__ import annotations

from dataclasses import fields

import pytest
from pydantic import TypeAdapter, ValidationError

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.models.deepmd.settings import DeepmdSettings

WRONG = {
    "cutoff": -1.0,
    "cutoff_smooth": 7.0,
    "neuron": (),
    "axis_neuron": 0,
    "type_one_side": 1,
    "resnet_dt": "no",
    "activation": "swash",
    "sel": (10, -1),
    "sel_margin": 0,
    "fitting_neuron": (10, 0.5),
    "fitting_resnet_dt": None,
    "fitting_activation": "",
    "precision": "float16",
    "steps": 0,
    "start_lr": float("nan"),
    "stop_lr": 1.0,
    "decay_steps": 0,
    "batch_size": "all",
    "energy_start": -0.1,
    "energy_limit": float("inf"),
    "force_start": "much",
    "force_limit": -1,
    "virial_start": -1,
    "virial_limit": -1,
    "display_every": 0,
    "save_every": 150,
    "validation_frames": 0,
    "warm_steps": True,
    "warm_start_lr": 0,
    "warm_stop_lr": 1.0,
    "warm_decay_steps": -5,
    "warm_energy_start": -1,
    "warm_force_start": -1,
    "warm_virial_start": -1,
}


@pytest.mark.parametrize(("name", "value"), WRONG.items())
def test_settings_name_wrong_value(name: str, value: object) -> None:
    """Every setting is checked, and the message names it."""
    with pytest.raises(InputError, match=f"`{name}`"):
        DeepmdSettings(**{name: value})


def test_settings_are_all_checked() -> None:
    """The test above covers every setting there is."""
    assert set(WRONG) == {field.name for field in fields(DeepmdSettings)}


def test_settings_accept_lists() -> None:
    """Lists, as JSON and YAML have them, become tuples."""
    assert DeepmdSettings(neuron=[8, 16], sel=[40, 20]) == DeepmdSettings(neuron=(8, 16), sel=(40, 20))


def test_settings_refuse_wide_axis() -> None:
    """The second factor of the descriptor is a part of the embedding."""
    with pytest.raises(InputError, match="axis_neuron"):
        DeepmdSettings(neuron=(4, 8), axis_neuron=16)


def test_settings_refuse_to_learn_nothing() -> None:
    """Energy and force cannot both be ignored."""
    with pytest.raises(InputError, match="energy_start"):
        DeepmdSettings(energy_start=0, force_start=0)


def test_settings_validate_in_pydantic() -> None:
    """A mapping becomes settings, with tuples."""
    assert TypeAdapter(DeepmdSettings).validate_python({"neuron": [10, 20]}).neuron == (10, 20)


def test_settings_forbid_unknown_key_in_pydantic() -> None:
    """A typing error in a configuration is not ignored."""
    with pytest.raises(ValidationError, match="cut_off"):
        TypeAdapter(DeepmdSettings).validate_python({"cut_off": 5.0})


def test_warm_takes_over_warm_values() -> None:
    """Steps, learning rates and prefactors of a warm start replace those from scratch; the nets stay."""
    settings = DeepmdSettings(
        steps=1000,
        warm_steps=10,
        warm_start_lr=2e-4,
        warm_stop_lr=1e-6,
        warm_decay_steps=7,
        warm_energy_start=0.3,
        warm_force_start=50.0,
        warm_virial_start=0.4,
        neuron=(8, 16),
    )
    warm = settings.warm()
    assert (warm.steps, warm.start_lr, warm.stop_lr, warm.decay_steps) == (10, 2e-4, 1e-6, 7)
    assert (warm.energy_start, warm.force_start, warm.virial_start) == (0.3, 50.0, 0.4)
    assert warm.neuron == (8, 16)
