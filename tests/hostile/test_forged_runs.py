"""Whole runs of a stranger, continued: refused with the name in the message."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiida import orm
from forged_runs import loop_process

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.config.load import parse_config
from aiida_nnpgen.data import DatasetData, PotentialData
from aiida_nnpgen.workchains.builder import build_inputs
from aiida_nnpgen.workchains.continuation import continue_from

CONFIG = """
seed: 1
structures: [{name: water, file: water.extxyz}]
codes: {training: {code: python@standins}, reference: {code: python@standins}}
initial_dataset: {perturb: {count: 2}}
schedule:
  - sampling: {sampler: ase, runs: [{ensemble: nvt, temperatures: [300 K], length: 0.1 ps}]}
    screening: {n_max: 5}
"""


def changed_name(model: PotentialData, forge_names: Callable[..., Any]) -> PotentialData:
    """Return a model with a file beside it that would replace the program."""
    return forge_names(model, [("..", "nnpgen.pyz")])  # type: ignore[no-any-return]


def changed_element(model: PotentialData, forge_names: Callable[..., Any]) -> PotentialData:
    """Return a model whose elements would be lines of an input of LAMMPS."""
    model.base.attributes.set("elements", ["O\nshell touch harm", "H"])
    return forge_names(model, [("model.json",)])  # type: ignore[no-any-return]


def changed_architecture(model: PotentialData, forge_names: Callable[..., Any]) -> PotentialData:
    """Return a model whose architecture is a module of a stranger."""
    model.base.attributes.set("architecture", "stranger:attribute")
    return forge_names(model, [("model.json",)])  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (changed_name, r"`\.\.` is no plain name"),
        (changed_element, "`elements` is"),
        (changed_architecture, "`stranger:attribute` is not registered"),
    ],
)
def test_forged_run_is_not_continued(
    change: Callable[..., PotentialData],
    message: str,
    generate_potential: Callable[..., PotentialData],
    generate_structure: Callable[..., orm.StructureData],
    forge_names: Callable[..., Any],
    through_archive: Callable[..., list[Any]],
    python_code: orm.InstalledCode,
    dataset: DatasetData,
    fixtures: Path,
    written: Callable[[], set[str]],
    trap: Path,
) -> None:
    """It is imported as a whole, and refused with the name in the message; nothing is imported or written."""
    model = change(generate_potential(), forge_names)
    start = {"first_iteration": orm.Int(0), "structures__water": generate_structure()}
    made = {
        "models__iteration_00__member_0": model,
        "decisions__iteration_00": orm.Dict({}).store(),
        "datasets__iteration_00": dataset.store(),
    }
    process, uuid = loop_process(start, made), model.uuid
    [found, _] = through_archive(process, model)
    before = written()
    config = parse_config(CONFIG, "loop.yaml")
    with pytest.raises(InputError, match=message) as caught:
        build_inputs(config, fixtures / "loop", found)
    assert "models.member_0" in str(caught.value)
    assert uuid in str(caught.value)
    assert written() == before
    assert not trap.exists()


def test_good_run_of_an_archive_is_continued(
    generate_potential: Callable[..., PotentialData],
    generate_structure: Callable[..., orm.StructureData],
    through_archive: Callable[..., list[Any]],
    dataset: DatasetData,
) -> None:
    """What a good stranger sends is taken over."""
    start = {"first_iteration": orm.Int(0), "structures__water": generate_structure()}
    made = {
        "models__iteration_00__member_0": generate_potential().store(),
        "decisions__iteration_00": orm.Dict({}).store(),
        "datasets__iteration_00": dataset.store(),
    }
    [found] = through_archive(loop_process(start, made))
    left = continue_from(found)
    assert left.first_iteration == 1
    assert list(left.structures) == ["water"]
    assert (list(left.datasets), list(left.models)) == (["iteration_00"], ["member_0"])


@pytest.mark.parametrize("value", [-1, 10**9, True])
def test_run_that_began_nowhere_is_not_continued(
    value: int, generate_structure: Callable[..., orm.StructureData]
) -> None:
    """The place at which it began is a number of an iteration."""
    process = loop_process({"first_iteration": orm.Int(value), "structures__water": generate_structure()}, {})
    if value is True:
        process = loop_process({"structures__water": generate_structure()}, {})
    with pytest.raises(InputError, match="at which iteration it began"):
        continue_from(process)


def test_run_with_other_nodes_is_not_continued(
    generate_structure: Callable[..., orm.StructureData],
) -> None:
    """A link may lead to a node of any kind."""
    process = loop_process({"first_iteration": orm.Int(0), "structures__water": orm.Dict({})}, {})
    with pytest.raises(InputError, match=r"structures\.water is a Dict"):
        continue_from(process)
