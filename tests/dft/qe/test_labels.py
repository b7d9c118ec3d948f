"""Outputs of pw.x: what is a label, and what is not."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

from aiida_nnpgen.common.dynamics import Conditions
from aiida_nnpgen.common.exceptions import OutputError
from aiida_nnpgen.common.types import RunEnd
from aiida_nnpgen.common.units import BOHR, GPA, HARTREE
from aiida_nnpgen.dft.label import LabelFailure, RefusedLabelError
from aiida_nnpgen.dft.qe.labels import (
    CRASH,
    STDOUT,
    XML,
    count_steps,
    join_run,
    read_run,
    read_single_point,
    read_why,
)

CELL = [[5.0, 0.0, 0.0], [0.3, 5.2, 0.0], [0.1, 0.2, 5.5]]
WATER = Atoms("OH2", positions=[[2.0, 2.0, 2.0], [2.96, 2.0, 2.0], [1.76, 2.93, 2.0]], cell=CELL, pbc=True)
FORCE = HARTREE / 2 / BOHR

Run = Callable[..., Path]


@pytest.fixture
def run(fixtures: Path, tmp_path: Path) -> Run:
    """Return a function that copies the files of a real run, with text changed."""

    def copy(name: str, *changes: tuple[str, str, str]) -> Path:
        folder = shutil.copytree(fixtures / "qe" / name, tmp_path / f"{name}_{len(list(tmp_path.iterdir()))}")
        for file, old, new in changes:
            text = (folder / file).read_text()
            assert old in text
            (folder / file).write_text(text.replace(old, new))
        return folder

    return copy


def test_single_point_is_in_our_units(run: Run) -> None:
    """Numbers read off the file by hand; pressure becomes compression, which is negative."""
    frame = read_single_point(run("scf"), WATER)
    assert frame.energies is not None
    assert frame.forces is not None
    assert frame.stresses is not None
    assert frame.energies[0] == pytest.approx(-32.48192103 * 13.605693123, abs=1e-5)
    assert frame.forces[0, 0, 0] == pytest.approx(-0.1321 * 13.605693123 / 0.529177210544, abs=2e-3)
    np.testing.assert_allclose(frame.stresses[0] / GPA, [22.99, 24.57, 30.19, -0.35, -0.32, 1.18], atol=0.01)
    np.testing.assert_array_equal(frame.positions[0], WATER.positions)


@pytest.mark.parametrize("content", [None, b"", b"<qes:espresso", "of another job"])
def test_single_point_needs_the_standard_output_alone(run: Run, content: bytes | str | None) -> None:
    """The XML file may be missing, empty, cut, or that of a job before, which had no result."""
    folder = run("scf")
    whole = read_single_point(folder, WATER)
    (folder / XML).unlink()
    if isinstance(content, bytes):
        (folder / XML).write_bytes(content)
    elif content:
        shutil.copy(run("overlap") / STDOUT, folder / XML)
    frame = read_single_point(folder, WATER)
    for name, tolerance in {"energies": 1e-6, "forces": 1e-6, "stresses": 1e-5}.items():
        np.testing.assert_allclose(getattr(frame, name), getattr(whole, name), rtol=0, atol=tolerance)


@pytest.mark.parametrize("name", [STDOUT, XML])
def test_both_files_must_say_that_the_field_has_converged(run: Run, name: str) -> None:
    """One that says no is enough to refuse."""
    words = {STDOUT: ("convergence has been", "convergence NOT"), XML: ("achieved>true", "achieved>false")}
    with pytest.raises(OutputError, match="converged"):
        read_single_point(run("scf", (name, *words[name])), WATER)


def test_only_convergence_makes_a_label(run: Run) -> None:
    """A real run that did not, and one whose output does not say so."""
    with pytest.raises(RefusedLabelError, match="not converged") as info:
        read_single_point(run("not_converged"), WATER)
    assert info.value.reason is LabelFailure.NOT_CONVERGED
    with pytest.raises(OutputError) as other:
        read_single_point(run("scf", (STDOUT, "convergence has been", "")), WATER)
    assert getattr(other.value, "reason", None) is LabelFailure.NO_OUTPUT


@pytest.mark.parametrize(
    ("name", "line"), [("energy", "!    total"), ("forces", "Forces acting on"), ("stress", "total   stress")]
)
def test_missing_number_is_no_label(run: Run, name: str, line: str) -> None:
    """The XML file has it, but nothing to compare it with."""
    with pytest.raises(OutputError):
        read_single_point(run("scf", (STDOUT, line, "")), WATER)


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        (XML, "<etot>-1.624096", "<etot>-1.624097", "energy .* differ"),
        (XML, "7.346332875631340e-2", "-7.346332875631340e-2", "forces .* differ"),
        (XML, "-7.813705966746326e-4", "-7.823705966746326e-4", "stress .* differ"),
        (XML, 'index="1">3.779452249251540e0', 'index="1">3.789452249251540e0', "positions .* differ"),
        (XML, "<a3>1.889726124625770e-1", "<a3>1.899726124625770e-1", "cell .* differ"),
        (XML, '"H"', '"N"', "numbers .* differ"),
        (
            STDOUT,
            "!    total energy              =     -32.481921",
            "!    total energy              =     -32.481922",
            "energy",
        ),
        (STDOUT, "0.14692666", "0.14692766", "forces"),
        (STDOUT, "  -0.00156274 ", "  -0.00156294 ", "stress"),
    ],
)
def test_changed_number_is_no_label(run: Run, file: str, old: str, new: str, message: str) -> None:
    """The two files have two copies of every number."""
    with pytest.raises(OutputError, match=message):
        read_single_point(run("scf", (file, old, new)), WATER)


@pytest.mark.parametrize("old", ["-32.48192104 Ry", "   0.14692666", "  -0.00156274"])
@pytest.mark.parametrize("value", ["NaN", "Infinity"])
def test_not_finite_is_no_label(run: Run, old: str, value: str) -> None:
    """NaN and infinity have a reason of their own."""
    with pytest.raises(RefusedLabelError) as info:
        read_single_point(run("scf", (STDOUT, old, f" {value} Ry" if "Ry" in old else f" {value} ")), WATER)
    assert info.value.reason is LabelFailure.NOT_FINITE


def test_all_zero_forces_are_no_label(run: Run) -> None:
    """Even if both sources say so."""
    folder = run("scf", (STDOUT, "Total force =     0.297346", "Total force =     0.000000"))
    lines = [
        f"{line.partition('force =')[0]}force =     0.00000000    0.00000000    0.00000000"
        if " type " in line and "force =" in line
        else line
        for line in (folder / STDOUT).read_text().splitlines()
    ]
    (folder / STDOUT).write_text("\n".join(lines))
    before, _, rest = (folder / XML).read_text().partition('<forces rank="2" dims="3 3" order="F">')
    after = rest.partition("</forces>")[2]
    (folder / XML).write_text(f"{before}<forces>{9 * ' 0.0'}</forces>{after}")
    with pytest.raises(RefusedLabelError) as info:
        read_single_point(folder, WATER)
    assert info.value.reason is LabelFailure.ALL_ZERO


def test_fixed_atoms_have_their_true_forces(run: Run) -> None:
    """A real single point: the XML file has zeros in their place, and does not say so."""
    frame = read_single_point(run("fixed_atoms"), WATER)
    assert frame.forces is not None
    expected = np.array([[-0.13212030, -0.16525510, 0.00100378], [0.14692666, 0.01865259, 0.00034122]])
    np.testing.assert_allclose(frame.forces[0, :2], expected * FORCE, atol=1e-6)


def test_hybrid_functional_is_one_configuration(run: Run) -> None:
    """A real run with exact exchange: five self-consistent calculations, the last of which belongs to the forces."""
    frame = read_single_point(run("hybrid"), WATER)
    assert frame.energies is not None
    assert frame.energies[0] == pytest.approx(-32.49572390 * HARTREE / 2, abs=1e-6)


def test_output_of_another_structure_is_no_label(run: Run) -> None:
    """Other atoms, other places, another cell."""
    folder = run("scf")
    moved, larger, other = WATER.copy(), WATER.copy(), WATER.copy()
    moved.positions[1, 2] += 1e-4
    larger.set_cell(1.01 * np.array(CELL))
    other.numbers[0] = 7
    for atoms in (WATER[:2], WATER + WATER[:1], moved, larger, other):
        with pytest.raises(OutputError, match="do not match"):
            read_single_point(folder, atoms)


def test_dynamics_continues_where_it_was(run: Run) -> None:
    """Two jobs: the second one starts at the positions to which the first one moved."""
    first, second = run("md_first"), run("md_second")
    found = read_run([first, second], WATER)
    assert found.frames is not None
    assert found.makers.tolist() == [0, 1, 1, 1]
    assert found.problem is None
    np.testing.assert_allclose(np.diff(found.frames.positions, axis=0)[:, 1, 0], [0.0042, 0.0123, 0.0191], atol=2e-4)
    alone = read_run([second], WATER)
    assert alone.frames is None
    assert "do not match" in str(alone.problem)
    assert count_steps(second) == 3


def test_dynamics_ends_before_a_bad_frame(run: Run) -> None:
    """What came before it is kept."""
    found = read_run([run("md_first"), run("md_second", (STDOUT, "0.08642696", "NaN"))], WATER)
    assert found.makers.tolist() == [0, 1, 1]
    assert found.problem is not None
    assert found.problem.reason is LabelFailure.NOT_FINITE
    joined = join_run(found, conditions(steps=3), "why")
    assert (joined.end, joined.failure_time, joined.steps.tolist()) == ("not_finite", 1.5, [0, 1, 2])


def test_dynamics_in_another_cell_is_refused(run: Run) -> None:
    """It belongs to another structure."""
    other = WATER.copy()
    other.set_cell(1.01 * np.array(CELL))
    assert "cell" in str(read_run([run("md_first")], other).problem)


@pytest.mark.parametrize("xml", ["whole", "missing", "cut"])
def test_killed_dynamics_keeps_its_good_steps(run: Run, xml: str) -> None:
    """The output ends within the third step; the XML file is written after each step, and may lag behind."""
    first, second = run("md_first"), run("md_second")
    whole = read_run([first, second], WATER)
    text = (second / STDOUT).read_text()
    (second / STDOUT).write_text(text[: text.rindex("!    total energy")])
    if xml == "missing":
        (second / XML).unlink()
    if xml == "cut":
        (second / XML).write_text((second / XML).read_text()[:9000])
    found = read_run([first, second], WATER)
    assert count_steps(second) == 2
    assert found.makers.tolist() == [0, 1, 1]
    assert found.frames is not None
    assert whole.frames is not None
    np.testing.assert_allclose(found.frames.forces, whole.frames.forces[:3], atol=1e-6)
    np.testing.assert_allclose(found.frames.positions, whole.frames.positions[:3], atol=1e-6)
    assert join_run(found, conditions(steps=3), "killed").message == "killed"


def test_job_goes_on_where_the_one_before_was_cut(run: Run) -> None:
    """A configuration that pw.x had no time for is not counted, and computed by the next job."""
    first = run("md_first")
    with (first / STDOUT).open("a") as handle:
        handle.write("\n     Self-consistent Calculation\n\n     Maximum CPU time exceeded\n")
    assert read_run([first, run("md_second")], WATER).makers.tolist() == [0, 1, 1, 1]


def test_job_that_goes_on_from_elsewhere_is_refused(run: Run) -> None:
    """By less than an atom moves in a step."""
    first = run("md_first", (STDOUT, "1.9997602726", "1.9998602726"))
    found = read_run([first, run("md_second")], WATER)
    assert found.makers.tolist() == [0]
    assert "from where it should be" in str(found.problem)


def conditions(steps: int, stride: int = 1) -> Conditions:
    """Return conditions of a dynamics."""
    return Conditions(ensemble="nvt", temperature=300.0, timestep=0.5, steps=steps, stride=stride)


def test_report_tells_how_a_dynamics_ended(run: Run) -> None:
    """All steps, some of them, or a field that does not converge."""
    jobs = [run("md_first"), run("md_second")]
    done = join_run(read_run(jobs, WATER), conditions(3, stride=3), "")
    assert (done.end, done.report().n_frames, done.steps.tolist()) == (RunEnd.COMPLETED, 2, [0, 3])
    assert done.makers.tolist() == [0, 1]
    short = join_run(read_run(jobs, WATER), conditions(9), "out of time")
    assert (short.end, short.message, short.failure_time) == (RunEnd.INTERRUPTED, "out of time", None)
    field = join_run(read_run([run("md_not_converged")], WATER), conditions(3), "")
    assert (field.end, field.report().n_frames, field.failure_time) == (RunEnd.UNPHYSICAL, 1, 0.5)


def test_job_without_files_has_no_steps(run: Run, tmp_path: Path) -> None:
    """Nothing to count, nothing to tell."""
    assert count_steps(tmp_path) == 0
    assert read_why(tmp_path) is None
    assert read_run([tmp_path], WATER).frames is None
    assert "overlap" in str(read_why(run("overlap")))
    assert CRASH
