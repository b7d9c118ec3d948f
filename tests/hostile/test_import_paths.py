"""Import paths that are not the user's own are not imported, and what is imported is checked before it is called."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiida import orm
from aiida.common.exceptions import ValidationError
from ase.calculators.lj import LennardJones
from click.testing import CliRunner

from aiida_nnpgen.calculations.method import validate_method
from aiida_nnpgen.calculations.screen import validate_settings as validate_screening
from aiida_nnpgen.calculations.train import validate_settings as validate_training
from aiida_nnpgen.cli.main import nnpgen
from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.config.import_paths import import_paths
from aiida_nnpgen.config.load import parse_config
from aiida_nnpgen.data import PotentialData
from aiida_nnpgen.dft.ase.calculator import load_calculator
from aiida_nnpgen.screening.base import load_reducer
from aiida_nnpgen.screening.settings import QuantitySettings, ReducerSettings, SelectorSettings
from aiida_nnpgen.workchains.active_learning_spec import validate_config

PATH = "stranger:attribute"

CONFIG = """
seed: 1
structures: [{name: water, file: water.extxyz}]
codes: {training: {code: python}, reference: {code: python}}
initial_dataset: {perturb: {count: 2}}
schedule:
  - sampling: {runs: [{ensemble: nvt, temperatures: [300 K], length: 0.1 ps}]}
    screening: {n_max: 5}
"""


def config(**changes: Any) -> dict[str, Any]:
    """Return the science of a run as a node of an earlier one has it, with sections of the stranger's own."""
    loop = parse_config(CONFIG, "loop.yaml").loop().model_dump(mode="json")
    screening = {key: changes.pop(key) for key in ("reducer", "quantities", "selector") if key in changes}
    loop["schedule"][0]["screening"] |= screening
    return loop | changes


SCREENINGS = [
    {"reducer": {"method": PATH, "keywords": {}, "fit_size": None}},
    {"quantities": [{"name": PATH, "keywords": {}, "weight": 1.0}]},
    {"selector": {"name": PATH, "keywords": {}}},
]
METHODS = [{}, {"charge": 1}, {"multiplicity": 2}]


@pytest.mark.parametrize("values", SCREENINGS, ids=lambda values: next(iter(values)))
def test_settings_of_a_screening_import_nothing(values: dict[str, Any], aiida_profile: object, trap: Path) -> None:
    """Neither where a process validates them nor where a run is looked at."""
    assert validate_screening(orm.Dict({"n_max": 1, "seed": 1} | values), None) is None
    assert validate_config(orm.Dict(config(**values)), None) is None
    assert not trap.exists()


@pytest.mark.parametrize("state", METHODS, ids=str)
def test_method_imports_nothing(state: dict[str, Any], aiida_profile: object, trap: Path) -> None:
    """A calculator that a node names is looked for by the job that uses it, and by nobody else."""
    values = {"parameters": {"calculator": PATH, "keywords": {}}, **state}
    assert validate_method("ase")(orm.Dict(values), None) is None
    reference = config()["reference"] | values
    assert validate_config(orm.Dict(config(reference=reference)), None) is None
    assert not trap.exists()


@pytest.mark.parametrize("section", ["training", "reference"])
def test_names_of_back_ends_are_registered(section: str, aiida_profile: object, trap: Path) -> None:
    """There is no import path in their place, in a node or in a file."""
    key = {"training": "architecture", "reference": "labeller"}[section]
    values = config()
    message = validate_config(orm.Dict(values | {section: values[section] | {key: PATH}}), None)
    assert "is not registered" in str(message)
    with pytest.raises(InputError, match="is not registered"):
        parse_config(f"{CONFIG}\n{section}: {{{key}: '{PATH}'}}\n", "loop.yaml")
    assert not trap.exists()


def test_architecture_of_a_training_is_registered(aiida_profile: object, trap: Path) -> None:
    """The settings of the job are a node too."""
    values = {"architecture": PATH, "elements": ["O"], "seed": 1, "parameters": {}}
    assert "is not registered" in str(validate_training(orm.Dict(values), None))
    assert not trap.exists()


def test_architecture_of_a_model_is_registered(generate_model: Callable[..., PotentialData], trap: Path) -> None:
    """Whatever asks the model for its back end."""
    model = generate_model(architecture=PATH)
    for ask in (lambda: model.implementation, model.check):
        with pytest.raises(InputError, match="is not registered"):
            ask()
    with pytest.raises(ValidationError, match="is not registered"):
        model.store()
    assert not trap.exists()


@pytest.mark.parametrize("values", SCREENINGS, ids=lambda values: next(iter(values)))
def test_file_of_the_user_imports_what_it_names(values: dict[str, Any], trap: Path) -> None:
    """There the keywords are checked before anything is launched, with their line."""
    screening = {"n_max": 5} | values
    text = CONFIG.replace("{n_max: 5}", json.dumps(screening))
    [found] = import_paths(parse_config(text, "loop.yaml"))
    assert found.path == PATH
    assert found.location[:3] == ("schedule", 0, "screening")
    assert trap.exists()
    with pytest.raises(InputError, match=r"line 8: schedule\[0\]\.screening.*`stranger:nothing` cannot be loaded"):
        parse_config(text.replace(PATH, "stranger:nothing"), "loop.yaml")


def test_calculator_of_the_user_is_listed(tmp_path: Path, fixtures: Path) -> None:
    """`nnpgen validate` tells what the file runs."""
    text = (fixtures / "loop" / "water.yaml").read_text()
    reference = "reference:\n  parameters: {calculator: 'ase.calculators.emt:EMT'}\n"
    path = tmp_path / "loop.yaml"
    path.write_text(text.replace("reference:\n  batch", f"{reference}  batch"))
    (tmp_path / "water.extxyz").write_text((fixtures / "loop" / "water.extxyz").read_text())
    done = CliRunner().invoke(nnpgen, ["validate", str(path)])
    assert done.exit_code == 0, done.output
    assert "runs `ase.calculators.emt:EMT`, named by reference.parameters.calculator" in done.output
    path.write_text(text)
    assert "runs" not in CliRunner().invoke(nnpgen, ["validate", str(path)]).output


HARM: list[tuple[str, str]] = [
    ("os:system", "command"),
    ("subprocess:run", "args"),
    ("subprocess:Popen", "args"),
    ("builtins:exec", "source"),
    ("shutil:rmtree", "path"),
    ("stranger:attribute", "x"),
    ("pathlib:Path", "x"),
]


@pytest.mark.parametrize(("path", "keyword"), HARM)
def test_calculator_is_one_before_it_is_called(path: str, keyword: str, trap: Path, tmp_path: Path) -> None:
    """Nothing else is called to see what comes of it."""
    with pytest.raises(InputError, match="is no ASE calculator"):
        load_calculator(path, {keyword: f"touch {tmp_path / 'harm'}"})
    assert not (tmp_path / "harm").exists()


def test_calculator_may_be_a_function_that_says_what_it_makes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As those of many potentials are."""
    text = "from ase.calculators.lj import LennardJones\n\n\ndef lj(**keywords) -> LennardJones:\n"
    (tmp_path / "makers.py").write_text(f"{text}    return LennardJones(**keywords)\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert isinstance(load_calculator("makers:lj", {"sigma": 3.0}), LennardJones)


@pytest.mark.parametrize("path", ["os:system", "pathlib:Path", "collections:OrderedDict"])
def test_reducer_is_one_before_it_is_called(path: str) -> None:
    """Likewise."""
    with pytest.raises(InputError):
        load_reducer(path, {"command": "true"} if path == "os:system" else {})


@pytest.mark.parametrize("word", ["a:b:c", "..x:y", "x:y()", ":x", "x:", "a b:c"])
def test_settings_refuse_what_is_no_import_path(word: str) -> None:
    """The form is seen without an import."""
    for make in (
        lambda: ReducerSettings(method=word),
        lambda: QuantitySettings(name=word),
        lambda: SelectorSettings(name=word),
    ):
        with pytest.raises(InputError, match="is no import path"):
            make()
