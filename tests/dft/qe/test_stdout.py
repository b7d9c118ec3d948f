"""The standard output of pw.x, compared with itself."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from aiida_nnpgen.common.exceptions import OutputError
from aiida_nnpgen.common.units import BOHR, HARTREE
from aiida_nnpgen.dft.qe.stdout import read_error, read_qe_output
from aiida_nnpgen.dft.reading import FileContent

FORCE = HARTREE / 2 / BOHR
TOTAL = "Total force =     0.023452"
LAST = "   JOB DONE."


@pytest.fixture
def fixed(fixtures: Path) -> str:
    """Return an output of four atoms, the first of which is fixed, with forces of 0.02, 0.01 and 0.005 Ry/bohr."""
    return (fixtures / "existing" / "qe_fixed_atoms" / "pw.out").read_text()


def read(folder: Path, text: str) -> FileContent:
    """Read a text."""
    path = folder / "pw.out"
    path.write_text(text)
    return read_qe_output(path)


def detail(content: FileContent) -> str:
    """Return why the only configuration is none."""
    [dropped] = content.dropped
    assert not content.frames
    return dropped.detail


# Of the squares, in 0.005²: atom 1 has 16 along x; atom 2 has 16 along x and 4 along y; atoms 3 and 4 have 1 along y.
@pytest.mark.parametrize(
    "squares",
    [
        pytest.param(38, id="nothing is fixed"),
        pytest.param(22, id="atom 1, or x of atom 2"),
        pytest.param(18, id="atom 2"),
        pytest.param(2, id="atoms 1 and 2"),
        pytest.param(6, id="x of all"),
        pytest.param(32, id="y of all"),
        pytest.param(37, id="atom 3"),
        pytest.param(0, id="everything"),
    ],
)
def test_total_force_may_leave_fixed_components_out(fixed: str, tmp_path: Path, squares: int) -> None:
    """All forces are printed; the total one is of those that are free."""
    [frame] = read(tmp_path, fixed.replace(TOTAL, f"Total force = {0.005 * squares**0.5:12.6f}")).frames
    assert frame.forces is not None
    np.testing.assert_allclose(frame.forces[:2] / FORCE, [[0.02, 0, 0], [-0.02, 0.01, 0]], atol=1e-9)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (TOTAL, "Total force =     0.033452"),
        (TOTAL, "Total force =     0.013452"),
        ("0.02000000    0.00000000", "0.03000000    0.00000000"),  # of the fixed atom: not in the total force
        ("-0.02000000    0.01000000", "-0.02000000    0.02000000"),
    ],
)
def test_forces_must_fit_the_total_one(fixed: str, tmp_path: Path, old: str, new: str) -> None:
    """It is none of any components, or the forces do not sum to zero."""
    assert "total force" in detail(read(tmp_path, fixed.replace(old, new)))


def test_reciprocal_cell_must_fit(fixtures: Path, tmp_path: Path) -> None:
    """An element off the diagonal, of which the volume knows nothing."""
    text = (fixtures / "qe" / "scf" / "aiida.out").read_text()
    assert read(tmp_path, text).frames
    assert "geometry" in detail(read(tmp_path, text.replace("0.060000   1.040000", "0.061000   1.040000")))


def next_configuration(fixed: str, geometry: str) -> str:
    """Return the output with another configuration after the first."""
    calculation = fixed[fixed.index("     Self-consistent Calculation") : fixed.index(LAST)]
    return fixed.replace(LAST, f"{geometry}\n\n{calculation}{LAST}")


POSITIONS = "ATOMIC_POSITIONS (crystal)\nSi 0.01 0 0 0 0 0\nSi 0.51 0.5 0\nSi 0.5 0 0.5\nSi 0 0.5 0.5"
VOLUME = "     new unit-cell volume =   1331.00000 a.u.^3 (   197.23444 Ang^3 )"
CELL = "CELL_PARAMETERS (alat= 10.0)\n 1.1 0.0 0.0\n 0.0 1.1 0.0\n 0.0 0.0 1.1\n"


@pytest.mark.parametrize(
    ("geometry", "length"), [(POSITIONS, 10.0), (f"{VOLUME}\n\n{CELL}\n{POSITIONS}", 11.0), (CELL + POSITIONS, 11.0)]
)
def test_next_configuration_has_its_own_geometry(fixed: str, tmp_path: Path, geometry: str, length: float) -> None:
    """New positions, and a new cell where that moves, with its volume or without."""
    first, second = read(tmp_path, next_configuration(fixed, geometry)).frames
    assert first.cell[0, 0] == pytest.approx(10 * BOHR)
    assert second.cell[0, 0] == pytest.approx(length * BOHR)
    assert second.positions[0, 0] == pytest.approx(0.01 * length * BOHR)


@pytest.mark.parametrize(
    "geometry",
    [
        POSITIONS.replace("ATOMIC", "ATO*IC"),
        f"{VOLUME}\n{CELL.replace('CELL', 'CEL*')}{POSITIONS}",
        f"{VOLUME}\n{CELL.replace('1.1 0.0 0.0', '1.2 0.0 0.0')}{POSITIONS}",
    ],
)
def test_configuration_without_its_own_geometry_is_none(fixed: str, tmp_path: Path, geometry: str) -> None:
    """The forces never go to positions or a cell of the configuration before."""
    content = read(tmp_path, next_configuration(fixed, geometry))
    assert [frame.index for frame in content.frames] == [0]
    assert [item.index for item in content.dropped] == [1]


def test_output_is_right_or_refused_wherever_it_is_cut(fixtures: Path, tmp_path: Path) -> None:
    """Truncated after every line: either all of the label, or none of it."""
    text = (fixtures / "qe" / "scf" / "aiida.out").read_text()
    [whole], lines = read(tmp_path, text).frames, text.splitlines(keepends=True)
    for end in range(len(lines)):
        try:
            frames = read(tmp_path, "".join(lines[:end])).frames
        except OutputError:
            continue
        for frame in frames:
            for name in ("positions", "cell", "energy", "forces", "stress"):
                value = getattr(frame, name)
                assert value is None or np.array_equal(value, getattr(whole, name)), (end, name)


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


TERMS = "     ewald contribution        =      -4.17624387 Ry\n"
SMEARED = (
    "     smearing contrib. (-TS)   =      -1.00000000 Ry\n     internal energy E=F+TS    =     -31.48192104 Ry\n\n"
    "     The total energy is F=E-TS. E is the sum of the following terms:\n"
)


@pytest.fixture
def printed(fixtures: Path) -> str:
    """Return the output of a single point of water."""
    return (fixtures / "qe" / "scf" / "aiida.out").read_text()


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("     -32.48192104 Ry", "     -32.48292104 Ry", "parts of the energy"),
        ("     -42.93074976 Ry", "     -42.93074996 Ry", "parts of the energy"),
        ("P=     -259.15", "P=     -359.15", "pressure"),
    ],
)
def test_what_is_printed_twice_is_compared(printed: str, tmp_path: Path, old: str, new: str, what: str) -> None:
    """The energy has its parts beside it, the stress its trace."""
    assert old in printed
    assert what in detail(read(tmp_path, printed.replace(old, new)))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (TERMS, ""),
        (TERMS, TERMS + "     Penalty of tomorrow       =      -4.17624387 Ry\n"),
        ("P=     -259.15", "P=       ******"),
        ("     -42.93074976 Ry", "     -41.93074976 Ry"),
    ],
)
def test_what_is_not_known_is_not_compared(printed: str, tmp_path: Path, old: str, new: str) -> None:
    """Lost parts, parts with another name, a number that did not fit; with smearing, the parts are without -TS."""
    text = printed.replace(old, new)
    if "-41.9" in new:
        text = text.replace("     The total energy is the sum of the following terms:\n", SMEARED)
    if not new:
        text = text.replace("The total energy is the sum", "The energy is the sum")
    assert len(read(tmp_path, text).frames) == 1


@pytest.mark.parametrize("total", ["    -0.023452", " 99999.023452"])
def test_total_force_that_cannot_be_takes_no_time(fixed: str, tmp_path: Path, total: str) -> None:
    """No sum of billions of parts is looked for: a damaged file is refused at once."""
    start = time.perf_counter()
    assert "total force" in detail(read(tmp_path, fixed.replace(TOTAL, f"Total force = {total}")))
    assert time.perf_counter() - start < 2


def test_force_that_cannot_be_takes_no_memory(fixed: str, tmp_path: Path) -> None:
    """Neither does a force beyond all bounds."""
    lines = fixed.replace(" 0.02000000", " 9.9D+30").splitlines(keepends=True)
    assert not read(tmp_path, "".join(lines)).frames


def test_steps_of_a_dynamics_are_in_order(fixtures: Path, tmp_path: Path) -> None:
    """Blocks that changed places bring positions to the labels of others: the start alone is what it was."""
    text = (fixtures / "existing" / "qe" / "md" / "pw.out").read_text()
    assert len(read(tmp_path, text).frames) > 2
    swapped = text.replace("iteration =     1", "iteration =     x").replace("iteration =     2", "iteration =     1")
    content = read(tmp_path, swapped.replace("iteration =     x", "iteration =     2"))
    assert len(content.frames) == 1
    assert "not in order" in content.dropped[0].detail


def test_unit_of_length_is_positive(fixtures: Path, tmp_path: Path) -> None:
    """A wrong sign would mirror cell and positions, but not the forces, and keeps the volume."""
    text = (fixtures / "existing" / "qe" / "scf" / "pw.out").read_text()
    assert "geometry" in detail(read(tmp_path, text.replace("celldm(1)=   ", "celldm(1)=  -")))
