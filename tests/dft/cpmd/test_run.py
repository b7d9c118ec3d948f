"""How runs of CPMD end: every end has its reason."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms

from aiida_nnpgen.dft.cpmd import read_md, read_single_point
from aiida_nnpgen.dft.cpmd.run import CpmdRun, read_dynamics_run, read_single_run
from aiida_nnpgen.dft.label import LabelFailure

FIXTURES = Path(__file__).parents[2] / "fixtures" / "cpmd"


def structure(name: str) -> Atoms:
    """Return the structure of a sample."""
    read = read_md if name.startswith("md") else read_single_point
    return read(FIXTURES / name).without_labels().to_atoms()[0]


@pytest.fixture
def copy(tmp_path: Path) -> Callable[..., Path]:
    """Return a factory of copies of a sample."""

    def make(name: str) -> Path:
        return shutil.copytree(FIXTURES / name, tmp_path / name)

    return make


def dynamics(folder: Path, **changes: Any) -> CpmdRun:
    """Read a sample dynamics of four steps."""
    values = {"first": 0, "total": 4, "store": 2} | changes
    return read_dynamics_run(folder, structure("md_pg"), **values)


def test_single_run_gives_its_label() -> None:
    """A good run has a frame and no problem."""
    run = read_single_run(FIXTURES / "single_point_pg", structure("single_point_pg"))
    assert run.problem is None
    assert len(run.frames) == 1
    assert run.steps.tolist() == [0]


def test_single_run_that_has_not_converged_says_so() -> None:
    """Normal end, zero forces: the reason is the wavefunction, and the run was not cut."""
    run = read_single_run(FIXTURES / "failed_not_converged", structure("single_point_pg"))
    assert run.problem.reason is LabelFailure.NOT_CONVERGED
    assert run.frames is None
    assert not run.interrupted


@pytest.mark.parametrize("line", ["PROGRAM CPMD ENDED", "FINAL RESULTS", "GEMAX"])
def test_single_run_that_was_cut_is_interrupted(copy: Callable[..., Path], line: str) -> None:
    """Without the closing line there is no label, and the same input may succeed."""
    folder = copy("single_point_pg")
    text = (folder / "cpmd.out").read_text()
    (folder / "cpmd.out").write_text(text[: text.rindex(line)])
    run = read_single_run(folder, structure("single_point_pg"))
    assert run.problem.reason is LabelFailure.NO_OUTPUT
    assert run.interrupted
    assert run.frames is None


def test_single_run_of_nothing_is_interrupted(tmp_path: Path) -> None:
    """A job that was killed before it began leaves nothing, and no traceback."""
    run = read_single_run(tmp_path, structure("single_point_pg"))
    assert (run.problem.reason, run.interrupted) == (LabelFailure.NO_OUTPUT, True)


def test_single_run_with_a_damaged_file_is_not_interrupted(copy: Callable[..., Path]) -> None:
    """A run that ended well and whose files are bad is no matter of time."""
    folder = copy("single_point_pg")
    (folder / "GEOMETRY").unlink()
    run = read_single_run(folder, structure("single_point_pg"))
    assert (run.problem.reason, run.interrupted) == (LabelFailure.NO_OUTPUT, False)


def test_single_run_with_all_zero_forces_says_so(copy: Callable[..., Path]) -> None:
    """Zero forces without a word in the output are refused for what they are."""
    folder = copy("failed_not_converged")
    text = (folder / "cpmd.out").read_text()
    start, end = text.index("BUT NO CONVERGENCE"), text.index("ELECTRONIC GRADIENT:")
    rest = text[end:].replace("ELECTRONIC GRADIENT:", "ELECTRONIC", 1)
    (folder / "cpmd.out").write_text(text[:start] + text[start + 18 : end] + rest)
    run = read_single_run(folder, structure("single_point_pg"))
    assert run.problem.reason is LabelFailure.ALL_ZERO
    assert run.frames is None


@pytest.mark.parametrize(
    ("change", "words"), [("swap", "not those of the structure"), ("move", "positions"), ("strain", "cells")]
)
def test_single_run_of_another_structure_is_refused(change: str, words: str) -> None:
    """The files of another frame never become the label of this one."""
    atoms = structure("single_point_pg")
    if change == "swap":
        atoms = atoms[[3, *range(3), *range(4, 13)]]
    elif change == "move":
        atoms.positions[5, 1] += 1e-3
    else:
        atoms.set_cell(np.array(atoms.cell) * 1.001)
    run = read_single_run(FIXTURES / "single_point_pg", atoms)
    assert words in run.problem.detail
    assert run.frames is None


def test_run_that_stopped_with_an_error_has_its_message(copy: Callable[..., Path]) -> None:
    """The words in LocalError are the reason."""
    folder = copy("single_point_pg")
    (folder / "LocalError-0-0-0.log").write_text(
        " process id's= 0 0\n PROGRAM STOPS IN SUBROUTINE RECPNEW| PSEUDOPOTENTIAL FILE NOT FOUND\n"
    )
    run = read_single_run(folder, structure("single_point_pg"))
    assert run.problem.reason is LabelFailure.CALCULATOR
    assert "RECPNEW| PSEUDOPOTENTIAL FILE NOT FOUND" in run.problem.detail
    assert not run.out_of_memory


def test_run_that_skipped_a_keyword_is_refused(copy: Callable[..., Path]) -> None:
    """CPMD goes on without what it does not understand; the label would be of another method."""
    folder = copy("single_point_pg")
    box = " " + "=" * 64
    note = f"{box}\n =              UNKNOWN KEYWORDS IN SECTION &CPMD              =\n = TSUEDE\n = 5\n{box}\n"
    text = (folder / "cpmd.out").read_text()
    (folder / "cpmd.out").write_text(text.replace(" INITIALIZATION TIME", f"{note} INITIALIZATION TIME", 1))
    run = read_single_run(folder, structure("single_point_pg"))
    assert run.problem.reason is LabelFailure.CALCULATOR
    assert "`TSUEDE 5` in `&CPMD`" in run.problem.detail


@pytest.mark.parametrize("text", ["slurmstepd: error: Detected 1 oom-kill event(s)", "std::bad_alloc"])
def test_run_that_ran_out_of_memory_says_so(copy: Callable[..., Path], text: str) -> None:
    """What stands in the streams tells a kill for memory from one for time."""
    folder = copy("single_point_pg")
    out = (folder / "cpmd.out").read_text()
    (folder / "cpmd.out").write_text(out[: out.rindex("GEMAX")])
    (folder / "stderr.txt").write_text(text)
    assert read_single_run(folder, structure("single_point_pg")).out_of_memory


def test_dynamics_run_gives_frames_and_steps() -> None:
    """A complete run has all its frames under their time steps."""
    run = dynamics(FIXTURES / "md_pg")
    assert run.problem is None
    assert run.steps.tolist() == [1, 2, 3, 4]
    assert (run.last_step, run.restart_step) == (4, None)


def test_dynamics_run_that_was_cut_keeps_its_frames(copy: Callable[..., Path]) -> None:
    """The newest restart file is known from the interval between them."""
    folder = copy("md_pg")
    text = (folder / "cpmd.out").read_text()
    (folder / "cpmd.out").write_text(text[: text.rindex("PROGRAM CPMD ENDED")])
    for name, size in (("FTRAJECTORY", 13), ("TRAJECTORY", 13), ("ENERGIES", 1), ("STRESS", 4)):
        rows = (folder / name).read_text().splitlines(keepends=True)
        (folder / name).write_text("".join(rows[: 3 * size]))
    (folder / "LATEST").write_text("./RESTART.1\n")
    run = dynamics(folder)
    assert run.interrupted
    assert run.steps.tolist() == [1, 2, 3]
    assert (run.last_step, run.restart_step) == (3, 2)


def test_dynamics_run_that_stopped_softly_is_interrupted(copy: Callable[..., Path]) -> None:
    """A run that was told to stop ends well, and its restart file is of its last step."""
    folder = copy("md_pg")
    (folder / "LATEST").write_text("./RESTART.1\n")
    run = dynamics(folder, total=9, store=3)
    assert run.interrupted
    assert "step 4 of 9" in run.problem.detail
    assert (len(run.frames), run.restart_step) == (4, 4)


def test_dynamics_run_that_went_too_far_ends_where_it_should() -> None:
    """Frames after the last step that was asked for are left out."""
    run = dynamics(FIXTURES / "md_pg", total=3)
    assert run.problem is None
    assert run.steps.tolist() == [1, 2, 3]


def test_dynamics_run_without_convergence_says_so(copy: Callable[..., Path]) -> None:
    """One bad step is named; the others are labels."""
    folder = copy("md_pg")
    text = (folder / "cpmd.out").read_text()
    place = text.index("         2   206.9")
    (folder / "cpmd.out").write_text(f"{text[:place]} WARNING! DENSITY NOT CONVERGED !!!\n{text[place:]}")
    run = dynamics(folder)
    assert run.problem.reason is LabelFailure.NOT_CONVERGED
    assert run.steps.tolist() == [1, 3, 4]
    assert not run.interrupted


def test_dynamics_run_of_nothing_has_no_restart_step(tmp_path: Path) -> None:
    """Without restart files there is nothing to go on from."""
    run = dynamics(tmp_path)
    assert (run.interrupted, run.restart_step, run.frames) == (True, None, None)


def test_dynamics_run_that_began_from_a_restart_keeps_its_step(tmp_path: Path) -> None:
    """A run that was killed at once has still the restart files that it was given."""
    (tmp_path / "LATEST").write_text("./RESTART.1\n")
    assert dynamics(tmp_path, first=2).restart_step == 2


@pytest.mark.parametrize("name", ["cpmd.out", "FTRAJECTORY", "ENERGIES", "STRESS", "cpmd.inp"])
def test_dynamics_run_survives_truncation(copy: Callable[..., Path], name: str) -> None:
    """Wherever a file ends, the run has an end, and its frames are frames of the whole run."""
    folder, good = copy("md_pg"), dynamics(FIXTURES / "md_pg")
    lines = (FIXTURES / "md_pg" / name).read_text().splitlines(keepends=True)
    for number in range(0, len(lines), 3):
        (folder / name).write_text("".join(lines[:number]))
        run = dynamics(folder)
        if run.frames is None:
            assert run.problem is not None
            continue
        rows = np.searchsorted(good.steps, run.steps)
        np.testing.assert_array_equal(run.frames.forces, good.frames.forces[rows])
        np.testing.assert_array_equal(run.frames.energies, good.frames.energies[rows])
