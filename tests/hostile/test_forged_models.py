"""Models of a stranger in jobs: none of their files gets into the place of another."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiida import orm
from aiida.common.folders import Folder
from aiida.engine.utils import instantiate_process
from aiida.manage import get_manager
from aiida.plugins import CalculationFactory

from aiida_nnpgen.calculations.job import JobCalculation
from aiida_nnpgen.calculations.train import TrainCalculation
from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.data import DatasetData, PotentialData
from aiida_nnpgen.jobs.archive import build_archive


def training(architecture: str, code: orm.AbstractCode, dataset: DatasetData, **more: orm.Data) -> TrainCalculation:
    """Return the process of a training."""
    values = {"architecture": architecture, "elements": ["O", "H"], "seed": 1, "parameters": {}}
    inputs = {"code": code, "settings": orm.Dict(values), "datasets": {"a": dataset}, **more}
    return instantiate_process(get_manager().get_runner(), TrainCalculation, **inputs)  # type: ignore[no-any-return]


def test_training_refuses_a_forged_parent(
    generate_potential: Callable[..., PotentialData],
    forge_names: Callable[..., Any],
    python_code: orm.InstalledCode,
    dataset: DatasetData,
) -> None:
    """Before the job is made, and with the name in the message."""
    parent = forge_names(generate_potential(), [("..", "nnpgen.pyz")])
    with pytest.raises(ValueError, match=r"`\.\./nnpgen\.pyz` in it: `\.\.` is no plain name"):
        training("deepmd", python_code, dataset, parent=parent)


def test_no_file_of_a_model_becomes_the_program(
    generate_potential: Callable[..., PotentialData],
    forge_names: Callable[..., Any],
    python_code: orm.InstalledCode,
    dataset: DatasetData,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Even if nothing were checked before, the copy is refused; and the program of a good job is ours."""
    (tmp_path / "good").mkdir()
    good = training("deepmd", python_code, dataset, parent=generate_potential())
    good.prepare_for_submission(Folder(tmp_path / "good"))
    assert (tmp_path / "good" / "nnpgen.pyz").read_bytes() == build_archive()
    monkeypatch.setattr(PotentialData, "check", lambda _: None)
    parent = forge_names(generate_potential(), [("..", "nnpgen.pyz")])
    (tmp_path / "bad").mkdir()
    bad = training("deepmd", python_code, dataset, parent=parent)
    with pytest.raises(InputError, match="no plain name"):
        bad.prepare_for_submission(Folder(tmp_path / "bad"))
    assert not (tmp_path / "bad" / "nnpgen.pyz").exists()


def test_program_is_written_last_and_over_nothing(
    generate_potential: Callable[..., PotentialData],
    python_code: orm.InstalledCode,
    dataset: DatasetData,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """A model that left a program beside itself, however it came to that, ends the job before it starts."""
    monkeypatch.setattr(PotentialData, "copy_to", lambda _, folder: (folder / ".." / "nnpgen.pyz").write_bytes(b"harm"))
    job = training("deepmd", python_code, dataset, parent=generate_potential())
    assert isinstance(job, JobCalculation)
    with pytest.raises(FileExistsError):
        job.prepare_for_submission(Folder(tmp_path))


@pytest.mark.parametrize("name", ["nnpgen.samplers.lammps", "nnpgen.samplers.ase", "nnpgen.screen", "nnpgen.evaluate"])
def test_jobs_refuse_a_forged_model(
    name: str,
    generate_potential: Callable[..., PotentialData],
    generate_structure: Callable[..., orm.StructureData],
    forge_names: Callable[..., Any],
    python_code: orm.InstalledCode,
    dataset: DatasetData,
) -> None:
    """Every process that would copy it looks at it first."""
    model = forge_names(generate_potential(), [("..", "in.lammps")])
    conditions = {"ensemble": "nvt", "temperature": 300.0, "timestep": 0.5, "steps": 10, "stride": 1}
    inputs: dict[str, dict[str, Any]] = {
        "nnpgen.screen": {"model": model, "datasets": {"a": dataset}, "settings": orm.Dict({"n_max": 1, "seed": 1})},
        "nnpgen.evaluate": {"models": {"a": model, "b": generate_potential()}, "datasets": {"a": dataset}},
    }
    sampler = {
        "models": {"a": model},
        "structure": generate_structure(),
        "conditions": orm.Dict({"conditions": conditions, "seed": 1}),
    }
    with pytest.raises(ValueError, match="no plain name"):
        instantiate_process(
            get_manager().get_runner(), CalculationFactory(name), code=python_code, **inputs.get(name, sampler)
        )
