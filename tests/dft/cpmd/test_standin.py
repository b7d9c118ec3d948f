"""Inputs that the writer makes, run by the stand-in for CPMD, and read back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.emt import EMT

from aiida_nnpgen.common.dynamics import Conditions
from aiida_nnpgen.common.exceptions import UnphysicalError
from aiida_nnpgen.dft.cpmd import (
    INPUT,
    STDOUT,
    CpmdInput,
    CpmdSettings,
    Pseudopotential,
    read_md,
    read_single_point,
    salvage_md,
    write_md,
    write_single_point,
)

PSEUDO = {symbol: Pseudopotential(filename=f"{symbol}_GTH_BLYP.psp") for symbol in "CHO"}
SETTINGS = CpmdSettings(pseudopotentials=PSEUDO)


@pytest.fixture
def atoms() -> Atoms:
    """Return mixed atoms, not grouped by species, in a triclinic cell."""
    symbols = "COHCHO"
    scaled = [[0.1, 0.1, 0.1], [0.6, 0.1, 0.2], [0.2, 0.6, 0.1], [0.7, 0.55, 0.3], [0.3, 0.2, 0.65], [0.65, 0.6, 0.7]]
    cell = [[4.0, 0.0, 0.0], [0.7, 4.3, 0.0], [-0.4, 0.5, 3.9]]
    return Atoms(symbols, scaled_positions=scaled, cell=cell, pbc=True)


def conditions(**changes: Any) -> Conditions:
    """Return the conditions of a short dynamics."""
    values = {"ensemble": "nvt", "temperature": 600.0, "timestep": 0.5, "steps": 6, "stride": 1}
    return Conditions(**values | {"thermostat_damping": 22.0} | changes)


@pytest.fixture
def run_standin(tmp_path: Path, call_standin: Callable[..., tuple[int | None, str]]) -> Callable[..., Path]:
    """Return a function that runs an input, always in the same folder."""

    def run(written: CpmdInput, status: int = 0) -> Path:
        (tmp_path / INPUT).write_text(written.text)
        found, printed = call_standin("cpmd", tmp_path, INPUT)
        (tmp_path / STDOUT).write_text(printed)
        assert found == status
        return tmp_path

    for pseudo in PSEUDO.values():
        (tmp_path / pseudo.filename).write_text("&ATOM\n&END\n")
    return run


def test_standin_says_what_it_is(run_standin: Callable[..., Path], atoms: Atoms) -> None:
    """Nobody can take its output for one of CPMD."""
    folder = run_standin(write_single_point(atoms, SETTINGS))
    assert "STAND-IN FOR TESTS, NOT CPMD" in (folder / STDOUT).read_text()


def test_single_point_returns_the_labels_of_the_calculator(run_standin: Callable[..., Path], atoms: Atoms) -> None:
    """Energy, forces and stress of a triclinic cell come back in the order of the structure."""
    frames = read_single_point(run_standin(write_single_point(atoms, SETTINGS)))
    atoms.calc = EMT()
    np.testing.assert_array_equal(frames.numbers, atoms.numbers)
    np.testing.assert_allclose(frames.positions[0], atoms.positions, atol=1e-7)
    assert frames.energies[0] == pytest.approx(atoms.get_potential_energy(), abs=1e-5)
    np.testing.assert_allclose(frames.forces[0], atoms.get_forces(), atol=1e-6)
    np.testing.assert_allclose(frames.stresses[0], atoms.get_stress(), atol=1e-7)


def test_single_point_labels_agree_with_finite_differences(run_standin: Callable[..., Path], atoms: Atoms) -> None:
    """One atom displaced and one cell strained change the energy as force and stress say."""
    frames = read_single_point(run_standin(write_single_point(atoms, SETTINGS)))
    step = 1e-3

    def energy(changed: Atoms) -> float:
        return float(read_single_point(run_standin(write_single_point(changed, SETTINGS))).energies[0])

    moved, strained = [atoms.copy(), atoms.copy()], [atoms.copy(), atoms.copy()]
    for sign, one, other in zip((1, -1), moved, strained, strict=True):
        one.positions[4, 1] += sign * step
        strain = np.eye(3)
        strain[0, 1] = strain[1, 0] = sign * step / 2
        other.set_cell(np.array(atoms.cell) @ strain, scale_atoms=True)
    force = -(energy(moved[0]) - energy(moved[1])) / (2 * step)
    assert force == pytest.approx(frames.forces[0, 4, 1], rel=1e-3)
    stress = (energy(strained[0]) - energy(strained[1])) / (2 * step) / frames.volumes[0]
    assert stress == pytest.approx(frames.stresses[0, 5], rel=1e-3)


def test_single_point_with_too_few_steps_is_refused(run_standin: Callable[..., Path], atoms: Atoms) -> None:
    """Exit status 0, normal end, zero forces: not a label."""
    settings = CpmdSettings(pseudopotentials=PSEUDO, max_iterations=4)
    with pytest.raises(UnphysicalError, match="not converged"):
        read_single_point(run_standin(write_single_point(atoms, settings)))


def test_md_frames_are_labels_without_kinetic_stress(run_standin: Callable[..., Path], atoms: Atoms) -> None:
    """Each frame of a restarted dynamics has the labels of a static calculation of the same structure."""
    run_standin(write_md(atoms, SETTINGS, conditions(), 3))
    frames = read_md(run_standin(write_md(atoms, SETTINGS, conditions(steps=12), 3, done=6)))
    assert len(frames) == 12
    for frame, image in zip(range(12), frames.without_labels().to_atoms(), strict=True):
        image.calc = EMT()
        assert frames.energies[frame] == pytest.approx(image.get_potential_energy(), abs=1e-6)
        np.testing.assert_allclose(frames.forces[frame], image.get_forces(), atol=1e-6)
        np.testing.assert_allclose(frames.stresses[frame], image.get_stress(), atol=1e-6)


def test_md_with_a_stride_keeps_frames_and_energies_together(run_standin: Callable[..., Path], atoms: Atoms) -> None:
    """Energies of every step and frames of some are matched by step."""
    frames = read_md(run_standin(write_md(atoms, SETTINGS, conditions(steps=7, stride=3), 3)))
    assert len(frames) == 3
    for frame, image in enumerate(frames.without_labels().to_atoms()):
        image.calc = EMT()
        assert frames.energies[frame] == pytest.approx(image.get_potential_energy(), abs=1e-6)


def test_md_with_too_few_iterations_is_refused(run_standin: Callable[..., Path], atoms: Atoms) -> None:
    """No frame of it is good."""
    settings = CpmdSettings(pseudopotentials=PSEUDO, max_iterations=3)
    folder = run_standin(write_md(atoms, settings, conditions(temperature=300.0, steps=2), 3))
    with pytest.raises(UnphysicalError, match="step `1`"):
        read_md(folder)
    assert len(salvage_md(folder)[0]) == 0


def test_standin_stops_without_pseudopotentials(run_standin: Callable[..., Path], atoms: Atoms, tmp_path: Path) -> None:
    """An input error ends with a status other than 0 and a LocalError file, as with CPMD."""
    (tmp_path / PSEUDO["C"].filename).unlink()
    folder = run_standin(write_single_point(atoms, SETTINGS), status=1)
    assert list(folder.glob("LocalError*.log"))
