"""Runs of CP2K that people have: logs of every version, with and without files beside them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from aiida_nnpgen.common.exceptions import OutputError
from aiida_nnpgen.common.units import BOHR, GPA, HARTREE
from aiida_nnpgen.dft.cp2k.files import Snapshot
from aiida_nnpgen.dft.cp2k.folder import check_copies, read_cp2k
from aiida_nnpgen.dft.cp2k.log import Evaluation
from aiida_nnpgen.dft.reading import Reading

FIXTURES = Path(__file__).parents[2] / "fixtures" / "existing" / "cp2k"
FORCE = HARTREE / BOHR
THREE_DECIMALS = "three decimals only"
LENGTH = 4.1234567
CELL_FILE = f"# made\n 0 0.000 {LENGTH} 0.0 0.0 0.0 {LENGTH} 0.0 0.0 0.0 {LENGTH} {LENGTH**3:.10f}\n"


@pytest.fixture
def copy(tmp_path: Path) -> Callable[[str], Path]:
    """Return a function that copies a fixture to where it may be changed."""
    return lambda name: shutil.copytree(FIXTURES / name, tmp_path / name)


def read_one(path: Path) -> Reading:
    """Return the frame of a single point."""
    content = read_cp2k(path)
    assert not content.dropped, content.dropped
    [frame] = content.frames
    return frame


def assert_same(frame: Reading, other: Reading) -> None:
    """Compare everything that is read, to the digits that a log has."""
    assert frame.numbers.tolist() == other.numbers.tolist()
    assert frame.periodic == other.periodic
    for name in ("positions", "cell", "energy", "forces", "stress"):
        np.testing.assert_allclose(getattr(frame, name), getattr(other, name), rtol=1e-7, atol=1e-7, err_msg=name)


@pytest.mark.parametrize("version", ["6.1", "7.1", "9.1", "2022.2"])
def test_read_cp2k_takes_logs_of_every_version(version: str) -> None:
    """Blanks, brackets and tables differ; a length of three decimals is not taken without a word."""
    content = read_cp2k(FIXTURES / "before_2023" / f"v{version}.out")
    [frame] = content.frames
    is_rough = version in ("6.1", "7.1")
    assert frame.periodic
    assert frame.energy == pytest.approx(-468.0358, abs=1e-4)
    np.testing.assert_allclose(frame.forces[0], [0.51422, 0.25711, 0.0], atol=1e-5)
    np.testing.assert_allclose(frame.cell, np.eye(3) * LENGTH, atol=5e-4 if is_rough else 5e-7)
    assert any(THREE_DECIMALS in note for note in content.notes) == is_rough
    if version == "7.1":
        np.testing.assert_allclose(frame.stress, np.array([-1.0, -1.0, -1.0, 0.0, 0.0, 0.0]) * GPA, rtol=1e-9)
    else:
        assert frame.stress is None


@pytest.mark.parametrize("version", ["7.1", "2025.1"])
def test_read_cp2k_gives_one_label_however_a_version_spells_it(
    version: str, rewrite: Callable[[str, str], str], tmp_path: Path
) -> None:
    """A real single point in the words of other versions is the same label."""
    text = (FIXTURES / "single_point" / "sp.out").read_text()
    (tmp_path / "sp.out").write_text(rewrite(text, version))
    found, good = read_one(tmp_path / "sp.out"), read_one(FIXTURES / "single_point" / "sp.out")
    assert good.stress is not None
    assert_same(found, good)


def test_read_cp2k_takes_the_second_start_of_a_log(tmp_path: Path) -> None:
    """A run that died and was done again into the same file."""
    text = (FIXTURES / "single_point" / "sp.out").read_text()
    died = text[: text.index(" ENERGY|")].replace("SCF run converged", "SCF run NOT converged")
    (tmp_path / "sp.out").write_text(died.replace("4.000", "9.000") + text)
    assert_same(read_one(tmp_path / "sp.out"), read_one(FIXTURES / "single_point" / "sp.out"))


def test_read_cp2k_says_that_it_read_one_of_two_single_points(tmp_path: Path) -> None:
    """What was appended to a log is not read without a word."""
    text = (FIXTURES / "single_point" / "sp.out").read_text()
    (tmp_path / "sp.out").write_text(text + text)
    content = read_cp2k(tmp_path / "sp.out")
    assert len(content.frames) == 1
    assert any("only the first of 2 energies" in note for note in content.notes)


def test_read_cp2k_takes_forces_from_the_log_where_no_file_has_them() -> None:
    """A folder without a file of forces is whole if they were printed at each step."""
    content = read_cp2k(FIXTURES / "forces_in_log" / "p.out")
    assert not content.dropped
    np.testing.assert_allclose([frame.energy / HARTREE for frame in content.frames], [-17.2, -17.2001], atol=1e-9)
    expected = np.array([[0.01, 0.005, 0.0], [0.008, 0.004, 0.0]]) * FORCE
    np.testing.assert_allclose([frame.forces[0] for frame in content.frames], expected, atol=1e-9)
    assert any("forces are those of the log" in note for note in content.notes)


def test_read_cp2k_has_the_same_forces_from_file_and_log(copy: Callable[[str], Path]) -> None:
    """Both are read of a real run, with the digits that each has."""
    folder = copy("md")
    good = read_cp2k(folder / "md.out").frames
    (folder / "md-frc-1.xyz").unlink()
    found = read_cp2k(folder / "md.out").frames
    assert len(found) == len(good) == 6
    for frame, other in zip(found, good, strict=True):
        np.testing.assert_allclose(frame.forces, other.forces, atol=6e-9 * FORCE)


def test_read_cp2k_drops_steps_without_forces_in_the_log(copy: Callable[[str], Path]) -> None:
    """Where they were printed at some steps only, the others are no labels."""
    folder = copy("forces_in_log")
    text = (folder / "p.out").read_text()
    (folder / "p.out").write_text(text[: text.rindex(" ATOMIC FORCES")])
    content = read_cp2k(folder / "p.out")
    assert [frame.index for frame in content.frames] == [0]
    assert [item.index for item in content.dropped] == [1]


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("md-frc-1.xyz", "-0.0350734707", "-0.0350744707", "forces of step 0 differ"),
        ("md.out", "-0.03507347", "-0.03507447", "do not add up"),
        ("md.out", "STRESS|      x       -1.92786358498E+00", "STRESS|      x       -1.92886358498E+00", "contradicts"),
        ("md.out", "Eigenvalues  -2.06349340907E+00", "Eigenvalues  -2.06449340907E+00", "contradicts"),
        (
            "md.out",
            "hartree]                          -0.224751583657E+01",
            "hartree]  -0.224751593657E+01",
            "energy is",
        ),
        ("md-pos-1.xyz", "E =        -2.2475158366", "E =        -2.2475168366", "no energy of step 0"),
        ("md-frc-1.xyz", "E =        -2.2475158366", "E =        -2.2475168366", "energy or elements of step 0"),
        ("md-frc-1.xyz", "  H        -0.0350734707", "  O        -0.0350734707", "energy or elements of step 0"),
    ],
)
def test_read_cp2k_drops_the_step_whose_copies_differ(
    copy: Callable[[str], Path], file: str, old: str, new: str, message: str
) -> None:
    """Whatever CP2K writes twice is compared; the other steps stay."""
    folder = copy("md")
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1))
    content = read_cp2k(folder / "md.out")
    assert [frame.index for frame in content.frames] == [1, 2, 3, 4, 5]
    [dropped] = content.dropped
    assert message in dropped.detail


def test_read_cp2k_refuses_two_forces_of_one_energy(copy: Callable[[str], Path]) -> None:
    """Steps are found by their energy: where two have the same one, no file says whose forces they are."""
    folder = copy("forces_in_log")
    for name in ("p.out", "p-pos-1.xyz"):
        text = (folder / name).read_text()
        (folder / name).write_text(text.replace("-17.2001000000", "-17.2000000000").replace("-17.200099", "-17.199999"))
    content = read_cp2k(folder / "p.out")
    assert not content.frames
    assert all("other forces with the energy" in item.detail for item in content.dropped)


def test_check_copies_unwraps_the_second_copy_of_the_positions() -> None:
    """Positions in the log are wrapped into the cell; what differs by no lattice vector is damage."""
    cell = np.array([[4.0, 0.0, 0.0], [0.5, 5.0, 0.0], [0.0, 0.3, 6.0]])
    place = Snapshot(1, -1.0, (1,), np.array([[3.9, 5.2, 1.0]]))
    for shift, is_good in ((-cell[0] - cell[1], True), (np.array([0.001, 0.0, 0.0]), False)):
        evaluation = Evaluation(energy=-1.0, converged=True, places=place.values + shift)
        if is_good:
            check_copies(evaluation, place, None, cell)
        else:
            with pytest.raises(OutputError, match="positions of step 1 differ"):
                check_copies(evaluation, place, None, cell)


def test_read_cp2k_takes_the_cell_from_the_file_beside() -> None:
    """Three decimals are all that a log has of a cell that is not in standard orientation."""
    content = read_cp2k(FIXTURES / "cell_beside" / "p.out")
    [frame] = content.frames
    np.testing.assert_allclose(frame.cell, (1 - np.eye(3)) * 2.695525, atol=1e-9)
    assert [file.name for file in content.companions] == ["p-1.cell"]
    assert not any(THREE_DECIMALS in note for note in content.notes)


@pytest.mark.parametrize("name", ["before_2023/v7.1.out", "forces_in_log/p.out"])
def test_read_cp2k_takes_a_rounded_cell_from_the_file_beside(copy: Callable[[str], Path], name: str) -> None:
    """Single point and dynamics, a version with three decimals and one with six: the file has ten."""
    folder = copy(name.partition("/")[0])
    (folder / "p-1.cell").write_text(CELL_FILE)
    content = read_cp2k(folder / name.partition("/")[2])
    assert content.frames
    for frame in content.frames:
        np.testing.assert_allclose(frame.cell, np.eye(3) * LENGTH, atol=1e-9)
    assert not any(THREE_DECIMALS in note for note in content.notes)


@pytest.mark.parametrize("cell_file", [None, CELL_FILE])
def test_read_cp2k_says_that_a_cell_has_three_decimals(copy: Callable[[str], Path], cell_file: str | None) -> None:
    """Without a file, or with the file of another run, there is a note."""
    folder = copy("cell_beside")
    (folder / "p-1.cell").unlink()
    if cell_file is not None:
        (folder / "p-1.cell").write_text(cell_file)
    content = read_cp2k(folder / "p.out")
    [frame] = content.frames
    np.testing.assert_allclose(frame.cell, (1 - np.eye(3)) * 2.696, atol=1e-9)
    assert any(THREE_DECIMALS in note for note in content.notes)
    assert any("another cell than the log" in note for note in content.notes) == (cell_file is not None)
    assert not content.companions


def test_read_cp2k_refuses_a_damaged_cell_file_where_it_is_needed(copy: Callable[[str], Path]) -> None:
    """A cell that does not have the volume behind it is damaged."""
    folder = copy("cell_beside")
    text = (folder / "p-1.cell").read_text()
    (folder / "p-1.cell").write_text(text.replace("2.6955250000", "2.6955350000", 1))
    with pytest.raises(OutputError, match=r"`p-1\.cell` is cut or damaged"):
        read_cp2k(folder / "p.out")


def test_read_cp2k_of_a_moving_cell_needs_its_file(copy: Callable[[str], Path]) -> None:
    """Each step has the cell of its own row; a row that is damaged is missing."""
    folder = copy("md")
    (folder / "md.out").write_text(re.sub(r"(Ensemble type +)NVE", r"\1NPT_I", (folder / "md.out").read_text()))
    lines = (folder / "md-1.cell").read_text().splitlines(keepends=True)
    lines[2] = lines[2].replace("4.5000000000", "4.6000000000")
    (folder / "md-1.cell").write_text("".join(lines))
    content = read_cp2k(folder / "md.out")
    assert [item.detail for item in content.dropped] == ["step 1 has no cell"]
    (folder / "md-1.cell").unlink()
    with pytest.raises(OutputError, match="the cell moves"):
        read_cp2k(folder / "md.out")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("4.123     0.000     0.000   |a|", "4.128     0.000     0.000   |a|"),
        ("0.000     4.123   |c|", "0.070     4.123   |c|"),
        ("alpha [degree]:            90.000000", "alpha [degree]:            91.000000"),
    ],
)
def test_read_cp2k_compares_a_cell_with_its_lengths_and_angles(tmp_path: Path, old: str, new: str) -> None:
    """An old version prints three decimals of each, which are enough to see another digit."""
    text = (FIXTURES / "before_2023" / "v7.1.out").read_text()
    assert old in text
    (tmp_path / "p.out").write_text(text.replace(old, new, 1))
    with pytest.raises(OutputError, match=r"do not have their (lengths|angles)"):
        read_cp2k(tmp_path / "p.out")
