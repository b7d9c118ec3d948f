"""Outputs of pw.x: what is a label, and what is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from numpy.typing import NDArray

from aiida_nnpgen.common.exceptions import OutputError
from aiida_nnpgen.common.units import GPA
from aiida_nnpgen.dft.label import LabelFailure, RefusedLabelError
from aiida_nnpgen.dft.qe.labels import read_part, read_single_point
from aiida_nnpgen.dft.qe.log import read_error, read_log

CELL = [[5.0, 0.0, 0.0], [0.3, 5.2, 0.0], [0.1, 0.2, 5.5]]
WATER = Atoms("OH2", positions=[[2.0, 2.0, 2.0], [2.96, 2.0, 2.0], [1.76, 2.93, 2.0]], cell=CELL, pbc=True)


def output(fixtures: Path, name: str) -> tuple[dict[str, NDArray[Any]], str]:
    """Return arrays as a parser would make them, and the standard output of a real run."""
    text = (fixtures / "qe" / name / "aiida.out").read_text()
    log = read_log(text, 3)
    positions = np.concatenate([WATER.positions[None], log.positions])[: len(log.energies)]
    arrays = {"energy": log.energies, "forces": log.forces, "stress": log.stresses, "positions": positions}
    return arrays | {"cells": np.tile(np.array(CELL), (len(positions), 1, 1))}, text


def test_single_point_is_in_our_units(fixtures: Path) -> None:
    """Numbers read off the file by hand; pressure becomes compression, which is negative."""
    arrays, text = output(fixtures, "scf")
    frame = read_single_point(arrays, text, True, WATER)
    assert frame.energies is not None
    assert frame.forces is not None
    assert frame.stresses is not None
    assert frame.energies[0] == pytest.approx(-32.48192103 * 13.605693123, abs=1e-5)
    assert frame.forces[0, 0, 0] == pytest.approx(-0.1321 * 13.605693123 / 0.529177210544, abs=2e-3)
    np.testing.assert_allclose(frame.stresses[0] / GPA, [22.99, 24.57, 30.19, -0.35, -0.32, 1.18], atol=0.01)
    np.testing.assert_array_equal(frame.positions[0], WATER.positions)


@pytest.mark.parametrize(("converged", "reason"), [(False, "not converged"), (None, "did not say")])
def test_only_convergence_makes_a_label(fixtures: Path, converged: bool | None, reason: str) -> None:
    """A flag that says no, or is absent, is enough to refuse."""
    arrays, text = output(fixtures, "scf")
    with pytest.raises(OutputError, match=reason):
        read_single_point(arrays, text, converged, WATER)


@pytest.mark.parametrize("name", ["energy", "forces", "stress"])
def test_missing_array_is_no_label(fixtures: Path, name: str) -> None:
    """Absent or empty."""
    arrays, text = output(fixtures, "scf")
    for changed in ({key: value for key, value in arrays.items() if key != name}, arrays | {name: np.array([])}):
        with pytest.raises(OutputError, match=name):
            read_single_point(changed, text, True, WATER)


@pytest.mark.parametrize("name", ["energy", "forces", "stress"])
@pytest.mark.parametrize("change", [1e-4, -1.0])
def test_changed_number_is_no_label(fixtures: Path, name: str, change: float) -> None:
    """The standard output is a second source of every number."""
    arrays, text = output(fixtures, "scf")
    damaged = arrays[name].copy()
    damaged.flat[0] += change if name != "stress" else 100 * change
    with pytest.raises(OutputError, match=f"two sources of `{name}` differ"):
        read_single_point(arrays | {name: damaged}, text, True, WATER)


@pytest.mark.parametrize("name", ["energy", "forces", "stress"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_not_finite_is_no_label(fixtures: Path, name: str, value: float) -> None:
    """NaN and infinity have a reason of their own."""
    arrays, text = output(fixtures, "scf")
    damaged = arrays[name].copy()
    damaged.flat[-1] = value
    with pytest.raises(RefusedLabelError) as info:
        read_single_point(arrays | {name: damaged}, text, True, WATER)
    assert info.value.reason is LabelFailure.NOT_FINITE


def test_all_zero_forces_are_no_label(fixtures: Path) -> None:
    """Even if both sources say so."""
    arrays, text = output(fixtures, "scf")
    lines = [
        f"{line.partition('force =')[0]}force =     0.00000000    0.00000000    0.00000000"
        if "force =" in line
        else line
        for line in text.splitlines()
    ]
    zero = arrays | {"forces": np.zeros_like(arrays["forces"])}
    with pytest.raises(RefusedLabelError) as info:
        read_single_point(zero, "\n".join(lines), True, WATER)
    assert info.value.reason is LabelFailure.ALL_ZERO


def test_other_number_of_atoms_is_no_label(fixtures: Path) -> None:
    """The output of another structure."""
    arrays, text = output(fixtures, "scf")
    with pytest.raises(OutputError):
        read_single_point(arrays, text, True, WATER[:2])
    with pytest.raises(OutputError):
        read_single_point(arrays, text, True, WATER + WATER[:1])


def test_dynamics_continues_where_it_was(fixtures: Path) -> None:
    """Two jobs: the second one starts at the positions to which the first one moved."""
    first = read_part(*output(fixtures, "md_first"), WATER)
    assert len(first.frames) == 1
    arrays, text = output(fixtures, "md_second")
    arrays["positions"] = np.concatenate([first.following[None], arrays["positions"][1:]])
    second = read_part(arrays, text, WATER, first.following)
    assert len(second.frames) == 3
    assert second.problem is None
    with pytest.raises(OutputError, match="two sources of `positions`"):
        read_part(arrays, text, WATER)


def test_dynamics_ends_before_a_bad_frame(fixtures: Path) -> None:
    """What came before it is kept."""
    first = read_part(*output(fixtures, "md_first"), WATER)
    arrays, text = output(fixtures, "md_second")
    arrays["positions"] = np.concatenate([first.following[None], arrays["positions"][1:]])
    arrays["forces"] = arrays["forces"].copy()
    arrays["forces"][2, 1, 1] = np.nan
    part = read_part(arrays, text, WATER, first.following)
    assert len(part.frames) == 2
    assert part.problem is not None
    assert part.problem.reason is LabelFailure.NOT_FINITE


def test_dynamics_in_another_cell_is_refused(fixtures: Path) -> None:
    """It belongs to another structure."""
    other = WATER.copy()
    other.set_cell(1.01 * np.array(CELL))
    with pytest.raises(OutputError, match="cells"):
        read_part(*output(fixtures, "md_first"), other)


@pytest.mark.parametrize("name", ["CRASH", "aiida.out"])
def test_error_of_pw_is_one_line(fixtures: Path, name: str) -> None:
    """The message between the percent signs, from either file."""
    said = read_error((fixtures / "qe" / "overlap" / name).read_text())
    assert said is not None
    assert "overlap" in said
    assert "%" not in said


def test_good_output_has_no_error(fixtures: Path) -> None:
    """Nothing between percent signs."""
    assert read_error((fixtures / "qe" / "scf" / "aiida.out").read_text()) is None


def test_log_is_right_or_refused_wherever_it_is_cut(fixtures: Path) -> None:
    """Truncated after every line: either all of the label, or none of it."""
    text = (fixtures / "qe" / "scf" / "aiida.out").read_text()
    whole, lines = read_log(text, 3), text.splitlines(keepends=True)
    for end in range(len(lines)):
        try:
            log = read_log("".join(lines[:end]), 3)
        except OutputError:
            continue
        for name in ("energies", "forces", "stresses"):
            value = getattr(log, name)
            assert not len(value) or np.array_equal(value, getattr(whole, name))
