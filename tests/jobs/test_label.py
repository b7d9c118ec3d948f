"""Labelling on the compute node."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT

from aiida_nnpgen.common.calculators import evaluate
from aiida_nnpgen.common.exceptions import InputError, OutputError
from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.dft.label import LabelFailure
from aiida_nnpgen.jobs import label as module
from aiida_nnpgen.jobs.files import write_frames
from aiida_nnpgen.jobs.label import main, read_failures, read_labels


def generate_images(symbol: str, n_frames: int) -> list[Atoms]:
    """Return rattled crystals."""
    images = []
    for seed in range(n_frames):
        atoms = bulk(symbol, cubic=True)
        atoms.rattle(0.1, seed=seed)
        images.append(atoms)
    return images


def write_job(folder: Path, *groups: list[Atoms], **config: object) -> None:
    """Write a job with keys ``f0``, ``f1`` and so on."""
    keys = [f"f{index}" for index in range(sum(map(len, groups)))]
    values = {"calculator": "ase.calculators.emt:EMT", "keys": keys}
    (folder / "config.json").write_text(json.dumps(values | config))
    write_frames(folder, "frames", [Frames.from_atoms(group) for group in groups])


def read_result(folder: Path) -> dict[str, int]:
    """Return the result of a job."""
    result: dict[str, int] = json.loads((folder / "result.json").read_text())
    return result


def test_label_writes_one_file_per_key(tmp_path: Path) -> None:
    """Labels of several compositions bear the keys in order, and hold what the calculator says."""
    copper, gold = generate_images("Cu", 2), generate_images("Au", 1)
    write_job(tmp_path, copper, gold)
    main(tmp_path)
    assert read_result(tmp_path) == {"labelled": 3, "failed": 0}
    labels = read_labels(tmp_path)
    for key, atoms in zip(["f0", "f1", "f2"], [*copper, *gold], strict=True):
        expected = evaluate(atoms, EMT())
        assert labels[key].energy == pytest.approx(expected.energy)
        assert labels[key].forces == pytest.approx(expected.forces, abs=1e-12)
        assert labels[key].stress == pytest.approx(expected.stress, abs=1e-12)


def test_label_records_the_error_of_a_frame_and_goes_on(tmp_path: Path) -> None:
    """A frame that the calculator cannot do costs no other frame."""
    write_job(tmp_path, generate_images("Cu", 1), generate_images("Fe", 1), generate_images("Au", 1))
    main(tmp_path)
    assert read_result(tmp_path) == {"labelled": 2, "failed": 1}
    assert set(read_labels(tmp_path)) == {"f0", "f2"}
    problem = read_failures(tmp_path)["f1"]
    assert problem.reason is LabelFailure.CALCULATOR
    assert "NotImplementedError: No EMT-potential for Fe" in problem.detail


def test_label_refuses_all_zero_forces(tmp_path: Path) -> None:
    """What no calculation can give is a failure, not a label."""
    atoms = Atoms("Ar2", positions=[[0, 0, 0], [10, 10, 10]], cell=[20] * 3)
    write_job(tmp_path, [atoms], calculator="ase.calculators.lj:LennardJones")
    main(tmp_path)
    assert read_failures(tmp_path)["f0"].reason is LabelFailure.ALL_ZERO


def test_label_computes_nothing_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Started again, a job does only the frames that have neither label nor failure."""
    write_job(tmp_path, generate_images("Cu", 3), generate_images("Fe", 1))
    main(tmp_path)
    (tmp_path / "labels" / "f1.npz").unlink()
    done = []

    def label(atoms: Atoms, calculator: EMT) -> object:
        done.append(atoms.positions)
        return evaluate(atoms, calculator)

    monkeypatch.setattr(module, "label", label)
    main(tmp_path)
    assert len(done) == 1
    np.testing.assert_array_equal(done[0], generate_images("Cu", 3)[1].positions)
    assert read_result(tmp_path) == {"labelled": 3, "failed": 1}


def test_label_keeps_finished_frames_when_it_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that ends in its third frame leaves two whole labels and no result."""
    write_job(tmp_path, generate_images("Cu", 4))
    calls = iter(range(4))

    def label(atoms: Atoms, calculator: EMT) -> object:
        if next(calls) == 2:
            raise KeyboardInterrupt
        return evaluate(atoms, calculator)

    monkeypatch.setattr(module, "label", label)
    with pytest.raises(KeyboardInterrupt):
        main(tmp_path)
    assert set(read_labels(tmp_path)) == {"f0", "f1"}
    assert not (tmp_path / "result.json").exists()


def test_label_takes_a_new_calculator_after_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One calculator serves all frames, until one fails in it."""
    write_job(tmp_path, generate_images("Cu", 2), generate_images("Fe", 1), generate_images("Au", 1))
    made = []
    load = module.load_calculator
    monkeypatch.setattr(module, "load_calculator", lambda *args: made.append(1) or load(*args))
    main(tmp_path)
    assert len(made) == 2


@pytest.mark.parametrize("keys", [["a"], ["a", "a"], ["a", "../b"], ["a", ""]])
def test_label_refuses_keys_that_do_not_fit(tmp_path: Path, keys: list[str]) -> None:
    """Keys are unique file names, one per frame."""
    write_job(tmp_path, generate_images("Cu", 2), keys=keys)
    with pytest.raises(InputError, match="key"):
        main(tmp_path)


def test_label_refuses_an_unknown_setting(tmp_path: Path) -> None:
    """A key that means nothing is named."""
    write_job(tmp_path, generate_images("Cu", 1), calculater="EMT")
    with pytest.raises(InputError, match="`calculater`"):
        main(tmp_path)


def test_read_labels_refuses_a_broken_file(tmp_path: Path) -> None:
    """A file that is no label is named."""
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "f0.npz").write_bytes(b"PK")
    with pytest.raises(OutputError, match=r"`f0.npz`"):
        read_labels(tmp_path)


def test_read_failures_refuses_an_unknown_reason(tmp_path: Path) -> None:
    """Reasons are a closed set."""
    (tmp_path / "failures").mkdir()
    (tmp_path / "failures" / "f0.json").write_text('{"reason": "mood", "detail": ""}')
    with pytest.raises(OutputError, match=r"`f0.json`"):
        read_failures(tmp_path)
