"""Settings of the stability: what is refused, and what appended iterations take over."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from aiida_nnpgen.common.types import Ensemble
from aiida_nnpgen.config.root import LoopSettings
from aiida_nnpgen.config.stability import StabilitySettings, axis_for

RUN = {"ensemble": "nvt", "temperatures": [300.0], "length": 100.0}
ENTRY = {"sampling": {"runs": [RUN]}, "screening": {"n_max": 5}}


def generate_stability(**changes: Any) -> StabilitySettings:
    """Return settings of probes, some of them changed."""
    return StabilitySettings.model_validate({"temperature": "600 K", "target": "1 ps", **changes})


def generate_loop(**stability: Any) -> LoopSettings:
    """Return a loop of two iterations with probes."""
    return LoopSettings.model_validate(
        {
            "seed": 1,
            "initial_dataset": {"perturb": {"count": 4}},
            "schedule": [ENTRY, {**ENTRY, "screening": {"n_max": 7}}],
            "stability": {"temperature": 600.0, "target": 1000.0, **stability},
        }
    )


def test_conditions_are_those_of_the_probes() -> None:
    """NVT, or NPT where there is a pressure; the target is the length."""
    conditions = generate_stability().conditions()
    assert (conditions.ensemble, conditions.steps, conditions.temperature) == (Ensemble.NVT, 2000, 600.0)
    assert (conditions.torn_bond, conditions.overlap) == (1.8, 0.5)
    assert generate_stability(pressure="1 bar").conditions().ensemble is Ensemble.NPT


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"target": "4 fs"}, "fewer than the stride of 10"),
        ({"torn_bond": 1.1}, "`torn_bond` must exceed 1.25"),
        ({"overlap": 1.5}, "`overlap` must be below 1"),
        ({"max_temperature": "500 K"}, "must exceed the temperature"),
        ({"probes": 1}, "greater than or equal to 2"),
        ({"last_frames": 0}, "greater than or equal to 1"),
        ({"stabilise": {"share": 0}}, "greater than 0"),
        ({"stabilise": {"max_iterations": 21}}, "less than or equal to 20"),
    ],
)
def test_settings_that_make_no_sense_are_refused(changes: dict[str, Any], message: str) -> None:
    """With the value, before anything is launched."""
    with pytest.raises(ValidationError, match=message):
        generate_stability(**changes)


def test_starts_are_those_that_are_named() -> None:
    """All structures, or those named, the frames of a file by its name."""
    assert generate_stability().starts(["a", "b_0", "b_1"]) == ["a", "b_0", "b_1"]
    assert generate_stability(structures=["b"]).starts(["a", "b_0", "b_1"]) == ["b_0", "b_1"]
    with pytest.raises(ValueError, match="no starting structure is named `c`"):
        generate_stability(structures=["c"]).starts(["a"])


def test_appended_iteration_is_the_last_of_the_schedule_unless_told() -> None:
    """Sampling and screening may each be given; without `stabilise` nothing is appended."""
    assert generate_loop().appended() is None
    assert generate_loop().max_appended == 0
    config = generate_loop(stabilise={})
    appended = config.appended()
    assert appended is not None
    assert appended.screening.n_max == 7
    assert config.max_appended == 3
    assert [location for location, _ in config.entries()][-1] == ("stability", "stabilise")
    told = generate_loop(stabilise={"screening": {"n_max": 9}, "max_iterations": 2}).appended()
    assert told is not None
    assert (told.screening.n_max, told.sampling) == (9, appended.sampling)


def test_dynamics_names_every_place_with_a_sampler() -> None:
    """Those of the schedule, of appended iterations, and the probes."""
    places = [location for location, _ in generate_loop(stabilise={}).dynamics()]
    assert places == [
        ("schedule", 0, "sampling"),
        ("schedule", 1, "sampling"),
        ("stability", "stabilise", "sampling"),
        ("stability",),
    ]


@pytest.mark.parametrize(
    ("pair", "scope", "name", "keywords"),
    [
        (["H", "O"], "inter", "min_distance", {"pair": ["H", "O"], "scope": "inter"}),
        (["H", "O"], "bond", "min_distance", {"pair": ["H", "O"], "scope": "intra"}),
        (None, None, "density", {}),
    ],
)
def test_axis_for_what_left_its_range(pair: Any, scope: Any, name: str, keywords: dict[str, Any]) -> None:
    """The distances of a pair, or the density where the volume left its range."""
    [axis] = axis_for(pair, scope)
    assert (axis.name, axis.keywords) == (name, keywords)
