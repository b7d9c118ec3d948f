"""Outputs of codes: the label belongs to its geometry, and what has not converged is none."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import ase
import ase.io
import numpy as np
import pytest
from ase import Atoms

from aiida_nnpgen.common.exceptions import OutputError
from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.common.units import BOHR, HARTREE
from aiida_nnpgen.dft.cpmd import read_md
from aiida_nnpgen.dft.label import LabelChecks
from aiida_nnpgen.importing import FileReport, FileStatus
from aiida_nnpgen.importing import read as read_existing

FIXTURES = Path(__file__).parents[1] / "fixtures"
QE = FIXTURES / "existing" / "qe"
CP2K = FIXTURES / "existing" / "cp2k"
OUTCARS = FIXTURES / "existing" / "vasp"
ASE_SAMPLES = Path(ase.__file__).parent / "test" / "testdata" / "vasp"
FORCE = HARTREE / BOHR

Maker = Callable[..., list[Atoms]]


def read_one(path: Path) -> Frames:
    """Return the frames of one composition."""
    [frames] = read_existing(path).labelled
    return frames


def assert_work_follows(frames: Frames, tolerance: float) -> None:
    """Check by finite differences that each energy belongs to its forces and geometry."""
    steps = np.diff(frames.positions, axis=0)
    work = -np.einsum("fac,fac->f", (frames.forces[1:] + frames.forces[:-1]) / 2, steps)
    np.testing.assert_allclose(np.diff(frames.energies), work, rtol=0, atol=tolerance)


def test_vasprun_gives_free_energies_without_pstress(
    tmp_path: Path, generate_water: Maker, frames_of: Callable[[list[Atoms]], Frames], vasp_files: ModuleType
) -> None:
    """Energy, forces and stress are VASP's; the work against PSTRESS is taken out of the energy."""
    frames = frames_of(generate_water())
    (tmp_path / "vasprun.xml").write_text(vasp_files.vasprun(frames, [3] * 6, pstress=50.0))
    found = read_one(tmp_path)
    for name, tolerance in {"positions": 1e-6, "energies": 1e-6, "forces": 1e-7, "stresses": 1e-9}.items():
        np.testing.assert_allclose(getattr(found, name), getattr(frames, name), atol=tolerance, err_msg=name)
    reference = ase.io.read(tmp_path / "vasprun.xml", index=0)
    np.testing.assert_allclose(found.stresses[0], reference.calc.results["stress"], atol=1e-9)


def test_vasprun_steps_that_did_not_converge_are_dropped(
    tmp_path: Path, generate_water: Maker, frames_of: Callable[[list[Atoms]], Frames], vasp_files: ModuleType
) -> None:
    """All iterations used up, or none at all, is no label, though ASE takes both."""
    frames = frames_of(generate_water())
    (tmp_path / "vasprun.xml").write_text(vasp_files.vasprun(frames, [3, 4, 2, 0, 1, 3]))
    data = read_existing(tmp_path / "vasprun.xml")
    assert [source.index for source in data.labelled_sources] == [0, 2, 4, 5]
    dropped = [(item.index, str(item.reason)) for item in data.reports[0].dropped]
    assert dropped == [(1, "not_converged"), (3, "no_electronic_steps")]


def test_outcar_keeps_the_order_of_its_stress_and_drops_what_did_not_converge(
    tmp_path: Path, generate_water: Maker, frames_of: Callable[[list[Atoms]], Frames], vasp_files: ModuleType
) -> None:
    """TOTEN, forces and the stress without the ions' motion; both ways of not converging are seen."""
    frames = frames_of(generate_water())
    order = np.argsort(-frames.numbers, kind="stable")
    frames = Frames(
        numbers=frames.numbers[order],
        positions=np.round(frames.positions[:, order], 5),
        cells=frames.cells,
        energies=frames.energies,
        forces=frames.forces[:, order],
        stresses=frames.stresses,
    )
    converged = [True, False, False, True, True, True]
    text = vasp_files.outcar(frames, [3, 4, 4, 2, 2, 2], converged, {"O": 2, "H": 4})
    (tmp_path / "OUTCAR").write_text(text)
    data = read_existing(tmp_path / "OUTCAR")
    good = frames[np.array(converged)]
    [found] = data.labelled
    for name, tolerance in {"positions": 1e-9, "energies": 1e-7, "forces": 1e-6, "stresses": 1e-7}.items():
        np.testing.assert_allclose(getattr(found, name), getattr(good, name), atol=tolerance, err_msg=name)
    assert [(item.index, item.reason) for item in data.reports[0].dropped] == [
        (1, "not_converged"),
        (2, "not_converged"),
    ]


def test_vasprun_and_outcar_of_one_run_count_once(
    tmp_path: Path, generate_water: Maker, frames_of: Callable[[list[Atoms]], Frames], vasp_files: ModuleType
) -> None:
    """A folder of VASP gives each step once."""
    frames = frames_of(generate_water(3, molecules=1))
    (tmp_path / "vasprun.xml").write_text(vasp_files.vasprun(frames, [3] * 3))
    (tmp_path / "OUTCAR").write_text(vasp_files.outcar(frames, [3] * 3, [True] * 3, {"O": 1, "H": 2}))
    data = read_existing(tmp_path)
    assert len(data.labelled_sources) == 3
    assert sum(len(report.dropped) for report in data.reports) == 3


def read_outcar(path: Path, *changes: tuple[str, str]) -> tuple[list[Frames], FileReport]:
    """Return the frames of an OUTCAR with some texts replaced, and its report."""
    text = (OUTCARS / path.name / "OUTCAR").read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path.mkdir()
    (path / "OUTCAR").write_text(text)
    data = read_existing(path)
    return data.labelled, data.reports[0]


@pytest.mark.parametrize(
    ("changes", "energies", "dropped"),
    [
        ([], [-10.00003], [0]),
        ([("EDIFF  = 0.1E-03", "EDIFF  = 0.1E-04")], [], [0, 1]),
        ([("NELM   =      2", "NELM   =      3")], [-8.0, -10.00003], []),
        ([("  free energy    TOTEN  =        -10.00001000 eV\n", "")], [], [0, 1]),
    ],
)
def test_outcar_of_vasp_5_says_converged_whatever_happened(
    tmp_path: Path, changes: list[tuple[str, str]], energies: list[float], dropped: list[int]
) -> None:
    """A step that used all of NELM is a label if its last iteration changed the energy by less than EDIFF."""
    frames, report = read_outcar(tmp_path / "vasp5_unconverged", *changes)
    assert [energy for found in frames for energy in found.energies] == energies
    assert [(item.index, item.reason) for item in report.dropped] == [(index, "not_converged") for index in dropped]


def test_outcar_table_may_have_further_columns(tmp_path: Path) -> None:
    """Forces without van der Waals stand behind those that count; a row that lacks a word is damaged."""
    [found], _ = read_outcar(tmp_path / "vdw_columns")
    np.testing.assert_array_equal(found.forces[0, 0], [0.3, -0.2, 0.1])
    np.testing.assert_array_equal(found.positions[0, 1], [1.02, 1.0, 0.97])
    shutil.rmtree(tmp_path / "vdw_columns")
    frames, report = read_outcar(tmp_path / "vdw_columns", ("      0.270000", ""))
    assert not frames
    assert [item.reason for item in report.dropped] == ["unreadable"]


def test_outcar_reads_no_more_columns_than_it_needs(tmp_path: Path) -> None:
    """A number that failed in a column of no concern costs no label; one in the forces does."""
    path = tmp_path / "vdw_columns"
    [whole], _ = read_outcar(path)
    rows = [line for line in (path / "OUTCAR").read_text().splitlines() if line.startswith("        0.0")]
    shutil.rmtree(path)
    words = rows[0].split()
    [found], _ = read_outcar(path, (rows[0], " ".join([*words[:8], "NaN"])))
    np.testing.assert_array_equal(found.forces, whole.forces)
    shutil.rmtree(path)
    frames, report = read_outcar(path, (rows[0], " ".join([*words[:5], "NaN", *words[6:]])))
    assert not frames
    assert len(report.dropped) == 1


def test_outcar_whose_kinds_are_cut_is_refused(tmp_path: Path) -> None:
    """Kinds that do not add up to the number of atoms, as where a long line was cut."""
    frames, report = read_outcar(
        tmp_path / "vdw_columns", ("   ions per type", "  number of ions     NIONS =     48\n   ions per type")
    )
    assert not frames
    assert "of its 48 atoms by kind" in report.detail


@pytest.mark.parametrize(
    ("changes", "numbers"),
    [
        ([], [11, 17]),
        ([("PAW_PBE Na_pv", "PAW_PBE Ti_sv_GW"), ("PAW_PBE Cl 06Sep2000", "US O_h")], [22, 8]),
        ([("PAW_PBE Cl", "PAW_PBE H.75")], [11, 1]),
        ([(" POTCAR:    PAW_PBE", "   TITEL  = PAW_PBE")], [11, 17]),
        ([("   ions per type", "   VRHFIN =r:  4s4p5s4d\n   VRHFIN =Cl: s2p5\n   ions per type")], [11, 17]),
    ],
)
def test_outcar_elements_come_from_any_list_that_is_whole(
    tmp_path: Path, changes: list[tuple[str, str]], numbers: list[int]
) -> None:
    """Names of potentials may have suffixes, and VASP's own element is half a symbol in some of them."""
    [found], _ = read_outcar(tmp_path / "no_vrhfin", *changes)
    assert found.numbers.tolist() == numbers


@pytest.mark.parametrize(
    "changes",
    [
        [(" POTCAR:    PAW_PBE Na_pv 19Sep2006", "")],
        [("PAW_PBE Na_pv", "PAW_PBE Nax_pv")],
        [("PAW_PBE Cl", "PAW_PBE")],
        [("   ions per type", "   VRHFIN =Na: p6s1\n   VRHFIN =F: s2p5\n   ions per type")],
        [(" 1     1", " 1     1     1")],
    ],
)
def test_outcar_whose_elements_are_not_certain_is_refused(tmp_path: Path, changes: list[tuple[str, str]]) -> None:
    """A list with gaps is not filled, and two lists that differ are not chosen from; the report says what to do."""
    frames, report = read_outcar(tmp_path / "no_vrhfin", *changes)
    assert not frames
    assert report.status is FileStatus.UNREADABLE
    assert "`vasprun.xml`" in report.detail


@pytest.mark.skipif(not ASE_SAMPLES.is_dir(), reason="this ASE has no samples")
def test_real_files_of_vasp_are_read() -> None:
    """A real OUTCAR of VASP 5.3 agrees with ASE, with TOTEN as energy; a symmetric crystal has no forces."""
    found = read_one(ASE_SAMPLES / "OUTCAR_example_1")
    assert found.symbols == ["Ni"] * 18
    reference = ase.io.read(ASE_SAMPLES / "OUTCAR_example_1", format="vasp-out")
    np.testing.assert_allclose(found.forces[0], reference.calc.results["forces"], atol=1e-9)
    np.testing.assert_allclose(found.stresses[0], reference.calc.results["stress"], atol=1e-9)
    assert found.energies[0] == pytest.approx(-68.22868532)
    assert read_existing(ASE_SAMPLES / "vasprun_pstress.xml").reports[0].labelled == 1


@pytest.mark.parametrize("file", ["pw.out", "h2.xml"])
def test_qe_labels_agree_with_ase(file: str) -> None:
    """Energy, forces and stress of a real single point with smearing, from the output and from the XML file."""
    found = read_one(QE / "scf" / file)
    reference = ase.io.read(QE / "scf" / "pw.out", format="espresso-out")
    assert found.energies[0] == pytest.approx(-4.50655500 * HARTREE / 2, abs=1e-6)
    assert found.energies[0] == pytest.approx(reference.calc.results["energy"], abs=1e-4)
    for name, key, tolerance in (("forces", "forces", 1e-5), ("stresses", "stress", 2e-5)):
        np.testing.assert_allclose(getattr(found, name)[0], reference.calc.results[key], atol=tolerance)
    np.testing.assert_allclose(found.positions[0], reference.positions, atol=1e-5)


def test_qe_dynamics_pairs_forces_with_their_positions() -> None:
    """Positions printed after the forces are those of the next step; the XML file says the same."""
    found, other = read_one(QE / "md" / "pw.out"), read_one(QE / "md" / "h2.xml")
    assert len(found) == len(other) == 3
    assert_work_follows(found, 2e-4)
    assert_work_follows(other, 2e-4)
    for name, tolerance in {"positions": 1e-6, "energies": 1e-6, "forces": 1e-6}.items():
        np.testing.assert_allclose(getattr(found, name), getattr(other, name), atol=tolerance, err_msg=name)
    assert np.isnan(other.stresses).all()
    assert np.isfinite(found.stresses).all()


def test_qe_folder_prefers_the_file_with_stress() -> None:
    """Of the two files of one run the frames with stress are kept."""
    data = read_existing(QE / "md")
    assert {data.reports[source.file].path for source in data.labelled_sources} == {"pw.out"}


@pytest.mark.parametrize("file", ["pw.out", "data-file-schema.xml"])
def test_qe_does_not_label_what_did_not_converge(file: str) -> None:
    """pw.x stops with forces of nothing; both of its files tell."""
    data = read_existing(QE / "failed_not_converged" / file)
    assert len(data) == 0
    assert [item.reason for item in data.reports[0].dropped] == ["not_converged"]


def test_qe_forces_on_fixed_atoms_come_from_the_output() -> None:
    """Its XML file has zeros in their place: no label alone, and the output's where both are there."""
    folder = QE.parent / "qe_fixed_atoms"
    alone = read_existing(folder / "data-file-schema.xml")
    assert len(alone) == 0
    assert "fixed" in alone.reports[0].dropped[0].detail
    for path in (folder / "pw.out", folder):
        found = read_one(path)
        assert found.energies[0] == pytest.approx(-408.1708, abs=1e-4)
        np.testing.assert_allclose(found.forces[0, 0], [0.51422, 0, 0], atol=1e-5)


def test_cp2k_single_point_has_the_sign_of_its_stress() -> None:
    """Forces and stress of the log, the stress as tension; the printed pressure is its opposite."""
    found = read_one(CP2K / "single_point" / "sp.out")
    assert len(found) == 1
    dynamics = read_one(CP2K / "md" / "md.out")
    for name in ("positions", "cells", "energies", "forces", "stresses"):
        np.testing.assert_allclose(getattr(found, name)[0], getattr(dynamics, name)[0], atol=2e-6, err_msg=name)


def test_cp2k_dynamics_has_forces_of_its_positions_and_no_kinetic_stress() -> None:
    """Energies follow the forces; the stress file, which has the kinetic part, differs by just that part."""
    found = read_one(CP2K / "md" / "md.out")
    assert len(found) == 6
    assert_work_follows(found, 1.5e-3)
    lines = [line.split() for line in (CP2K / "md" / "md-1.stress").read_text().splitlines()[1:]]
    printed = np.array([[float(row[2]), float(row[6]), float(row[10])] for row in lines]) * 6.241509e-7
    kinetic = printed + found.stresses[:, :3]
    speeds = np.gradient(found.positions, 0.5, axis=0)[1:-1]
    expected = 1.008 * 103.642697 * (speeds**2).sum(axis=1) / found.volumes[0]
    np.testing.assert_allclose(kinetic[1:-1], expected, rtol=0.1, atol=2e-4)


def test_cp2k_reports_what_has_not_converged() -> None:
    """The run ended well, as CP2K does; the first field had not converged."""
    data = read_existing(CP2K / "failed_not_converged" / "unc.out")
    assert [(item.index, item.reason) for item in data.reports[0].dropped] == [(0, "not_converged")]
    assert len(data.labelled_sources) == 3


def test_cp2k_needs_the_files_of_its_trajectory(tmp_path: Path) -> None:
    """Without forces, in a file or the log, or without log there is no label; the report says what is missing."""
    shutil.copytree(CP2K / "md", tmp_path / "md")
    (tmp_path / "md" / "md-frc-1.xyz").unlink()
    text = (tmp_path / "md" / "md.out").read_text()
    (tmp_path / "md" / "md.out").write_text(re.sub(r" ATOMIC FORCES(.*\n)*? SUM OF ATOMIC FORCES.*\n", "", text))
    report = read_existing(tmp_path / "md" / "md.out").reports[0]
    assert report.status is FileStatus.UNREADABLE
    assert "md-frc-1.xyz" in report.detail
    (tmp_path / "md" / "md.out").unlink()
    assert not read_existing(tmp_path / "md").labelled


def test_cpmd_folders_are_read_whatever_their_files_are_called(tmp_path: Path) -> None:
    """A dynamics of CPMD under other names gives the frames that its own reader gives."""
    checks = LabelChecks(max_net_force=None)
    shutil.copytree(FIXTURES / "cpmd" / "md_pg", tmp_path / "md")
    (tmp_path / "md" / "cpmd.out").rename(tmp_path / "md" / "run.log")
    (tmp_path / "md" / "cpmd.inp").rename(tmp_path / "md" / "run.inp")
    data = read_existing(tmp_path, checks=checks)
    good = read_md(FIXTURES / "cpmd" / "md_pg")
    [found] = data.labelled
    for name in ("positions", "cells", "energies", "forces", "stresses"):
        np.testing.assert_allclose(getattr(found, name), getattr(good, name), err_msg=name)
    assert not [report for report in data.reports if report.status is FileStatus.NOT_RECOGNISED]


def test_cpmd_does_not_label_what_did_not_converge() -> None:
    """All-zero forces of CPMD are reported as what they are."""
    data = read_existing(FIXTURES / "cpmd" / "failed_not_converged")
    assert len(data) == 0
    [report] = [report for report in data.reports if report.status is FileStatus.READ]
    assert [item.reason for item in report.dropped] == ["not_converged"]


@pytest.fixture
def cpmd_run(tmp_path: Path) -> Path:
    """Return a copy of a dynamics of CPMD."""
    return shutil.copytree(FIXTURES / "cpmd" / "md_restart_pg", tmp_path / "run")


def read_cpmd_run(folder: Path) -> tuple[Frames, FileReport]:
    """Return the frames of a folder with one run, and the report on its output."""
    data = read_existing(folder, checks=LabelChecks(max_net_force=None))
    [frames] = data.labelled
    [report] = [report for report in data.reports if report.status is FileStatus.READ]
    return frames, report


def test_cpmd_energies_of_a_diagonalisation_have_six_columns(cpmd_run: Path) -> None:
    """Step, temperature, energy, conserved energy, displacement, time; the energy is not the conserved one."""
    good = read_md(cpmd_run)
    shutil.copy(FIXTURES / "cpmd" / "md_diagonalised" / "ENERGIES", cpmd_run)
    found, report = read_cpmd_run(cpmd_run)
    assert found.energies[0] == pytest.approx(-53.257945 * HARTREE, abs=1e-9)
    np.testing.assert_allclose(found.energies, good.energies, atol=2e-5)
    np.testing.assert_array_equal(found.forces, good.forces)
    assert not report.dropped


def test_cpmd_output_of_a_diagonalisation_has_six_decimals(cpmd_run: Path) -> None:
    """Its steps are seen all the same: the one behind the warning is no label."""
    shutil.copy(FIXTURES / "cpmd" / "md_diagonalised" / "ENERGIES", cpmd_run)
    text = (cpmd_run / "cpmd.out").read_text()
    [row] = [line for line in text.splitlines() if line.startswith("         6   184.7")]
    wide = "          6   184.7    -53.254223    -53.241442  0.331660E-01     9.71"
    (cpmd_run / "cpmd.out").write_text(text.replace(row, f" WARNING! DENSITY NOT CONVERGED !!!\n{wide}"))
    found, report = read_cpmd_run(cpmd_run)
    assert len(found) == 6
    assert [(item.reason, item.detail[-3:]) for item in report.dropped] == [("not_converged", "`6`")]


@pytest.mark.parametrize("is_empty", [False, True])
def test_cpmd_frames_without_the_stress_file_are_labels(cpmd_run: Path, is_empty: bool) -> None:
    """Lost, or never filled; the report says it, and a run of ours, which needs its stress, is still refused."""
    good = read_md(cpmd_run)
    (cpmd_run / "STRESS").unlink()
    if is_empty:
        (cpmd_run / "STRESS").touch()
    found, report = read_cpmd_run(cpmd_run)
    np.testing.assert_array_equal(found.forces, good.forces)
    assert found.stresses is None or np.isnan(found.stresses).all()
    assert report.no_stress == 7
    assert any("STRESS" in note for note in report.notes)
    with pytest.raises(OutputError, match="`STRESS`"):
        read_md(cpmd_run)


@pytest.mark.parametrize("name", ["md.inp", "md.cpmd"])
def test_cpmd_input_is_the_one_that_the_output_names(cpmd_run: Path, name: str) -> None:
    """The wavefunction was optimised first, in the same folder, with an input of another order and cell."""
    good = read_md(cpmd_run)
    own = (cpmd_run / "cpmd.inp").read_text()
    (cpmd_run / "cpmd.inp").rename(cpmd_run / name)
    (cpmd_run / "wf.inp").write_text("&CPMD\n OPTIMIZE WAVEFUNCTION\n&END\n")
    (cpmd_run / "cpmd.inp").write_text(own.replace("9.0000000000", "9.1000000000"))
    text = (cpmd_run / "cpmd.out").read_text()
    (cpmd_run / "cpmd.out").write_text(text.replace("cpmd.inp", name))
    found, _ = read_cpmd_run(cpmd_run)
    for field in ("positions", "cells", "energies", "forces", "stresses"):
        np.testing.assert_array_equal(getattr(found, field), getattr(good, field))


def test_cpmd_inputs_of_which_none_is_named_are_refused(cpmd_run: Path) -> None:
    """Nobody knows which it was; the report names the files as they are called."""
    (cpmd_run / "cpmd.inp").rename(cpmd_run / "a.inp")
    shutil.copy(cpmd_run / "a.inp", cpmd_run / "b.in")
    (cpmd_run / "cpmd.out").rename(cpmd_run / "run.log")
    [report] = [item for item in read_existing(cpmd_run).reports if item.status is FileStatus.UNREADABLE]
    assert "2 inputs of CPMD lie beside `run.log`, none of them `cpmd.inp`" in report.detail
