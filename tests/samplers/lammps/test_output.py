"""What the reader makes of real outputs of a poor committee on one molecule, and of what is left when a run dies."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.io import read

from aiida_nnpgen.common.dynamics import Conditions, MdRun
from aiida_nnpgen.common.exceptions import OutputError
from aiida_nnpgen.common.types import RunEnd
from aiida_nnpgen.samplers.lammps import FILENAME_DUMP, FILENAME_LOG, read_run

TABLE = "model_devi.out"
FILES = (FILENAME_LOG, FILENAME_DUMP, TABLE)


@pytest.fixture
def molecule(fixtures: Path) -> Atoms:
    """Return the structure that all runs started from."""
    return read(fixtures / "lammps" / "structure.xyz")


@pytest.fixture
def completed(fixtures: Path, tmp_path: Path) -> Path:
    """Return a copy of a good run, to be damaged."""
    return Path(shutil.copytree(fixtures / "lammps" / "completed", tmp_path / "run"))


def load(folder: Path, structure: Atoms, **changes: object) -> MdRun:
    """Read a run of 130 steps with a frame every ten."""
    values = {"ensemble": "nvt", "temperature": 300.0, "timestep": 0.5, "steps": 130, "stride": 10}
    return read_run(folder, Conditions(**{**values, **changes}), structure, TABLE, 4)


def test_read_run_completed(completed: Path, molecule: Atoms) -> None:
    """All frames are there, once each although the border of two chunks is logged twice, and begin as the input did."""
    run = load(completed, molecule, halt_deviation=20.0)
    assert run.end is RunEnd.COMPLETED
    assert run.failure_time is None
    assert run.steps.tolist() == list(range(0, 131, 10))
    assert (completed / FILENAME_LOG).read_text().count("\n       100 ") == 2
    np.testing.assert_allclose(run.frames.positions[0], molecule.positions, atol=1e-8)
    np.testing.assert_allclose(run.frames.forces.sum(axis=1), 0, atol=1e-4)


def test_read_run_joins_columns(completed: Path, molecule: Atoms) -> None:
    """Energies, deviation and thermo are those of the files."""
    run = load(completed, molecule)
    assert run.frames.energies[0] == pytest.approx(-545.101463980643, abs=1e-12)
    assert run.deviation[0] == pytest.approx(0.6724019)
    assert run.thermo["temperature"][0] == pytest.approx(300.0)
    assert run.thermo["volume"] == pytest.approx(729.0)
    total = run.thermo["potential_energy"] + run.thermo["kinetic_energy"]
    np.testing.assert_allclose(run.thermo["total_energy"], total, atol=1e-9)


@pytest.mark.parametrize(
    ("case", "changes", "end", "frames", "time"),
    [
        ("halted", {"steps": 200, "halt_deviation": 2.0}, RunEnd.HALTED, 3, 15.0),
        ("unphysical", {"steps": 100, "timestep": 5.0}, RunEnd.UNPHYSICAL, 3, 150.0),
        ("not_finite", {"steps": 100}, RunEnd.NOT_FINITE, 6, 30.0),
        ("lost_atoms", {"steps": 100, "timestep": 25.0}, RunEnd.LOST_ATOMS, 1, 250.0),
        ("missing_atoms", {"steps": 100, "timestep": 25.0}, RunEnd.MISSING_ATOMS, 1, 250.0),
        ("interrupted", {"steps": 100_000}, RunEnd.INTERRUPTED, 11, None),
        ("completed", {"halt_deviation": 2.0}, RunEnd.UNPHYSICAL, 3, 15.0),
    ],
)
def test_read_run_recognises_end(
    fixtures: Path, molecule: Atoms, case: str, changes: dict[str, object], end: RunEnd, frames: int, time: float | None
) -> None:
    """Each way in which a run ends is recognised; what lies before the failure is kept, with the time of it in fs."""
    run = load(fixtures / "lammps" / case, molecule, **changes)
    assert (run.end, len(run.frames), run.failure_time) == (end, frames, time)
    assert run.deviation is not None
    assert {len(column) for column in (run.steps, run.deviation, *run.thermo.values())} == {frames}


@pytest.mark.parametrize("frames", [0, 4])
def test_read_run_zero_deviation_is_failure(completed: Path, molecule: Atoms, frames: int) -> None:
    """Rows of zeros alone, with everything else in order, are a failure and no agreement."""
    lines = (completed / TABLE).read_text().split("\n")
    step = lines[frames + 1].split()[0]
    lines[frames + 1] = " ".join([step, *["0.000000e+00"] * 6])
    (completed / TABLE).write_text("\n".join(lines))
    run = load(completed, molecule)
    assert (run.end, len(run.frames), run.failure_time) == (RunEnd.NOT_FINITE, frames, frames * 5.0)


def test_read_run_ignores_repeated_rows(completed: Path, molecule: Atoms) -> None:
    """Rows of the deviation that are repeated, as a second run command leaves them, count once."""
    lines = (completed / TABLE).read_text().splitlines(keepends=True)
    (completed / TABLE).write_text("".join([*lines[:6], lines[5], *lines[6:]]))
    run = load(completed, molecule)
    assert run.end is RunEnd.COMPLETED
    assert len(run.deviation) == len(set(run.deviation)) == 14


def test_read_run_of_lone_model(completed: Path, molecule: Atoms) -> None:
    """Without a committee the deviation is NaN, and the run no failure."""
    values = {"ensemble": "nvt", "temperature": 300.0, "timestep": 0.5, "steps": 130, "stride": 10}
    run = read_run(completed, Conditions(**values), molecule)
    assert run.end is RunEnd.COMPLETED
    assert run.deviation is None


def test_read_run_names_error_of_start(completed: Path, molecule: Atoms) -> None:
    """What LAMMPS says when it refuses to start is handed on."""
    (completed / FILENAME_LOG).write_text("LAMMPS\nERROR: Unrecognized pair style 'x' (src/force.cpp:275)\n")
    with pytest.raises(OutputError, match="Unrecognized pair style"):
        load(completed, molecule)


def test_read_run_reads_error_of_screen(completed: Path, molecule: Atoms) -> None:
    """An error that one rank wrote to the screen only is found."""
    log = (completed / FILENAME_LOG).read_text()
    (completed / FILENAME_LOG).write_text(log[: log.index("\n        50 ") + 1])
    (completed / "screen").write_text("ERROR on proc 1: Non-numeric atom coords (src/x.cpp:1)\n")
    values = {"ensemble": "nvt", "temperature": 300.0, "timestep": 0.5, "steps": 130, "stride": 10}
    run = read_run(completed, Conditions(**values), molecule, TABLE, 4, screen="screen")
    assert (run.end, len(run.frames), run.failure_time) == (RunEnd.NOT_FINITE, 5, 25.0)


def end_with(folder: Path, error: str) -> None:
    """Let the log end with an error before the sixth frame."""
    log = (folder / FILENAME_LOG).read_text()
    (folder / FILENAME_LOG).write_text(log[: log.index("\n        50 ") + 1] + error + "\n")


@pytest.mark.parametrize(
    "error",
    [
        "ERROR: No space left (src/x.cpp:1)",
        "ERROR on proc 0: Failed to allocate 17179869184 bytes for array neigh:chunk (src/memory.cpp:51)",
        "ERROR on proc 1: Error writing dump frames: No space left on device (src/dump_custom.cpp:1)",
        "ERROR: Cannot open dump file frames.lammpstrj: Disk quota exceeded (src/dump.cpp:1)",
        "ERROR: DeePMD-kit C API Error: DeePMD-kit Error: TensorFlow Error! OOM when allocating tensor (x.cpp:1)",
    ],
)
def test_read_run_error_of_the_machine_is_no_instability(completed: Path, molecule: Atoms, error: str) -> None:
    """An error that has nothing to do with physics cuts the run and is named."""
    end_with(completed, error)
    run = load(completed, molecule)
    assert (run.end, len(run.frames), run.failure_time) == (RunEnd.INTERRUPTED, 5, None)
    assert error in run.message


@pytest.mark.parametrize(
    ("error", "end"),
    [
        ("ERROR on proc 0: Out of range atoms - cannot compute PPPM", RunEnd.UNPHYSICAL),
        ("ERROR: Non-numeric box dimensions - simulation unstable", RunEnd.NOT_FINITE),
        ("ERROR: Non-numeric pressure - simulation unstable", RunEnd.NOT_FINITE),
        ("ERROR: Triclinic box skew is too large. LAMMPS will run inefficiently.", RunEnd.UNPHYSICAL),
        ("ERROR on proc 0: Neighbor list overflow, boost neigh_modify one", RunEnd.UNPHYSICAL),
        ("ERROR: Too many neighbor bins", RunEnd.UNPHYSICAL),
        ("ERROR on proc 0: Too many MPI ranks' worth of ghost atoms, an error that nobody foresaw", RunEnd.UNPHYSICAL),
    ],
)
def test_read_run_any_other_error_is_an_instability(completed: Path, molecule: Atoms, error: str, end: RunEnd) -> None:
    """What LAMMPS dies of after the start is the fault of the run, unless it is known to be that of the machine."""
    end_with(completed, error)
    run = load(completed, molecule)
    assert (run.end, len(run.frames), run.failure_time) == (end, 5, 25.0)
    assert error in run.message


@pytest.mark.parametrize("error", ["ERROR: Lost atoms: original 13 current 6", "ERROR: Unknown fix style x (x.cpp:1)"])
def test_read_run_error_before_the_first_step_is_one_of_the_input(completed: Path, molecule: Atoms, error: str) -> None:
    """Where nothing has moved yet there is no run, and LAMMPS' words are handed on."""
    (completed / FILENAME_LOG).write_text(f"LAMMPS\n{error}\n")
    with pytest.raises(OutputError, match=f"before the first step: `{error[:25]}"):
        load(completed, molecule)


def test_read_run_believes_lammps_that_a_range_was_left(completed: Path, molecule: Atoms) -> None:
    """Where the row of the step at which LAMMPS stopped itself is missing, its word for it counts."""
    end_with(completed, "Fix halt condition for fix-id sane met on step 50 with value 0")
    run = load(completed, molecule)
    assert (run.end, len(run.frames), run.failure_time) == (RunEnd.UNPHYSICAL, 5, 25.0)


def test_read_run_without_log(tmp_path: Path, molecule: Atoms) -> None:
    """A run that never began is an error."""
    with pytest.raises(OutputError, match="did not start"):
        load(tmp_path, molecule)


@pytest.mark.parametrize("name", FILES)
def test_read_run_survives_truncation(completed: Path, molecule: Atoms, name: str) -> None:
    """A file cut at any line, or any byte, gives a prefix of the run, bit for bit."""
    whole = load(completed, molecule)
    content = (completed / name).read_bytes()
    cuts = [index for index, byte in enumerate(content) if byte == ord("\n")]
    cuts += random.Random(0).sample(range(len(content)), 100)
    for cut in cuts:
        (completed / name).write_bytes(content[:cut])
        run = load(completed, molecule)
        assert run.end in (RunEnd.INTERRUPTED, RunEnd.COMPLETED)
        count = len(run.frames)
        assert np.array_equal(run.frames.positions, whole.frames.positions[:count])
        assert np.array_equal(run.frames.forces, whole.frames.forces[:count])
        assert np.array_equal(run.frames.energies, whole.frames.energies[:count])
        assert np.array_equal(run.deviation, whole.deviation[:count])


@pytest.mark.parametrize("name", FILES)
def test_read_run_survives_damage(completed: Path, molecule: Atoms, name: str) -> None:
    """Whatever bytes are in a file, the answer is a run of finite numbers or an error of ours."""
    content = (completed / name).read_bytes()
    generator = random.Random(1)
    for _ in range(300):
        damaged = bytearray(content)
        for _ in range(generator.choice([1, 1, 4, 40])):
            damaged[generator.randrange(len(content))] = generator.choice([*range(256), 10, 32, 45, 57, 101])
        (completed / name).write_bytes(damaged)
        try:
            run = load(completed, molecule)
        except OutputError:
            continue
        assert np.isfinite(run.frames.positions).all()
        assert np.isfinite(run.deviation).all()


def test_read_run_leaves_a_step_out_that_is_logged_before_an_earlier_one(completed: Path, molecule: Atoms) -> None:
    """A digit of a step is wrong: its row stands where another one should, and nothing tells which is right."""
    log = completed / FILENAME_LOG
    log.write_text(log.read_text().replace("\n        50 ", "\n        90 ", 1))
    run = load(completed, molecule)
    assert run.end is RunEnd.INTERRUPTED
    assert run.steps.tolist() == [0, 10, 20, 30, 40]


def test_read_run_leaves_a_step_out_that_is_dumped_twice(completed: Path, molecule: Atoms) -> None:
    """Rows of one frame were written over those of the next, which stands there once more."""
    dump = completed / FILENAME_DUMP
    lines = dump.read_text().splitlines(keepends=True)
    frame = len(molecule) + 9
    dump.write_text("".join(lines[: 3 * frame + 12] + lines[2 * frame + 12 :]))
    assert load(completed, molecule).steps.tolist() == [0, 10, 20]


@pytest.mark.parametrize("word", ["9.0000000000000000e+53", "9.0100000000000000e+00", "9.0000000000000000e-62"])
def test_read_run_compares_cells_with_the_volume_in_the_log(completed: Path, molecule: Atoms, word: str) -> None:
    """A frame whose cell is another one is not there, and the run is good up to it."""
    dump = completed / FILENAME_DUMP
    before, mark, after = dump.read_text().partition("ITEM: TIMESTEP\n40\n")
    dump.write_text(before + mark + after.replace("9.0000000000000000e+00", word, 1))
    assert load(completed, molecule).steps.tolist() == [0, 10, 20, 30]
