"""Labels read from outputs of real CPMD runs, and refusals."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ase.data import atomic_masses

from aiida_nnpgen.common.exceptions import OutputError, UnphysicalError
from aiida_nnpgen.dft.cpmd import read_md, read_single_point, salvage_md

FIXTURES = Path(__file__).parents[2] / "fixtures" / "cpmd"
# Written out here, not imported: the reader must agree with the published numbers.
HARTREE, BOHR, KBAR = 27.211386246, 0.529177210544, 6.241509074e-4
FORCE = HARTREE / BOHR


@pytest.fixture
def generate_run(tmp_path: Path) -> Callable[..., Path]:
    """Return a factory of copies of a fixture with some texts replaced."""

    def generate(name: str, file: str = "", old: str = "", new: str = "") -> Path:
        folder = tmp_path / name
        shutil.copytree(FIXTURES / name, folder)
        if file:
            text = (folder / file).read_text()
            assert old in text
            (folder / file).write_text(text.replace(old, new))
        return folder

    return generate


def test_read_single_point_reads_energy_forces_and_stress() -> None:
    """The numbers of the files arrive in eV and Å; tension is positive, CPMD's pressure is not."""
    frames = read_single_point(FIXTURES / "single_point_pg")
    assert "".join(frames.symbols) == "CCCOOHHHHHHHH"
    assert frames.energies[0] == pytest.approx(-53.25993404 * HARTREE, abs=1e-6)
    np.testing.assert_allclose(frames.positions[0, 0], [6.0634198462, 4.0952490769, 4.5477380000], atol=1e-7)
    np.testing.assert_allclose(frames.cells[0], np.eye(3) * 9.0)
    np.testing.assert_allclose(frames.forces[0, 0] / FORCE, [7.044e-03, -2.844e-04, -1.830e-03], atol=5e-7)
    pressure = np.array([-44.7039044, -48.6341342, -45.3480228, -2.51104318, 0.134118413, -3.92181294])
    np.testing.assert_allclose(frames.stresses[0], -pressure * KBAR, rtol=1e-6)


def test_read_single_point_reads_a_symmetric_molecule() -> None:
    """Forces of water obey its mirror plane, and pull the hydrogens out of a bond that is too short."""
    frames = read_single_point(FIXTURES / "single_point_h2o")
    forces = frames.forces[0]
    np.testing.assert_allclose(forces[1] * [1, -1, 1], forces[2], atol=1e-9)
    assert np.dot(forces[1] - forces[0], frames.positions[0, 1] - frames.positions[0, 0]) > 0


def test_read_md_forces_derive_from_the_energies() -> None:
    """The work of the forces along each step is the change of energy."""
    frames = read_md(FIXTURES / "md_restart_pg")
    assert len(frames) == 7
    mean = (frames.forces[1:] + frames.forces[:-1]) / 2
    work = -(mean * np.diff(frames.positions, axis=0)).sum(axis=(1, 2))
    np.testing.assert_allclose(np.diff(frames.energies), work, atol=1e-3)
    assert np.abs(np.diff(frames.energies)).min() > 0.015


def test_read_md_takes_the_kinetic_part_out_of_the_stress() -> None:
    """In a fixed cell the stress follows the virial of the molecule (slope -1) and not its kinetic energy (slope 0)."""
    frames = read_md(FIXTURES / "md_restart_pg")
    masses = atomic_masses[frames.numbers]
    rows = [
        line.split()
        for line in (FIXTURES / "md_restart_pg" / "FTRAJECTORY").read_text().splitlines()
        if "<" not in line
    ]
    velocities = np.array(rows, dtype=float).reshape(7, 13, 10)[..., 4:7]
    kinetic = np.einsum("a,tai,taj->tij", masses * 1822.888486, velocities, velocities) * HARTREE
    centred = frames.positions - np.einsum("a,tai->ti", masses, frames.positions)[:, None] / masses.sum()
    virial = np.einsum("tai,taj->tij", centred, frames.forces - frames.forces.mean(axis=1, keepdims=True))
    voigt = ([0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1])
    columns = [part[:, *voigt] for part in ((virial + virial.transpose(0, 2, 1)) / 2, kinetic)]
    matrix = np.stack([(column - column.mean(axis=0)).ravel() for column in columns], axis=1)
    work = frames.stresses * frames.volumes[:, None]
    slopes = np.linalg.lstsq(matrix, (work - work.mean(axis=0)).ravel())[0]
    np.testing.assert_allclose(slopes, [-1.0, 0.0], atol=0.1)


def test_read_md_converts_one_step() -> None:
    """Energy of ENERGIES column 4 and stress without the kinetic part, which is 0.7 kbar here."""
    frames = read_md(FIXTURES / "md_pg")
    assert frames.energies[1] == pytest.approx(-53.2548115212 * HARTREE, abs=1e-6)
    np.testing.assert_allclose(frames.forces[0, 0] / FORCE, [0.01103998826, 0.01606609907, -0.00036039382], rtol=1e-6)
    assert frames.stresses[0, 0] == pytest.approx((45.01408242 + 0.6959) * KBAR, rel=1e-5)


def test_read_md_joins_a_restart() -> None:
    """What a restart appended continues the run before."""
    first, both = read_md(FIXTURES / "md_pg"), read_md(FIXTURES / "md_restart_pg")
    np.testing.assert_array_equal(both.positions[:4], first.positions)
    np.testing.assert_array_equal(both.stresses[:4], first.stresses)


def test_read_md_reads_outputs_one_after_the_other(generate_run: Callable[..., Path]) -> None:
    """Where the standard output was appended to, too, the last run must have ended."""
    folder = generate_run("md_restart_pg")
    both = (FIXTURES / "md_pg" / "cpmd.out").read_text() + (folder / "cpmd.out").read_text()
    (folder / "cpmd.out").write_text(both)
    assert len(read_md(folder)) == 7
    (folder / "cpmd.out").write_text(both[: both.rindex(" PROGRAM CPMD ENDED")])
    with pytest.raises(OutputError, match="closing line"):
        read_md(folder)


def test_read_md_misses_the_first_stress(generate_run: Callable[..., Path]) -> None:
    """A record that lacks its first step is not whole."""
    folder = generate_run("md_pg")
    (folder / "STRESS").write_text("".join((folder / "STRESS").read_text().splitlines(keepends=True)[4:]))
    with pytest.raises(OutputError, match="gaps"):
        read_md(folder)


def test_read_md_keeps_the_later_of_a_repeated_step(generate_run: Callable[..., Path]) -> None:
    """A run that was killed after its last restart file repeats steps; an unfinished frame goes."""
    folder = generate_run("md_restart_pg")
    for name, size in (("FTRAJECTORY", 13), ("TRAJECTORY", 13), ("ENERGIES", 1), ("STRESS", 4)):
        lines = (folder / name).read_text().splitlines(keepends=True)
        mark = [line for line in lines if "NEW DATA" in line]
        rest = [line for line in lines if "NEW DATA" not in line]
        cut = rest[: 5 * size] + (rest[5 * size : 5 * size + 3] if mark else [])
        (folder / name).write_text("".join(cut + mark + rest[4 * size :]))
    frames = read_md(folder)
    np.testing.assert_array_equal(frames.forces, read_md(FIXTURES / "md_restart_pg").forces)


def test_read_single_point_restores_the_order_of_the_structure(generate_run: Callable[..., Path]) -> None:
    """The order in the input takes atoms, positions and forces back."""
    folder = generate_run("single_point_h2o", "cpmd.inp", "&CPMD", "&INFO\n AIIDA-NNPGEN ORDER\n 2 0 1\n&END\n&CPMD")
    frames, plain = read_single_point(folder), read_single_point(FIXTURES / "single_point_h2o")
    assert frames.symbols == ["H", "H", "O"]
    np.testing.assert_array_equal(frames.forces[0, [2, 0, 1]], plain.forces[0])
    np.testing.assert_array_equal(frames.positions[0, [2, 0, 1]], plain.positions[0])


def test_read_single_point_does_without_an_input(generate_run: Callable[..., Path]) -> None:
    """Data that users have may lack the input: order and cell of the output, with fewer digits, serve."""
    folder = generate_run("single_point_h2o")
    (folder / "cpmd.inp").unlink()
    np.testing.assert_allclose(read_single_point(folder).cells[0], np.eye(3) * 8.0, atol=5e-5)


def test_read_single_point_misses_an_input_that_held_the_order(generate_run: Callable[..., Path]) -> None:
    """If the output echoes that there was an order, the file order is not good enough."""
    folder = generate_run("single_point_h2o", "cpmd.out", " SINGLE POINT", " AIIDA-NNPGEN ORDER\n SINGLE POINT")
    with pytest.raises(OutputError, match="lost the order"):
        read_single_point(folder)
    (folder / "cpmd.inp").unlink()
    with pytest.raises(OutputError, match="missing"):
        read_single_point(folder)


def test_read_single_point_refuses_an_unconverged_wavefunction() -> None:
    """CPMD ends normally with zero forces; that is no label."""
    with pytest.raises(UnphysicalError, match="not converged"):
        read_single_point(FIXTURES / "failed_not_converged")


def test_read_single_point_refuses_zero_forces_without_the_warning(generate_run: Callable[..., Path]) -> None:
    """A soft exit leaves no warning, but the gradient above the criterion and, should that be gone, zeros."""
    folder = generate_run("failed_not_converged", "cpmd.out", "BUT NO CONVERGENCE", "")
    with pytest.raises(UnphysicalError, match="electronic gradient"):
        read_single_point(folder)
    text = (folder / "cpmd.out").read_text()
    (folder / "cpmd.out").write_text(text.replace("ELECTRONIC GRADIENT", ""))
    with pytest.raises(UnphysicalError, match="zero"):
        read_single_point(folder)


def test_read_single_point_refuses_the_velocities_of_a_dynamics() -> None:
    """After a dynamics GEOMETRY holds velocities where the forces would be."""
    with pytest.raises(OutputError, match="single point"):
        read_single_point(FIXTURES / "md_pg")


def test_read_md_refuses_other_dynamics(generate_run: Callable[..., Path]) -> None:
    """Car-Parrinello forces are not those of the ground state."""
    folder = generate_run("md_pg", "cpmd.out", "BORN-OPPENHEIMER MOLECULAR", "CAR-PARRINELLO MOLECULAR")
    with pytest.raises(OutputError, match="Born-Oppenheimer"):
        read_md(folder)


def test_read_md_refuses_a_step_that_did_not_converge(generate_run: Callable[..., Path]) -> None:
    """The step after the warning is named; the others can be salvaged."""
    row = "         3   179.5"
    folder = generate_run("md_pg", "cpmd.out", row, f" WARNING! DENSITY NOT CONVERGED !!!\n{row}")
    with pytest.raises(UnphysicalError, match="step `3`"):
        read_md(folder)
    frames, problems = salvage_md(folder)
    assert len(frames) == 3
    assert len(problems) == 1


def test_salvage_md_keeps_the_whole_frames_of_a_killed_run(generate_run: Callable[..., Path]) -> None:
    """A run that was killed gives its whole frames and the reason why it gives no more."""
    folder = generate_run("md_pg")
    for name, lines in (("FTRAJECTORY", 31), ("TRAJECTORY", 39), ("ENERGIES", 3), ("STRESS", 10), ("cpmd.out", 300)):
        kept = (folder / name).read_text().splitlines(keepends=True)[:lines]
        (folder / name).write_text("".join(kept))
    frames, problems = salvage_md(folder)
    np.testing.assert_array_equal(frames.forces, read_md(FIXTURES / "md_pg").forces[:2])
    assert len(problems) >= 3
    with pytest.raises(OutputError, match="closing line"):
        read_md(folder)


def test_read_md_allows_a_run_without_stress(generate_run: Callable[..., Path]) -> None:
    """Without STRESS TENSOR in the input there is none, and that is no failure."""
    folder = generate_run("md_pg", "cpmd.inp", " STRESS TENSOR\n  1\n", "")
    (folder / "STRESS").unlink()
    text = (folder / "cpmd.out").read_text()
    (folder / "cpmd.out").write_text(text.replace("TOTAL STRESS TENSOR (kBar):", ""))
    assert read_md(folder).stresses is None


def test_read_md_misses_the_stress_that_was_asked_for(generate_run: Callable[..., Path]) -> None:
    """A file that must be there is named."""
    folder = generate_run("md_pg")
    (folder / "STRESS").unlink()
    with pytest.raises(OutputError, match="`STRESS`"):
        read_md(folder)


def test_read_md_refuses_energies_of_another_run(generate_run: Callable[..., Path]) -> None:
    """Temperatures tell whether energies and trajectory belong together."""
    folder = generate_run("md_restart_pg", "ENERGIES", "206.855", "216.855")
    with pytest.raises(OutputError, match="do not fit"):
        read_md(folder)


@pytest.mark.parametrize(
    ("file", "old", "new", "match"),
    [
        ("FTRAJECTORY", "-0.02408242326552", "-0.02308242326552", "forces and velocities"),
        ("TRAJECTORY", "11.43149213850138", "11.43149213950138", "TRAJECTORY differ"),
        ("ENERGIES", "-53.2548115212", "-53.2538115212", "forces and energies"),
        ("STRESS", "-46.02514275", "-86.02514275", "stresses"),
        ("cpmd.inp", "9.0000000000 0.0", "9.1000000000 0.0", "cells"),
    ],
)
def test_read_md_notices_a_changed_digit(
    generate_run: Callable[..., Path], file: str, old: str, new: str, match: str
) -> None:
    """Numbers that contradict others are refused."""
    with pytest.raises(OutputError, match=match):
        read_md(generate_run("md_restart_pg", file, old, new))


@pytest.mark.parametrize(
    ("file", "old", "new", "match"),
    [
        ("GEOMETRY", "0.022359698166", "0.022459698166", "final forces"),
        ("GEOMETRY", "7.784277016225", "7.784377016225", "positions"),
        ("cpmd.out", "TOTAL ENERGY =          -16.9", "TOTAL ENERGY =          -26.9", "total energy"),
        ("cpmd.out", "   1  O  7.5589", "   1  N  7.5589", "table of atoms"),
        ("cpmd.inp", "  2\n  4.0000000000", "  3\n  4.0000000000", "atoms"),
    ],
)
def test_read_single_point_notices_a_changed_character(
    generate_run: Callable[..., Path], file: str, old: str, new: str, match: str
) -> None:
    """What is written twice must agree."""
    with pytest.raises(OutputError, match=match):
        read_single_point(generate_run("single_point_h2o", file, old, new))


def test_read_single_point_refuses_the_output_of_another_code(tmp_path: Path) -> None:
    """Output of another code is recognised."""
    (tmp_path / "cpmd.out").write_text("     Program PWSCF v.6.7 starts on 23Nov2026\n!    total energy = -22.1 Ry\n")
    with pytest.raises(OutputError, match="no output of CPMD"):
        read_single_point(tmp_path)
