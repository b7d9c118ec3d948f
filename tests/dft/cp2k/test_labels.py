"""Labels from real outputs of CP2K 2023.1."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from aiida_nnpgen.common.dynamics import Conditions, MdRun
from aiida_nnpgen.common.exceptions import OutputError
from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.common.types import Ensemble, RunEnd
from aiida_nnpgen.common.units import BOHR, GPA, HARTREE
from aiida_nnpgen.dft.cp2k.labels import Batch, NoStepError, out_of_memory, read_batch, read_md
from aiida_nnpgen.dft.label import LabelFailure

FIXTURES = Path(__file__).parents[2] / "fixtures" / "cp2k"


def batch(folder: Path) -> Batch:
    """Read a batch with the frames that lie beside it."""
    return read_batch(folder, Frames.load(folder / "frames.npz"))


def md(folder: Path, steps: int = 4, max_temperature: float = 1e4) -> MdRun:
    """Read a run with the frame that lies beside it."""
    conditions = Conditions(
        ensemble=Ensemble.NVT, temperature=300.0, timestep=0.5, steps=steps, stride=2, max_temperature=max_temperature
    )
    return read_md(folder, Frames.load(folder / "frames.npz"), conditions)


@pytest.fixture
def copy(tmp_path: Path) -> Callable[[str], Path]:
    """Return a function that copies a fixture to where it may be damaged."""
    return lambda name: shutil.copytree(FIXTURES / name, tmp_path / name)


def replace(path: Path, old: str, new: str, place: int = 0) -> None:
    """Replace one occurrence of a text in a file."""
    parts = path.read_text().split(old)
    assert len(parts) > place + 1, old
    path.write_text(old.join(parts[: place + 1]) + new + old.join(parts[place + 1 :]))


def test_read_batch_gives_numbers_of_the_files() -> None:
    """Energy, forces and stress of the last frame, converted by hand; the stress of CP2K is a pressure."""
    found = batch(FIXTURES / "batch")
    assert found.rows == [0, 1, 2]
    assert not found.failures
    words = (FIXTURES / "batch" / "cp2k-frc-1.xyz").read_text().splitlines()[-3].split()
    assert words[0] == "H"
    np.testing.assert_allclose(found.frames.forces[2, 0], np.array(words[1:], dtype=float) * HARTREE / BOHR)
    last = (FIXTURES / "batch" / "cp2k.out").read_text().rpartition("Analytical stress tensor [GPa]")[2].splitlines()
    rows = np.array([line.split()[2:] for line in last[2:5]], dtype=float)
    expected = -rows[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]] * GPA
    np.testing.assert_allclose(found.frames.stresses[2], expected)
    assert found.frames.energies[2] == pytest.approx(-17.142592919 * HARTREE, abs=1e-7)
    np.testing.assert_array_equal(found.frames.cells, Frames.load(FIXTURES / "batch" / "frames.npz").cells)


def test_read_batch_fails_the_one_frame_that_did_not_converge() -> None:
    """CP2K goes on and exits 0; the frames around the bad one are the same as without it."""
    found, good = batch(FIXTURES / "failed_not_converged"), batch(FIXTURES / "batch")
    assert found.rows == [0, 2]
    assert {row: problem.reason for row, problem in found.failures.items()} == {1: LabelFailure.NOT_CONVERGED}
    np.testing.assert_allclose(found.frames.energies, good.frames.energies[[0, 2]], atol=1e-6)
    np.testing.assert_allclose(found.frames.forces, good.frames.forces[[0, 2]], atol=1e-5)


def test_read_batch_leaves_undone_what_the_time_limit_cut() -> None:
    """CP2K says of the SCF that it cut that it has not converged; it was not done."""
    text = (FIXTURES / "failed_walltime" / "cp2k.out").read_text()
    assert "SCF run NOT converged" in text
    found = batch(FIXTURES / "failed_walltime")
    assert found.rows == [0, 1]
    assert found.failures == {}
    assert found.message == "the time was over"


def test_read_batch_of_a_killed_job_keeps_whole_frames(copy: Callable[[str], Path]) -> None:
    """Without its closing line, and with a trajectory that was not flushed, the first frames are there."""
    folder = copy("batch")
    text = (folder / "cp2k.out").read_text()
    (folder / "cp2k.out").write_text(text[: text.rindex("STRESS| 1/3 Trace")])
    found = batch(folder)
    assert found.rows == [0, 1]
    assert found.failures == {}
    assert "from outside" in found.message
    forces = (folder / "cp2k-frc-1.xyz").read_text().splitlines(keepends=True)
    (folder / "cp2k-frc-1.xyz").write_text("".join(forces[:9]))
    assert batch(folder).rows == [0]


def test_read_batch_names_the_frame_in_which_cp2k_stopped(copy: Callable[[str], Path]) -> None:
    """An abort belongs to the frame at work, with what CP2K said; later ones were not done."""
    folder = copy("batch")
    text = (folder / "cp2k.out").read_text()
    box = (FIXTURES / "failed_input" / "cp2k.out").read_text().partition(" ****")
    cut = text.index("SCF WAVEFUNCTION", text.index("MD_INI| MD initialization"))
    (folder / "cp2k.out").write_text(text[:cut] + "\n" + "".join(box[1:]))
    found = batch(folder)
    assert found.rows == [0]
    assert list(found.failures) == [1]
    assert found.failures[1].reason is LabelFailure.CALCULATOR
    assert found.failures[1].detail == "found an unknown keyword ZZZZ in section MGRID"


def test_read_batch_of_a_later_version_fails_the_frame_it_stopped_at(copy: Callable[[str], Path]) -> None:
    """Later versions stop where the SCF does not converge: that is the reason, not the stop."""
    folder = copy("failed_not_converged")
    text = (folder / "cp2k.out").read_text()
    box = (FIXTURES / "failed_input" / "cp2k.out").read_text().partition(" ****")
    cut = text.index("ENERGY|", text.index("SCF run NOT converged"))
    (folder / "cp2k.out").write_text(text[:cut] + "\n" + "".join(box[1:]))
    found = batch(folder)
    assert found.rows == [0]
    assert {row: problem.reason for row, problem in found.failures.items()} == {1: LabelFailure.NOT_CONVERGED}


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("cp2k.out", "ENERGY| Total FORCE_EVAL ( QS ) energy [a.u.]:              -17.", " -18."),
        ("cp2k.out", "outer SCF loop converged", "outer SCF loop FAILED to converge"),
        ("cp2k.out", "*** SCF run converged", "*** SCF run c nverged"),
        ("cp2k.out", "STRESS|      x        ", "STRESS|      x       1"),
        ("cp2k-frc-1.xyz", "E =       -17.1", "E =       -17.2"),
        ("cp2k-pos-1.xyz", "O         ", "N         "),
        ("cp2k-1.cell", "        4.", "        5."),
    ],
)
def test_read_batch_refuses_what_contradicts_its_copy(
    copy: Callable[[str], Path], file: str, old: str, new: str
) -> None:
    """Damage of the first frame fails the first frame, and it alone."""
    folder = copy("batch")
    replace(folder / file, old, new)
    found = batch(folder)
    assert found.rows == [1, 2]
    assert {row: problem.reason for row, problem in found.failures.items()} == {0: LabelFailure.NO_OUTPUT}


def test_read_batch_refuses_frames_of_another_structure(copy: Callable[[str], Path]) -> None:
    """Labels go to the frames whose positions and cells they were computed for, whatever the order says."""
    frames = Frames.load(FIXTURES / "batch" / "frames.npz")
    found = read_batch(FIXTURES / "batch", frames[[1, 0, 2]])
    assert found.rows == [2]
    assert sorted(found.failures) == [0, 1]


def test_read_batch_of_a_refused_input_says_what_cp2k_said() -> None:
    """An input error is told from everything that another attempt may cure."""
    with pytest.raises(NoStepError, match=r"^found an unknown keyword ZZZZ in section MGRID$"):
        batch(FIXTURES / "failed_input")


def test_read_batch_takes_charge_and_spin() -> None:
    """An output of an open shell is read like any other."""
    assert batch(FIXTURES / "charged").rows == [0]


def test_read_batch_takes_the_words_of_later_versions(
    copy: Callable[[str], Path], rewrite: Callable[[str, str], str]
) -> None:
    """From 2025 on energy, forces and stress have other names and units in the standard output."""
    folder, good = copy("batch"), batch(FIXTURES / "batch").frames
    text = (folder / "cp2k.out").read_text()
    (folder / "cp2k.out").write_text(rewrite(text, "2025.1"))
    assert (folder / "cp2k.out").read_text().count("FORCES| Sum") == 3
    found = batch(folder)
    assert not found.failures
    for name in ("energies", "forces", "stresses"):
        np.testing.assert_allclose(getattr(found.frames, name), getattr(good, name), rtol=1e-9, err_msg=name)


def test_read_md_gives_frames_at_every_stride() -> None:
    """Steps count from zero, which is the structure; the stress is that of the standard output."""
    run = md(FIXTURES / "md")
    assert run.end is RunEnd.COMPLETED
    assert run.steps.tolist() == [0, 2, 4]
    start, single = Frames.load(FIXTURES / "md" / "frames.npz"), batch(FIXTURES / "batch").frames
    np.testing.assert_allclose(run.frames.positions[0], start.positions[0], atol=1e-9)
    assert np.abs(run.frames.positions[2] - start.positions[0]).max() > 0.01
    # The third frame of the batch is the start of the run: the kinetic part would be 0.001 eV/Å³.
    np.testing.assert_allclose(run.frames.stresses[0], single.stresses[2], atol=1e-6)
    np.testing.assert_allclose(run.frames.forces[0], single.forces[2], atol=1e-5)


def test_read_md_of_a_cut_run_keeps_what_is_there() -> None:
    """The time limit leaves whole frames and says so."""
    run = md(FIXTURES / "failed_md_walltime", steps=400)
    assert run.end is RunEnd.INTERRUPTED
    assert run.steps.tolist() == [0, 2, 4]
    assert run.message == "the run ended after step 4 of 400: the time was over"


def test_read_md_leaves_out_steps_that_did_not_converge() -> None:
    """The run goes on behind them, and so do its labels."""
    run = md(FIXTURES / "failed_md_not_converged")
    assert run.end is RunEnd.COMPLETED
    assert run.steps.tolist() == [2, 4]
    assert "1 steps are no labels" in run.message


def test_read_md_ends_before_the_temperature_left_its_bounds() -> None:
    """Frames behind it are not kept, even if it came back."""
    run = md(FIXTURES / "md", max_temperature=1000.0)
    assert run.end is RunEnd.UNPHYSICAL
    assert run.failure_time == 0.5
    assert run.steps.tolist() == [0]


def test_read_md_refuses_a_batch_and_read_batch_a_run() -> None:
    """Frames of a batch are no time steps."""
    with pytest.raises(OutputError, match="another kind: `REFTRAJ`"):
        md(FIXTURES / "batch")
    with pytest.raises(OutputError, match="another kind: `NVT`"):
        batch(FIXTURES / "md")


def test_out_of_memory_is_seen_in_the_error_stream(tmp_path: Path) -> None:
    """Fortran and Slurm have their own words for it."""
    assert not out_of_memory(tmp_path, "stderr.txt")
    (tmp_path / "stderr.txt").write_text("slurmstepd: error: Detected 1 oom-kill event: Out Of Memory")
    assert out_of_memory(tmp_path, "stderr.txt")
