"""Which structure is computed at which level of theory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from aiida import orm

from aiida_nnpgen.calculations.functions import change_method, plan_methods
from aiida_nnpgen.common.plugins import names
from aiida_nnpgen.config.reference import ReferenceSettings
from aiida_nnpgen.dft.code import Effort
from aiida_nnpgen.dft.method import Method


def test_plan_methods_makes_each_level_once(generate_structure: Callable[..., orm.StructureData]) -> None:
    """Structures at one level share its node, in which nothing else of the settings stands."""
    rule = {"match": {"structures": ["ions"]}, "charge": 1}
    settings = {"labeller": "ase", "rules": [rule], "batch_size": 3, "seed": 5, "iteration": 2}
    record = {f"frame_000{index}": {"start": start} for index, start in enumerate(("bulk", "ions_1", "bulk"))}
    structures = {key: generate_structure(seed=index) for index, key in enumerate(record)}
    plan = plan_methods(orm.Dict(settings), orm.Dict(record), **structures)
    assigned = plan["assignment"].get_dict()
    assert assigned["frame_0000"] == assigned["frame_0002"] != assigned["frame_0001"]
    charges = {name: method["charge"] for name, method in plan["methods"].items()}
    assert [charges[assigned[key]] for key in sorted(assigned)] == [0, 1, 0]
    assert not {"batch_size", "seed", "rules"} & set(plan["methods"]["method_0"].get_dict())


def test_plan_methods_without_record_goes_by_the_key(generate_structure: Callable[..., orm.StructureData]) -> None:
    """A starting structure is its own start."""
    settings = orm.Dict({"labeller": "ase", "rules": [{"match": {"structures": ["ions"]}, "charge": 1}]})
    plan = plan_methods(settings, bulk=generate_structure(), ions=generate_structure(seed=1))
    assert plan["methods"][plan["assignment"]["ions"]]["charge"] == 1
    assert plan["methods"][plan["assignment"]["bulk"]]["charge"] == 0


@pytest.mark.parametrize("labeller", sorted(set(names("nnpgen.dft")) - {"ase"}))
def test_change_method_changes_the_solver_only(labeller: str) -> None:
    """The next attempt looks for the same solution in another way; calculators of ASE have none in common."""
    code = ReferenceSettings(labeller=labeller, pseudopotentials="family").code
    method = code.method(Effort.BALANCED)
    words = orm.Dict(method.to_dict()), orm.Str(labeller), orm.Str("not_converged"), orm.Int(1)
    changed = Method.from_dict(change_method(*words).get_dict())
    assert changed.parameters != method.parameters
    assert replace(changed, parameters=method.parameters) == method
