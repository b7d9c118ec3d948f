"""What the loop refuses before it launches anything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import pytest
from aiida import orm
from aiida.engine import run
from aiida.plugins import CalculationFactory
from aiida.plugins.entry_point import get_entry_point_names

from aiida_nnpgen.calculations.samplers.lammps import LammpsCalculation
from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.data import PotentialData
from aiida_nnpgen.models.base import Abilities
from aiida_nnpgen.workchains.active_learning import ActiveLearningWorkChain
from aiida_nnpgen.workchains.active_learning_spec import validate_inputs

# The same worker as the loop itself: they share its fixtures.
pytestmark = pytest.mark.xdist_group("loop")


class AseSampler(LammpsCalculation):
    """Stands for a sampler that drives dynamics in Python."""

    REQUIRED_ABILITY = "ase"


def count_jobs() -> int:
    """Return the number of processes that the database holds, calculation functions apart."""
    kinds = [orm.WorkChainNode, orm.CalcJobNode]
    return sum(orm.QueryBuilder().append(kind).count() for kind in kinds)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("committee: 2", "committee: 2\n  elements: [H, N]"), "structures.water holds O"),
        (
            ("stride: 10\n      runs", "stride: 10\n      sampler: gromacs\n      runs"),
            r"schedule\[0\].sampling.sampler",
        ),
        (
            ("batch_size: 3", "batch_size: 3\n  labeller: gaussian"),
            "reference.labeller: `gaussian` is not registered",
        ),
        (("pair: [O, H]", "pair: [O, S]"), r"schedule\[1\]: element `S`"),
        (
            ("temperatures: [300 K], length: 0.1 ps}", f"temperatures: {list(range(300, 381))}, length: 0.1 ps}}"),
            r"schedule\[0\]: .*80",
        ),
        (
            ("sampling: {code: nnpgen-lammps@localhost}", "sampling: {ase: {code: nnpgen-python@localhost}}"),
            r"schedule\[0\].sampling.sampler: there is no code for `lammps`: give codes.sampling.lammps",
        ),
        (
            ("sampling: {code: nnpgen-lammps@localhost}", "sampling: {code: nnpgen-python@localhost}"),
            r"schedule\[0\].sampling.sampler: there is no code for `lammps`",
        ),
        (
            ("sampler: lammps", "sampler: ase\n      thermostat: langevin"),
            r"schedule\[0\].sampling: `langevin` is not offered for `npt`",
        ),
        (
            ("{code: nnpgen-lammps@localhost}", "{lammps: {code: nnpgen-gromacs@localhost}}"),
            "codes.sampling.lammps.code: .*`nnpgen-gromacs@localhost`",
        ),
        (("nnpgen-lammps@localhost", "nnpgen-gromacs@localhost"), "codes.sampling.code: .*`nnpgen-gromacs@localhost`"),
        (
            ("nnpgen-lammps@localhost}", "nnpgen-lammps@localhost, options: {max_walclock_seconds: 60}}"),
            "codes.sampling.options.max_walclock_seconds: .*`max_wallclock_seconds`",
        ),
        (
            ("nnpgen-lammps@localhost}", "nnpgen-lammps@localhost, options: {resources: {num_machine: 1}}}"),
            "codes.sampling.options.resources: .*num_machine",
        ),
        (
            (
                "reference: {code: nnpgen-python@localhost}",
                "reference: {code: nnpgen-python@localhost, larger_options: {max_memory_kb: much}}",
            ),
            "codes.reference.larger_options.max_memory_kb",
        ),
    ],
    ids=[
        "element",
        "sampler",
        "labeller",
        "pair",
        "runs",
        "no_code",
        "code_of_another",
        "conditions",
        "own_code",
        "code",
        "option",
        "resources",
        "larger",
    ],
)
def test_build_inputs_names_the_place(
    loop_inputs: Callable[..., dict[str, Any]], change: tuple[str, str], message: str
) -> None:
    """What does not fit together is named with its place in the configuration, and nothing is launched."""
    before = count_jobs()
    with pytest.raises(InputError, match=message):
        loop_inputs(change)
    assert count_jobs() == before


@pytest.mark.parametrize(
    ("change", "labels", "options"),
    [
        (("seed: 3", "seed: 3"), {"lammps": "nnpgen-lammps"}, {"lammps": {}}),
        (("sampler: lammps", "sampler: ase"), {"ase": "nnpgen-python"}, {"ase": {}}),
        (
            (
                "{code: nnpgen-lammps@localhost}",
                "{code: nnpgen-python@localhost, lammps: {code: nnpgen-lammps@localhost, options: {priority: x}}}",
            ),
            {"lammps": "nnpgen-lammps"},
            {"lammps": {"priority": "x"}},
        ),
    ],
    ids=["one", "python", "own"],
)
def test_build_inputs_finds_the_code_of_each_sampler(
    loop_inputs: Callable[..., dict[str, Any]],
    change: tuple[str, str],
    labels: dict[str, str],
    options: dict[str, dict[str, Any]],
) -> None:
    """An own entry goes first, then a code that is none of another sampler's, then for Python the training's."""
    inputs = loop_inputs(change)
    assert {name: code.label for name, code in inputs["codes"]["sampling"].items()} == labels
    assert inputs["options"]["sampling"] == options


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"training": {"temperature": 3}}, "training.temperature: unknown key"),
        ({"seed": -1}, "seed: "),
        ({"stop": {"known_share": 2}}, "stop.known_share: "),
    ],
)
def test_active_learning_validates_its_configuration(
    loop_inputs: Callable[..., dict[str, Any]], change: dict[str, Any], message: str
) -> None:
    """Inputs that come past the command line are checked all the same."""
    inputs, before = loop_inputs(), count_jobs()
    config = orm.Dict(inputs["config"].get_dict() | change)
    with pytest.raises(ValueError, match=message):
        run(ActiveLearningWorkChain, **(inputs | {"config": config}))
    assert count_jobs() == before


def with_architecture(inputs: dict[str, Any], name: str, sampler: str = "lammps") -> dict[str, Any]:
    """Return the inputs with another architecture and sampler."""
    config = inputs["config"].get_dict()
    config["training"] |= {"architecture": name, "parameters": {}}
    for entry in config["schedule"]:
        entry["sampling"]["sampler"] = sampler
    sampling = {sampler: next(iter(inputs["codes"]["sampling"].values()))}
    return inputs | {"config": orm.Dict(config), "codes": inputs["codes"] | {"sampling": sampling}}


@pytest.mark.parametrize(
    ("ability", "sampler", "message"),
    [
        ("lammps", "lammps", r"schedule\[0\].sampling.sampler: `no_lammps` cannot drive `lammps`"),
        ("ase", "standin", r"schedule\[0\].sampling.sampler: `no_ase` cannot drive `standin`"),
        ("warm_start", "lammps", "training.warm_start: `no_warm_start` cannot start from an earlier model"),
        ("descriptors", "lammps", "training.architecture: `no_descriptors` gives no per-atom features"),
    ],
)
def test_active_learning_refuses_an_architecture_without_the_ability(
    loop_inputs: Callable[..., dict[str, Any]],
    backend_without: Callable[[str], str],
    entry_points: Any,
    ability: str,
    sampler: str,
    message: str,
) -> None:
    """What sampler, training or screening ask for and the architecture cannot do is refused before launch."""
    entry_points.add(AseSampler, "aiida.calculations:nnpgen.samplers.standin")
    inputs, before = with_architecture(loop_inputs(), backend_without(ability), sampler), count_jobs()
    with pytest.raises(ValueError, match=message):
        run(ActiveLearningWorkChain, **inputs)
    assert count_jobs() == before


@pytest.mark.parametrize(("ability", "sampler"), [("ase", "lammps"), ("lammps", "standin")])
def test_active_learning_asks_for_nothing_else(
    loop_inputs: Callable[..., dict[str, Any]],
    backend_without: Callable[[str], str],
    entry_points: Any,
    ability: str,
    sampler: str,
) -> None:
    """An ability that this schedule has no use for may be missing."""
    entry_points.add(AseSampler, "aiida.calculations:nnpgen.samplers.standin")
    assert validate_inputs(with_architecture(loop_inputs(), backend_without(ability), sampler), None) is None


def test_samplers_require_abilities_that_exist() -> None:
    """A sampler that asks for what no architecture can declare would always be refused."""
    for name in get_entry_point_names("aiida.calculations"):
        if name.startswith("nnpgen.samplers."):
            assert CalculationFactory(name).REQUIRED_ABILITY in {field.name for field in fields(Abilities)}


def test_active_learning_refuses_models_of_other_elements(
    loop_inputs: Callable[..., dict[str, Any]], generate_potential: Callable[..., PotentialData]
) -> None:
    """A committee to start from must fit the configuration."""
    models = {"model_0": generate_potential(("C", "H"))}
    with pytest.raises(ValueError, match=r"models.model_0 was trained for \['C', 'H'\]"):
        run(ActiveLearningWorkChain, **loop_inputs(), models=models)


def test_active_learning_refuses_no_place(loop_inputs: Callable[..., dict[str, Any]]) -> None:
    """At least one job must be allowed at a time."""
    with pytest.raises(ValueError, match="`max_concurrent` must be at least 1"):
        run(ActiveLearningWorkChain, **(loop_inputs() | {"max_concurrent": 0}))
