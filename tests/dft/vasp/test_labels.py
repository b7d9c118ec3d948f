"""Outputs of VASP, from the stand-in: what is a label, and what is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.emt import EMT

from aiida_nnpgen.common.dynamics import Conditions
from aiida_nnpgen.common.exceptions import OutputError
from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.dft.label import LabelFailure, RefusedLabelError
from aiida_nnpgen.dft.method import Method
from aiida_nnpgen.dft.vasp.input import write_md, write_single_point
from aiida_nnpgen.dft.vasp.labels import read_part, read_single_point

STEP, STRAIN = 2e-3, 2e-3
"""Displacement in Å and strain of the finite differences."""


def water() -> Atoms:
    """Return H O H in a left-handed triclinic cell, one atom outside of it."""
    cell = [[0.6, 6.0, 0.5], [5.5, 0.0, 0.2], [0.3, 0.4, 5.8]]
    return Atoms("HOH", positions=[[2.9, 2.05, -0.2], [2.0, 2.0, 0.0], [1.75, 2.9, 0.2]], cell=cell, pbc=True)


@pytest.fixture
def run(tmp_path: Path, run_vasp: Callable[..., Path]) -> Callable[..., Path]:
    """Return a function that runs the stand-in: a single point, or so many configurations of a dynamics."""

    def start(atoms: Atoms, frames: int = 0, name: str = "run", **trouble: Any) -> Path:
        method = Method(functional="PBE", cutoff=30.0)
        wanted = write_single_point(method, atoms, {})
        if frames:
            values = {"temperature": 2000.0, "timestep": 0.5, "steps": frames - 1, "stride": 1}
            conditions = Conditions(ensemble="nvt", thermostat="csvr", thermostat_damping=50.0, **values)
            wanted = write_md(method, atoms, {}, conditions, seed=3)
        return run_vasp(tmp_path / name, wanted, **trouble)

    return start


def assert_labels(frames: Frames) -> None:
    """Check every frame against the calculator that is in the stand-in."""
    assert frames.energies is not None
    assert frames.forces is not None
    assert frames.stresses is not None
    for row, atoms in enumerate(frames.without_labels().to_atoms()):
        atoms.calc = EMT()
        assert frames.energies[row] == pytest.approx(atoms.get_potential_energy(), abs=1e-5)
        np.testing.assert_allclose(frames.forces[row], atoms.get_forces(), atol=1e-5)
        np.testing.assert_allclose(frames.stresses[row], atoms.get_stress(), atol=1e-7)


def test_single_point_has_the_order_of_the_structure(run: Callable[..., Path]) -> None:
    """Atoms grouped and folded by VASP come back as they were, with free energy and tension."""
    frames = read_single_point(run(water()), water())
    assert frames.symbols == ["H", "O", "H"]
    np.testing.assert_array_equal(frames.positions[0], water().positions)
    np.testing.assert_array_equal(frames.cells[0], water().cell.array)
    assert_labels(frames)


def test_label_is_the_derivative_of_its_energy(run: Callable[..., Path]) -> None:
    """One atom moved and the cell sheared to either side; the extrapolated energy has another slope."""

    def labelled(atoms: Atoms, name: str) -> Frames:
        return read_single_point(run(atoms, name=name), atoms)

    base = labelled(water(), "base")
    energies = {}
    for sign in (1, -1):
        moved, sheared = water(), water()
        moved.positions[2, 1] += sign * STEP
        strain = np.eye(3)
        strain[0, 1] = strain[1, 0] = sign * STRAIN / 2
        sheared.set_cell(sheared.cell.array @ strain, scale_atoms=True)
        for kind, atoms in (("moved", moved), ("sheared", sheared)):
            found = labelled(atoms, f"{kind}_{sign}").energies
            assert found is not None
            energies[kind, sign] = found[0]
    assert base.forces is not None
    assert base.stresses is not None
    force = -(energies["moved", 1] - energies["moved", -1]) / (2 * STEP)
    stress = (energies["sheared", 1] - energies["sheared", -1]) / (2 * STRAIN) / base.volumes[0]
    assert force == pytest.approx(base.forces[0, 2, 1], rel=2e-3)
    assert stress == pytest.approx(base.stresses[0, 5], rel=2e-3)


def test_field_that_did_not_converge_is_no_label(run: Callable[..., Path]) -> None:
    """VASP ends well, and only the files together say that it did not converge."""
    with pytest.raises(RefusedLabelError) as refused:
        read_single_point(run(water(), iterations={"*": 500}), water())
    assert refused.value.reason is LabelFailure.NOT_CONVERGED


@pytest.mark.parametrize("name", ["vasprun.xml", "OUTCAR"])
def test_file_that_is_cut_or_of_another_run_is_no_label(run: Callable[..., Path], name: str) -> None:
    """Behind the last number nothing is lost; and two files of two runs do not match."""
    folder, other = run(water()), water()
    other.positions[0, 0] += 0.01
    foreign = run(other, name="other")
    content = (folder / name).read_bytes()
    for share in (0.0, 0.2, 0.5, 0.8):
        (folder / name).write_bytes(content[: int(share * len(content))])
        with pytest.raises(OutputError):
            read_single_point(folder, water())
    (folder / name).write_bytes(content[:-20])
    assert_labels(read_single_point(folder, water()))
    (folder / name).write_bytes((foreign / name).read_bytes())
    with pytest.raises(OutputError):
        read_single_point(folder, water())
    (folder / name).unlink()
    with pytest.raises(OutputError, match=name):
        read_single_point(folder, water())


def test_output_of_another_structure_is_no_label(run: Callable[..., Path]) -> None:
    """Moved atoms, other atoms or another cell."""
    folder = run(water())
    moved, others, wider = water(), water(), water()
    moved.positions[1, 2] += 0.01
    others.numbers[:] = [8, 1, 1]
    wider.set_cell(1.01 * wider.cell.array)
    for atoms in (moved, others, wider):
        with pytest.raises(OutputError):
            read_single_point(folder, atoms)


@pytest.mark.parametrize("word", ["NaN", "*" * 16, "1.0E+300"])
def test_number_that_is_none_is_no_label(run: Callable[..., Path], word: str) -> None:
    """In the forces of `vasprun.xml`."""
    folder = run(water())
    text = (folder / "vasprun.xml").read_text()
    head, mark, tail = text.rpartition('<varray name="forces" >')
    first = tail.split("<v>")[1].split()[0]
    (folder / "vasprun.xml").write_text(head + mark + tail.replace(first, word, 1))
    with pytest.raises(OutputError):
        read_single_point(folder, water())


def test_dynamics_has_no_kinetic_stress_and_does_not_jump(run: Callable[..., Path]) -> None:
    """Every configuration is the label of a single point at its place."""
    part = read_part(run(water(), frames=6), water())
    assert part.frames is not None
    assert part.rows.tolist() == list(range(6))
    np.testing.assert_array_equal(part.frames.positions[0], water().positions)
    assert 1e-3 < np.abs(np.diff(part.frames.positions, axis=0)).max() < 0.2
    assert_labels(part.frames)


def test_frame_of_dynamics_that_did_not_converge_is_left_out(run: Callable[..., Path]) -> None:
    """VASP goes on; the frame has a reason in place of a label."""
    part = read_part(run(water(), frames=6, unconverged={"*": [2]}), water())
    assert 2 not in part.rows
    assert part.problems[2].reason is LabelFailure.NOT_CONVERGED
    assert part.frames is not None
    assert_labels(part.frames)


def test_dynamics_that_was_killed_keeps_what_is_complete(run: Callable[..., Path]) -> None:
    """The configuration in which it was killed is none."""
    part = read_part(run(water(), frames=6, kill={"*": 3}), water())
    assert part.rows.tolist() == [0, 1, 2]
    assert part.n_steps == 3
    assert part.frames is not None
    assert_labels(part.frames)
