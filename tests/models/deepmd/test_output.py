"""Checkpoints and learning curves of DeePMD-kit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from aiida_nnpgen.common.exceptions import OutputError
from aiida_nnpgen.models.deepmd.output import newest_checkpoint, read_curve

HEADER = "# step       rmse_val    rmse_trn    rmse_f_val  rmse_f_trn    rmse_v_val  rmse_v_trn   lr      \n"
NOTE = "# If there is no available reference data, rmse_*_{val,trn} will print nan\n"


def row(step: int, force: float, virial: str = "5.0e-01") -> str:
    """Return a row of a learning curve."""
    return f"{step:7d}      7.9e+01    8.8e+01      {force:.2e}  1.0e+00    {virial}  {virial}   1.0e-03\n"


@pytest.fixture
def curve(tmp_path: Path) -> Path:
    """Return the path of a learning curve."""
    return tmp_path / "lcurve.out"


def test_read_curve_names_columns(curve: Path) -> None:
    """Columns get the names that the docstring promises."""
    curve.write_text(HEADER + NOTE + row(0, 2.5) + row(100, 1.5))
    columns = read_curve(curve)
    names = [
        f"{label}_{split}" for label in ("loss_root", "rmse_force", "rmse_virial") for split in ("validation", "train")
    ]
    assert list(columns) == ["step", *names, "lr"]
    np.testing.assert_array_equal(columns["rmse_force_validation"], [2.5, 1.5])


def test_read_curve_joins_restart(curve: Path) -> None:
    """Steps that a restart repeats are taken from the restart."""
    first = HEADER + NOTE + row(0, 4.0) + row(100, 3.0) + row(200, 2.0) + row(300, 1.0)
    curve.write_text(first + HEADER + NOTE + row(200, 2.0) + row(300, 0.5) + row(400, 0.4))
    columns = read_curve(curve)
    np.testing.assert_array_equal(columns["step"], [0, 100, 200, 300, 400])
    np.testing.assert_array_equal(columns["rmse_force_validation"], [4.0, 3.0, 2.0, 0.5, 0.4])


def test_read_curve_skips_cut_row(curve: Path) -> None:
    """A row that a kill cut, onto which a restart wrote its header, is no row."""
    curve.write_text(HEADER + NOTE + row(0, 4.0) + row(100, 3.0)[:30] + HEADER + NOTE + row(0, 2.0))
    np.testing.assert_array_equal(read_curve(curve)["rmse_force_validation"], [2.0])


def test_read_curve_keeps_nan(curve: Path) -> None:
    """A virial of NaN means that the frames had no stress; the row stays."""
    curve.write_text(HEADER + NOTE + row(0, 4.0, virial="nan"))
    assert np.isnan(read_curve(curve)["rmse_virial_train"]).all()


@pytest.mark.parametrize("content", ["", HEADER + NOTE, row(0, 1.0)])
def test_read_curve_refuses_empty(curve: Path, content: str) -> None:
    """Without header or row there is no curve."""
    curve.write_text(content)
    with pytest.raises(OutputError, match="no learning curve"):
        read_curve(curve)


def test_read_curve_refuses_missing(curve: Path) -> None:
    """A missing file says that the training did not start."""
    with pytest.raises(OutputError, match="missing"):
        read_curve(curve)


def write_checkpoint(folder: Path, step: int, ends: tuple[str, ...] = ("index", "meta", "data-00000-of-00001")) -> None:
    """Write empty files of a checkpoint."""
    for end in ends:
        (folder / f"model.ckpt-{step}.{end}").touch()


def test_newest_checkpoint_compares_numbers(tmp_path: Path) -> None:
    """1000 comes after 900."""
    write_checkpoint(tmp_path, 900)
    write_checkpoint(tmp_path, 1000)
    assert newest_checkpoint(tmp_path) == "model.ckpt-1000"


def test_newest_checkpoint_skips_incomplete(tmp_path: Path) -> None:
    """A checkpoint whose graph was not written yet cannot be used."""
    write_checkpoint(tmp_path, 900)
    write_checkpoint(tmp_path, 1000, ends=("index", "data-00000-of-00001"))
    assert newest_checkpoint(tmp_path) == "model.ckpt-900"


def test_newest_checkpoint_of_fresh_folder(tmp_path: Path) -> None:
    """Where nothing was saved there is none."""
    assert newest_checkpoint(tmp_path) is None
