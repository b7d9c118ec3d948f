"""Input of CP2K jobs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from aiida import orm

from aiida_nnpgen.calculations.cp2k_label import Cp2kLabelCalculation
from aiida_nnpgen.calculations.cp2k_md import Cp2kMdCalculation
from aiida_nnpgen.dft.code import Effort
from aiida_nnpgen.dft.cp2k.code import CP2K

CONDITIONS = {"ensemble": "nvt", "temperature": 300.0, "timestep": 0.5, "steps": 10, "stride": 5}


def method(**changes: Any) -> orm.Dict:
    """Return a method as the plan of a phase makes it."""
    return orm.Dict(CP2K.method(Effort.FAST).to_dict() | changes)


def test_cp2k_label_writes_frames_in_the_order_of_their_keys(
    prepare: Callable[..., Any], python_code: orm.InstalledCode, generate_structure: Callable[..., orm.StructureData]
) -> None:
    """Frames stay out of the repository; CP2K ends before the scheduler ends it."""
    structures = {f"frame_{number:04d}": generate_structure(seed=number) for number in (7, 2)}
    metadata = {"options": {"max_wallclock_seconds": 1000}}
    job = prepare(Cp2kLabelCalculation, code=python_code, structures=structures, method=method(), metadata=metadata)
    rows = (job.folder / "frames.xyz").read_text().splitlines()
    for start, number in ((2, 2), (7, 7)):
        first = structures[f"frame_{number:04d}"].get_ase().positions[0]
        assert [float(word) for word in rows[start].split()[1:]] == pytest.approx(first)
    assert "WALLTIME 900" in (job.folder / "cp2k.inp").read_text()
    assert job.info.provenance_exclude_list == ["frames.xyz", "frames.cell"]
    assert {"cp2k.out", "cp2k-frc-1.xyz", "cp2k-pos-1.xyz", "cp2k-1.cell"} <= set(job.info.retrieve_temporary_list)
    assert job.info.codes_info[0].cmdline_params == ["-i", "cp2k.inp"]


def test_cp2k_label_refuses_two_compositions(
    prepare: Callable[..., Any], python_code: orm.InstalledCode, generate_structure: Callable[..., orm.StructureData]
) -> None:
    """One run has one set of atoms."""
    structures = {"frame_0000": generate_structure("OH2"), "frame_0001": generate_structure("SH2")}
    with pytest.raises(ValueError, match="frames of one composition and order, not 2"):
        prepare(Cp2kLabelCalculation, code=python_code, structures=structures, method=method())


def test_cp2k_label_refuses_a_bad_method(
    prepare: Callable[..., Any], python_code: orm.InstalledCode, generate_structure: Callable[..., orm.StructureData]
) -> None:
    """It is named before anything is launched."""
    with pytest.raises(ValueError, match="`BLIP` is none of"):
        prepare(
            Cp2kLabelCalculation,
            code=python_code,
            structures={"frame_0000": generate_structure()},
            method=method(functional="BLIP"),
        )


def test_cp2k_md_hands_conditions_and_seed_over(
    prepare: Callable[..., Any], python_code: orm.InstalledCode, generate_structure: Callable[..., orm.StructureData]
) -> None:
    """What the plan says is in the input."""
    conditions = orm.Dict({"structure": "start", "conditions": CONDITIONS | {"thermostat": "langevin"}, "seed": 41})
    job = prepare(
        Cp2kMdCalculation, code=python_code, structure=generate_structure(), conditions=conditions, method=method()
    )
    text = (job.folder / "cp2k.inp").read_text()
    for line in ("SEED 42", "STEPS 10", "TEMPERATURE 300.0", "ENSEMBLE LANGEVIN", "GAMMA 0.01", "MD 5"):
        assert f" {line}\n" in text
    assert "WALLTIME" not in text


@pytest.mark.parametrize(
    ("conditions", "message"),
    [
        ({"conditions": CONDITIONS | {"ensemble": "npt", "pressure": 1.0}}, "nvt, not `npt`"),
        ({"conditions": CONDITIONS | {"steps": 0}}, "`steps` must be positive"),
        ({}, "conditions and seed are needed"),
    ],
)
def test_cp2k_md_refuses_other_conditions(
    prepare: Callable[..., Any],
    python_code: orm.InstalledCode,
    generate_structure: Callable[..., orm.StructureData],
    conditions: dict[str, Any],
    message: str,
) -> None:
    """Only constant volume and temperature, with all that is needed."""
    with pytest.raises(ValueError, match=message):
        prepare(
            Cp2kMdCalculation,
            code=python_code,
            structure=generate_structure(),
            conditions=orm.Dict({"seed": 1} | conditions),
            method=method(),
        )
