"""The training job, with a back end of springs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.jobs.files import write_frames
from aiida_nnpgen.jobs.train import main


@pytest.fixture
def job(tmp_path: Path, spring_backend: str, spring_frames: Callable[..., Frames]) -> Callable[..., Path]:
    """Return a factory of job folders."""

    def generate(**changes: object) -> Path:
        config = {"backend": spring_backend, "elements": ["H"], "seed": 7, "settings": {"steps": 4}, **changes}
        (tmp_path / "config.json").write_text(json.dumps(config))
        write_frames(tmp_path, "train", [spring_frames(5), spring_frames(3, n_atoms=4)])
        write_frames(tmp_path, "validation", [spring_frames(2)])
        return tmp_path

    return generate


def test_main_writes_result(job: Callable[..., Path]) -> None:
    """The result names the files, what the model is, and that the training held."""
    folder = job()
    main(folder)
    assert json.loads((folder / "result.json").read_text()) == {
        "files": ["spring.json"],
        "version": "1.0",
        "cutoff": 5.0,
        "dtype": "float64",
        "steps": 4,
        "diverged": False,
    }


def test_main_separates_model_from_work(job: Callable[..., Path]) -> None:
    """The model folder holds the files of the model and nothing else that the training wrote."""
    folder = job()
    main(folder)
    assert [path.name for path in (folder / "model").iterdir()] == ["spring.json"]
    assert (folder / "work" / "seen.json").is_file()


def test_main_keeps_subfolders(job: Callable[..., Path]) -> None:
    """A model may have folders of its own."""
    folder = job(backend="pair_model:BACKEND", settings={"steps": 1})
    main(folder)
    assert json.loads((folder / "result.json").read_text())["files"] == ["model.json", "weights/part.bin"]
    assert (folder / "model" / "weights" / "part.bin").read_bytes() == (
        folder / "work" / "weights" / "part.bin"
    ).read_bytes()


def test_main_writes_curve(job: Callable[..., Path]) -> None:
    """The learning curve is kept column by column."""
    folder = job()
    main(folder)
    with np.load(folder / "curve.npz") as curve:
        np.testing.assert_array_equal(curve["step"], [0, 1, 2, 3])


def test_main_passes_task(job: Callable[..., Path]) -> None:
    """Frames of every composition, seed, parent and restart reach the back end."""
    folder = job(parent="earlier", restart=True)
    main(folder)
    assert json.loads((folder / "work" / "seen.json").read_text()) == {
        "train": [5, 3],
        "validation": [2],
        "elements": ["H"],
        "seed": 7,
        "parent": "earlier",
        "restart": True,
    }


def test_main_reports_divergence(job: Callable[..., Path]) -> None:
    """A diverged training is a result, not a crash."""
    folder = job(settings={"stiffness": float("nan")})
    main(folder)
    assert json.loads((folder / "result.json").read_text())["diverged"] is True


@pytest.mark.parametrize("changes", [{"settings": {"stepz": 4}}, {"sed": 1}])
def test_main_refuses_unknown_key(job: Callable[..., Path], changes: dict[str, object]) -> None:
    """An unknown key is named, in the configuration and in the settings."""
    with pytest.raises(InputError, match=r"`(stepz|sed)`"):
        main(job(**changes))


def test_main_without_success_leaves_no_result(job: Callable[..., Path]) -> None:
    """Where the result file exists, the job finished."""
    folder = job(settings={"stepz": 4})
    with pytest.raises(InputError):
        main(folder)
    assert not (folder / "result.json").exists()
