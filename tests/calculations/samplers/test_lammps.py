"""Input of sampling jobs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from aiida import orm
from forged_graph import node

from aiida_nnpgen.calculations.samplers.lammps import LammpsCalculation
from aiida_nnpgen.data import PotentialData

CONDITIONS = {"ensemble": "nvt", "temperature": 300.0, "timestep": 0.5, "steps": 100, "stride": 10}


@pytest.fixture
def inputs(
    python_code: orm.InstalledCode,
    generate_structure: Callable[..., orm.StructureData],
    generate_potential: Callable[..., PotentialData],
) -> dict[str, Any]:
    """Return the inputs of a run with a committee of two."""
    return {
        "code": python_code,
        "structure": generate_structure(),
        "models": {f"model_{index}": generate_potential(seed=index) for index in range(2)},
        "conditions": orm.Dict({"conditions": CONDITIONS | {"halt_deviation": 5.0}, "seed": 4}),
    }


def test_lammps_writes_committee_and_script(prepare: Callable[..., Any], inputs: dict[str, Any]) -> None:
    """The first model drives, each has its folder, and the deviation is retrieved."""
    job = prepare(LammpsCalculation, **inputs)
    script = (job.folder / "lammps.in").read_text()
    assert "pair_style deepmd model_0/model.pb model_1/model.pb out_file model_devi.out out_freq 10" in script
    assert "pair_coeff * * O H" in script
    for index in range(2):
        assert (job.folder / f"model_{index}" / "model.pb").read_bytes() == node(
            f"model_of_seed_{index}", "Placeholder"
        )
    assert "model_devi.out" in job.info.retrieve_temporary_list
    assert job.info.retrieve_list == []


def test_lammps_sets_the_variables_of_the_architecture(prepare: Callable[..., Any], inputs: dict[str, Any]) -> None:
    """The pair style reads them too."""
    job = prepare(LammpsCalculation, **inputs)
    assert "export DP_INTRA_OP_PARALLELISM_THREADS=1" in job.info.prepend_text


def test_lammps_keeps_models_out_of_the_repository(prepare: Callable[..., Any], inputs: dict[str, Any]) -> None:
    """The repository of the job holds its scripts and no copy of a model."""
    job = prepare(LammpsCalculation, **inputs)
    written = {path.relative_to(job.folder).as_posix() for path in job.folder.rglob("*") if path.is_file()}
    assert written - set(job.info.provenance_exclude_list) == {"lammps.in", "structure.data", "watch.sh"}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"conditions": CONDITIONS}, "`conditions.seed` must be an integer, not `None`"),
        ({"conditions": CONDITIONS, "seed": "4"}, "not `4`"),
        ({"conditions": CONDITIONS | {"temperature": -5.0}, "seed": 4}, "`temperature` must be positive, not `-5.0`"),
        ({"conditions": CONDITIONS | {"ensemble": "nve"}, "seed": 4}, "nve"),
        ({"conditions": CONDITIONS | {"pressure": 1.0}, "seed": 4}, "`pressure` belongs to npt"),
        ({"conditions": CONDITIONS | {"temprature": 1.0}, "seed": 4}, "`temprature`"),
        ({"seed": 4}, "conditions"),
    ],
)
def test_lammps_refuses_bad_conditions(
    prepare: Callable[..., Any], inputs: dict[str, Any], values: dict[str, Any], message: str
) -> None:
    """The message names the value and its place."""
    with pytest.raises(ValueError, match=message):
        prepare(LammpsCalculation, **(inputs | {"conditions": orm.Dict(values)}))


def test_lammps_refuses_an_element_that_no_model_knows(
    prepare: Callable[..., Any], inputs: dict[str, Any], generate_structure: Callable[..., orm.StructureData]
) -> None:
    """A structure with sulphur cannot run with a model of water."""
    with pytest.raises(ValueError, match="the structure holds S"):
        prepare(LammpsCalculation, **(inputs | {"structure": generate_structure("SH2")}))


def test_lammps_refuses_a_mixed_committee(
    prepare: Callable[..., Any], inputs: dict[str, Any], generate_potential: Callable[..., PotentialData]
) -> None:
    """Members must have the same elements in the same order."""
    inputs["models"]["model_1"] = generate_potential(("H", "O"), seed=5)
    with pytest.raises(ValueError, match="must share architecture and elements"):
        prepare(LammpsCalculation, **inputs)


@pytest.mark.usefixtures("standin_backend")
def test_lammps_refuses_an_architecture_without_the_ability(
    prepare: Callable[..., Any], inputs: dict[str, Any], generate_potential: Callable[..., PotentialData]
) -> None:
    """What cannot drive LAMMPS is refused before launch."""
    inputs["models"]["model_0"] = generate_potential(architecture="checkpoints")
    with pytest.raises(ValueError, match=r"models.model_0: `checkpoints` cannot drive `lammps`"):
        prepare(LammpsCalculation, **inputs)


def test_lammps_needs_a_model(prepare: Callable[..., Any], inputs: dict[str, Any]) -> None:
    """Nothing can run without a potential."""
    with pytest.raises(ValueError, match="models"):
        prepare(LammpsCalculation, **(inputs | {"models": {}}))
