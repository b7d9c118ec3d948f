"""Input of labelling jobs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from aiida import orm

from aiida_nnpgen.calculations.ase_label import AseLabelCalculation
from aiida_nnpgen.jobs.files import read_frames


def test_ase_label_writes_keys_in_the_order_of_the_frames(
    prepare: Callable[..., Any], python_code: orm.InstalledCode, generate_structure: Callable[..., orm.StructureData]
) -> None:
    """Keys, calculator and frames are what the job expects; frames stay out of the repository."""
    structures = {f"frame_{number:04d}": generate_structure(seed=number) for number in (7, 2)}
    method = orm.Dict({"parameters": {"calculator": "ase.calculators.emt:EMT"}})
    job = prepare(AseLabelCalculation, code=python_code, structures=structures, method=method)
    config = json.loads((job.folder / "config.json").read_text())
    assert config == {
        "calculator": "ase.calculators.emt:EMT",
        "keywords": {},
        "keys": ["frame_0002", "frame_0007"],
    }
    [frames] = read_frames(job.folder, "frames")
    for row, number in enumerate((2, 7)):
        expected = structures[f"frame_{number:04d}"].get_ase().positions
        np.testing.assert_allclose(frames.positions[row], expected, atol=1e-12)
    assert job.info.provenance_exclude_list == ["frames.npz"]
    assert job.info.retrieve_temporary_list == ["labels", "failures"]
    assert job.info.codes_info[0].cmdline_params == ["nnpgen.pyz", "label"]
    assert (job.folder / "nnpgen.pyz").is_file()


def test_ase_label_hands_charge_and_spin_to_the_calculator(
    prepare: Callable[..., Any], python_code: orm.InstalledCode, generate_structure: Callable[..., orm.StructureData]
) -> None:
    """What every code calls charge and multiplicity are keywords of the calculator; its own keywords prevail."""
    structures = {"frame_0000": generate_structure()}
    parameters = {"calculator": "tblite.ase:TBLite", "keywords": {"multiplicity": 5}}
    method = orm.Dict({"charge": -1, "multiplicity": 3, "parameters": parameters})
    job = prepare(AseLabelCalculation, code=python_code, structures=structures, method=method)
    assert json.loads((job.folder / "config.json").read_text())["keywords"] == {"charge": -1, "multiplicity": 5}


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ({}, "import path"),
        ({"calculator": "a:B"}, "`calculator` is no part of a method"),
        ({"parameters": {"calculater": "a:B"}}, "unknown key `calculater`"),
        ({"parameters": {"calculator": "ase.calculators.emt.EMT"}}, "`ase.calculators.emt.EMT`"),
        ({"parameters": {"calculator": 3}}, "`3`"),
        ({"parameters": {"calculator": "a:B", "keywords": ["x"]}}, "`parameters.keywords`"),
        ({"functional": "PBE", "parameters": {"calculator": "a:B"}}, "`functional` is not for the labeller `ase`"),
    ],
)
def test_ase_label_refuses_a_bad_method(
    prepare: Callable[..., Any],
    python_code: orm.InstalledCode,
    generate_structure: Callable[..., orm.StructureData],
    method: dict[str, Any],
    message: str,
) -> None:
    """A calculator that is not one is named before anything is launched."""
    structures = {"frame_0000": generate_structure()}
    with pytest.raises(ValueError, match=message):
        prepare(AseLabelCalculation, code=python_code, structures=structures, method=orm.Dict(method))
