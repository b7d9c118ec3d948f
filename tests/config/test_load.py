"""Reading a configuration, and saying what is wrong with it, where."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.common.types import Ensemble
from aiida_nnpgen.config.load import load_config, parse_config
from aiida_nnpgen.config.root import LoopSettings


@pytest.fixture
def text(fixtures: Path) -> str:
    """Return a valid configuration."""
    return (fixtures / "loop" / "water.yaml").read_text()


def test_load_config_converts_units(fixtures: Path) -> None:
    """Quantities come out in fs, K, bar and Å, whatever unit they were given in."""
    config = load_config(fixtures / "loop" / "water.yaml")
    run = config.schedule[0].sampling.runs[0]
    assert run.ensemble is Ensemble.NVT
    assert run.length == 100.0
    assert config.initial_dataset.perturb is not None
    assert config.initial_dataset.perturb.amplitude == 0.1


def test_loop_settings_validate_to_themselves(text: str) -> None:
    """What is stored in the database validates again, to the same values."""
    stored = parse_config(text, "x").loop().model_dump(mode="json")
    assert LoopSettings.model_validate(stored).model_dump(mode="json") == stored


def test_loop_settings_hold_defaults_of_the_architecture(text: str) -> None:
    """The stored configuration names every parameter that was used."""
    stored = parse_config(text, "x").loop().model_dump(mode="json")
    assert stored["training"]["parameters"]["precision"] == "float32"


@pytest.mark.parametrize(
    ("old", "new", "path", "value"),
    [
        ("seed: 3", "sed: 3", "sed", "sed"),
        ("committee: 2", "commitee: 2", "training.commitee", "commitee"),
        ("steps: 200", "step: 200", "training.parameters.step", "step"),
        ("steps: 200", "steps: -1", "training.parameters", "-1"),
        ("timestep: 0.5 fs", "timestep: 0.5 kg", "initial_dataset.aimd.timestep", "kg"),
        ("temperatures: [300 K], length", "temperatures: [-5], length", "schedule[0].sampling.runs[0].temp", "-5"),
        ("volume_ratios: [0.8], ", "", "schedule[1].sampling.runs[0]", "volume_ratios"),
        ("pressures: [1 bar], ", "", "schedule[0].sampling.runs[1]", "pressures"),
        ("lo: 0.01, hi: 20.0}, n_max: 5, r", "lo: 2, hi: 1}, n_max: 5, r", "schedule[0].screening.window", "2"),
        ("n_max: 5, r", "n_max: 0, r", "schedule[0].screening", "0"),
        ("method: pca", "method: pcca", "schedule[0].screening.reducer", "pcca"),
        ("name: min_distance", "name: min_dist", "schedule[1].screening.quantities[0]", "min_dist"),
        ("batch_size: 3", "batch_size: 0", "reference.batch_size", "0"),
        ("validation_fraction: 0.2", "validation_fraction: 1.2", "initial_dataset.validation_fraction", "1.2"),
        ("length: 0.1 ps}\n        - {ens", "length: 1 fs}\n        - {ens", "schedule[0].sampling", "fewer"),
    ],
)
def test_parse_config_names_path_and_value(text: str, old: str, new: str, path: str, value: str) -> None:
    """A wrong value is named with its path and its line in the file."""
    assert old in text
    changed = text.replace(old, new, 1)
    with pytest.raises(InputError) as caught:
        parse_config(changed, "run.yaml")
    message = str(caught.value)
    assert path in message
    assert value in message
    assert "line " in message


def test_parse_config_reports_every_error(text: str) -> None:
    """Two errors are reported together."""
    with pytest.raises(InputError, match=r"(?s)batch_size.*commitee"):
        parse_config(text.replace("committee", "commitee").replace("batch_size: 3", "batch_size: 0"), "run.yaml")


def test_parse_config_refuses_what_is_not_yaml() -> None:
    """Broken YAML is an input error."""
    with pytest.raises(InputError, match="not YAML"):
        parse_config("a: [1", "run.yaml")


@pytest.mark.parametrize(
    ("yaml", "place"),
    [
        ("seed: 1\nname: x\nseed: 2", "line 3: seed: `seed` is given in line 1 already"),
        (
            "reference:\n  parameters:\n    SYSTEM: {nspin: 1, ecutrho: 9, nspin: 2}",
            "reference.parameters.SYSTEM.nspin",
        ),
        ("schedule:\n  - a: 1\n  - b: 1\n    'b': 2", "line 4: schedule[1].b: `b` is given in line 3"),
    ],
)
def test_parse_config_refuses_a_key_that_is_given_twice(yaml: str, place: str) -> None:
    """YAML would take the later value without a word, at any depth, and in sections of free form."""
    with pytest.raises(InputError, match=re.escape(place)):
        parse_config(yaml, "x")


@pytest.mark.parametrize("number", ["1e-10", "1E-10", "+1e-10", "1.e-10", "1.0e-10", ".1e-9", "0.1e-9"])
def test_parse_config_takes_powers_of_ten_for_numbers(text: str, number: str) -> None:
    """In free sections too, with or without a point; what is quoted, or more than a number, is text."""
    free = f"reference:\n  parameters: {{keywords: {{a: {number}, b: '{number}', c: {number}x, d: [{number}]}}}}\n"
    head, _, rest = text.partition("reference:\n")
    parameters = parse_config(head + free + rest, "x").reference.parameters
    assert parameters["keywords"] == {"a": 1e-10, "b": number, "c": f"{number}x", "d": [1e-10]}


def test_parse_config_lets_a_key_override_a_merged_one(text: str) -> None:
    """`<<` brings values that the mapping may change, and an alias may be used twice."""
    changed = text + "\nignored: {a: &a {x: 1}, b: {<<: *a, x: 2}, c: *a}"
    with pytest.raises(InputError, match="unknown key `ignored`") as caught:
        parse_config(changed, "x")
    assert "already" not in str(caught.value)


def test_load_config_names_missing_file(tmp_path: Path) -> None:
    """A file that is not there is named."""
    with pytest.raises(InputError, match=r"none\.yaml"):
        load_config(tmp_path / "none.yaml")


def test_expand_limits_runs_per_iteration(text: str) -> None:
    """More runs than one process should link to are refused with a way out."""
    sampling = parse_config(text, "x").schedule[0].sampling
    with pytest.raises(InputError, match="split"):
        sampling.expand([f"s_{index}" for index in range(41)])


def test_expand_repeats_a_run(text: str) -> None:
    """Replicas are runs of their own, next to each other."""
    changed = text.replace("length: 0.1 ps}", "length: 0.1 ps, replicas: 3}")
    once, thrice = (parse_config(value, "x").schedule[0].sampling.expand(["a", "b"]) for value in (text, changed))
    assert thrice == [run for run in once for _ in range(3)]
    with pytest.raises(InputError, match="replicas"):
        parse_config(text.replace("length: 0.1 ps}", "length: 0.1 ps, replicas: 1000000000000}"), "x")


def test_expand_finds_structures_by_name(text: str) -> None:
    """A name stands for all frames of its file; an unknown one is refused."""
    config = parse_config(text.replace("length: 0.1 ps}", "length: 0.1 ps, structures: [a]}"), "x")
    sampling = config.schedule[0].sampling
    assert {key for key, _ in sampling.expand(["a_0", "a_1", "b"])} == {"a_0", "a_1"}
    with pytest.raises(InputError, match="no starting structure"):
        sampling.expand(["b"])


@pytest.mark.parametrize("keys", [["a", "a_1"], ["a", "a_0", "a_1"], ["a_1", "a", "a_x"], ["a_5", "a", "a_1_0"]])
def test_expand_takes_no_structure_of_a_longer_name(text: str, keys: list[str]) -> None:
    """A structure that is really named `a_1` is no frame of `a`."""
    config = parse_config(text.replace("length: 0.1 ps}", "length: 0.1 ps, structures: [a]}"), "x")
    assert {key for key, _ in config.schedule[0].sampling.expand(keys)} == {"a"}


def test_expand_refuses_each_unknown_name(text: str) -> None:
    """A name that is known does not excuse one that is not."""
    config = parse_config(text.replace("length: 0.1 ps}", "length: 0.1 ps, structures: [a, typo]}"), "x")
    with pytest.raises(InputError, match=r"runs\[0\]\.structures: .* `typo`"):
        config.schedule[0].sampling.expand(["a"])


@pytest.mark.parametrize(
    ("setting", "text_of_error"),
    [
        ("volume_range: [1.5, 2]", "`volume_range` must be two numbers around 1"),
        ("length_range: [0.5]", "length_range"),
        ("max_energy_change: -1", "max_energy_change"),
    ],
)
def test_parse_config_refuses_ranges_that_no_run_can_keep(text: str, setting: str, text_of_error: str) -> None:
    """A range without the start is refused, with its name and place."""
    changed = text.replace("sampling:\n", "sampling:\n      " + setting + "\n", 1)
    assert changed != text
    with pytest.raises(InputError, match="sampling") as caught:
        parse_config(changed, "x")
    assert text_of_error in str(caught.value)


def test_parse_config_hands_ranges_to_every_run(text: str) -> None:
    """What is set, or switched off, is in the conditions."""
    given = "sampling:\n      volume_range: null\n      length_range: [0.5, 3]\n      max_energy_change: null\n"
    changed = text.replace("sampling:\n", given + "      allow_lone_atoms: true\n", 1)
    for _, conditions in parse_config(changed, "x").schedule[0].sampling.expand(["a"]):
        values = (conditions.volume_range, conditions.length_range, conditions.max_energy_change)
        assert (*values, conditions.allow_lone_atoms) == (None, (0.5, 3.0), None, True)
