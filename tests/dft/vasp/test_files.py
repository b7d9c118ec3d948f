"""Files of VASP that are damaged, odd, or real. Those of whole runs are of the stand-in."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ase
import ase.io
import numpy as np
import pytest
from ase import Atoms

from aiida_nnpgen.common.dynamics import Conditions
from aiida_nnpgen.common.exceptions import OutputError
from aiida_nnpgen.dft.label import LabelFailure, RefusedLabelError
from aiida_nnpgen.dft.method import Method
from aiida_nnpgen.dft.vasp.input import group_atoms, write_md, write_single_point
from aiida_nnpgen.dft.vasp.labels import OUTCAR, VASPRUN, count_steps, read_part, read_single_point
from aiida_nnpgen.dft.vasp.outcar import read_outcar
from aiida_nnpgen.dft.vasp.vasprun import read_vasprun

REAL = Path(ase.__file__).parent / "test" / "testdata" / "vasp"
CELL = [[6.0, 0.0, 0.0], [0.8, 5.5, 0.0], [-0.5, 0.6, 5.8]]
POSITIONS = [[0.1, 2.0, 2.0], [-0.85, 2.05, 2.0], [3.0, 4.5, 3.0], [0.4, 2.9, 2.2], [3.9, 4.6, 3.2], [2.7, 5.4, 3.0]]
WATERS = Atoms("OHOHHH", positions=POSITIONS, cell=CELL, pbc=True)
METHOD = Method(functional="PBE", cutoff=30.0, parameters={"EDIFF": 1e-6, "NELM": 20})


Runner = Callable[..., Path]


@pytest.fixture(scope="session")
def run_label(run_vasp: Runner) -> Runner:
    """Return a function that runs a single point."""

    def run(folder: Path, atoms: Atoms = WATERS, **trouble: Any) -> Path:
        return run_vasp(folder, write_single_point(METHOD, atoms, {}), **trouble)

    return run


@pytest.fixture(scope="session")
def run_md(run_vasp: Runner) -> Runner:
    """Return a function that runs five configurations of a dynamics."""
    values = {"temperature": 2000.0, "timestep": 0.5, "thermostat_damping": 20.0, "steps": 4, "stride": 1}
    conditions = Conditions(ensemble="nvt", thermostat="nose_hoover", **values)

    def run(folder: Path, **trouble: Any) -> Path:
        return run_vasp(folder, write_md(METHOD, WATERS, {}, conditions, seed=3), **trouble)

    return run


@pytest.fixture(scope="session")
def single_point(tmp_path_factory: pytest.TempPathFactory, run_label: Runner) -> Path:
    """Return the files of a single point."""
    return run_label(tmp_path_factory.mktemp("vasp") / "single_point")


@pytest.fixture(scope="session")
def dynamics(tmp_path_factory: pytest.TempPathFactory, run_md: Runner) -> Path:
    """Return the files of a dynamics."""
    return run_md(tmp_path_factory.mktemp("vasp") / "dynamics")


def test_energy_is_not_the_one_without_smearing(single_point: Path) -> None:
    """ASE's energy of the same file is another, the free energy is ours."""
    image = ase.io.read(single_point / VASPRUN)
    frame = read_single_point(single_point, WATERS)
    assert frame.energies[0] == pytest.approx(image.get_potential_energy(force_consistent=True), abs=1e-7)
    assert abs(frame.energies[0] - image.get_potential_energy()) > 0.01


def test_ase_takes_what_did_not_converge(tmp_path: Path, run_label: Runner) -> None:
    """The reason for a reader of our own: forces are there, and wrong."""
    folder = run_label(tmp_path / "run", iterations={"*": 30})
    assert ase.io.read(folder / VASPRUN).get_forces().shape == (6, 3)
    with pytest.raises(RefusedLabelError, match="20 electronic iterations") as info:
        read_single_point(folder, WATERS)
    assert info.value.reason is LabelFailure.NOT_CONVERGED


def test_field_that_converges_with_the_last_iteration_is_a_label(tmp_path: Path, run_label: Runner) -> None:
    """As many iterations as NELM allows, and EDIFF reached."""
    assert len(read_single_point(run_label(tmp_path / "run", iterations={"*": 20}), WATERS)) == 1


def test_atom_in_another_image_is_the_same(single_point: Path) -> None:
    """The label has the structure's own positions."""
    shifted = WATERS.copy()
    shifted.positions[2] += 2 * WATERS.cell.array[1] - WATERS.cell.array[0]
    frame = read_single_point(single_point, shifted)
    np.testing.assert_array_equal(frame.positions[0], shifted.positions)
    np.testing.assert_allclose(frame.forces, read_single_point(single_point, WATERS).forces)


def test_files_of_two_runs_do_not_match(single_point: Path, tmp_path: Path, run_label: Runner) -> None:
    """Even where nothing but the last digits differ."""
    moved = WATERS.copy()
    moved.positions[0, 0] += 2e-5
    other = run_label(tmp_path / "other", moved)
    folder = tmp_path / "mixed"
    folder.mkdir()
    shutil.copy(single_point / VASPRUN, folder)
    shutil.copy(other / OUTCAR, folder)
    with pytest.raises(OutputError, match="differs"):
        read_single_point(folder, WATERS)


def test_printed_stress_of_a_dynamics_with_its_kinetic_part_is_another(dynamics: Path) -> None:
    """OUTCAR has both; the label has the one without."""
    part = read_part(dynamics, WATERS)
    kinetic = [line.split()[1:] for line in (dynamics / OUTCAR).read_text().splitlines() if "Total+kin." in line]
    with_motion = -np.array(kinetic, dtype=float)[:, 0] / 1602.18
    assert np.abs(with_motion - part.frames.stresses[:, 0]).min() > 1e-3


def test_dynamics_that_was_killed_goes_on_from_contcar(tmp_path: Path, dynamics: Path, run_md: Runner) -> None:
    """The same frames as of the whole run, and CONTCAR has the next one."""
    folder = run_md(tmp_path / "run", kill={"1": 3})
    assert count_steps(folder) == 3
    part, whole = read_part(folder, WATERS), read_part(dynamics, WATERS)
    np.testing.assert_array_equal(part.frames.positions, whole.frames.positions[:3])
    following = ase.io.read(folder / "CONTCAR", format="vasp").positions[np.argsort(group_atoms(WATERS.numbers))]
    np.testing.assert_allclose(following, whole.frames.positions[3], atol=1e-6)


def test_dynamics_must_go_on_near_the_last_frame(dynamics: Path) -> None:
    """Unwrapped from there; a jump is another run."""
    shift = WATERS.cell.array[2]
    part = read_part(dynamics, WATERS, WATERS.positions + shift)
    np.testing.assert_allclose(part.frames.positions[0], WATERS.positions + shift, atol=1e-6)
    with pytest.raises(OutputError, match="from where it should be"):
        read_part(dynamics, WATERS, WATERS.positions + np.array([0.0, 1.5, 0.0]))


@pytest.mark.parametrize("name", [VASPRUN, OUTCAR])
@pytest.mark.parametrize("content", [None, b"", b"PROGRAM CPMD STARTED\n", bytes(range(256)) * 9])
def test_missing_or_foreign_file_is_no_label(
    single_point: Path, tmp_path: Path, name: str, content: bytes | None
) -> None:
    """Absent, empty, of another code, and noise."""
    folder = shutil.copytree(single_point, tmp_path / "run")
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_bytes(content)
    with pytest.raises(OutputError):
        read_single_point(folder, WATERS)
    assert count_steps(folder) == 0


def test_all_zero_forces_are_no_label(tmp_path: Path, run_label: Runner) -> None:
    """Atoms that are too far apart to feel each other, of which nothing can be learnt."""
    far = Atoms("OH", positions=[[0, 0, 0], [10, 10, 10]], cell=3 * [20.0], pbc=True)
    with pytest.raises(RefusedLabelError) as info:
        read_single_point(run_label(tmp_path / "run", far), far)
    assert info.value.reason is LabelFailure.ALL_ZERO


def damaged(data: bytes) -> Iterator[bytes]:
    """Yield a file cut at many lines and within lines, with flipped bits and digits, lost and doubled lines."""
    lines = data.splitlines(keepends=True)
    for number in range(0, len(lines), max(1, len(lines) // 60)):
        yield b"".join(lines[:number])
        yield b"".join(lines[:number]) + lines[number][: len(lines[number]) // 2]
    generator = np.random.default_rng(len(data))
    digits = [place for place, byte in enumerate(data) if chr(byte).isdigit()]
    for _ in range(60):
        flipped, digit = bytearray(data), bytearray(data)
        flipped[generator.integers(len(data))] ^= 1 << generator.integers(8)
        digit[generator.choice(digits)] = ord(str(generator.integers(10)))
        place = int(generator.integers(len(lines)))
        yield from (bytes(flipped), bytes(digit))
        yield b"".join(lines[:place] + lines[place + 1 :])
        yield b"".join(lines[: place + 1] + lines[place:])


def read_all(folder: Path) -> dict[int, tuple[np.ndarray, ...]]:
    """Return the labels of a run by step."""
    if folder.name == "single_point":
        frames, rows = read_single_point(folder, WATERS), [0]
    else:
        part = read_part(folder, WATERS)
        frames, rows = part.frames, part.rows.tolist()
    if frames is None:
        return {}
    return {
        row: (frames.energies[index], frames.forces[index], frames.stresses[index]) for index, row in enumerate(rows)
    }


@pytest.mark.parametrize("name", [VASPRUN, OUTCAR])
@pytest.mark.parametrize("kind", ["single_point", "dynamics"])
def test_damaged_files_never_make_a_wrong_label(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str, name: str
) -> None:
    """Either the right labels, or none, and no error but ours."""
    source: Path = request.getfixturevalue(kind)
    good, folder = read_all(source), shutil.copytree(source, tmp_path / kind)
    outcomes = set()
    for data in damaged((source / name).read_bytes()):
        (folder / name).write_bytes(data)
        try:
            found = read_all(folder)
        except OutputError:
            outcomes.add("refused")
            continue
        outcomes.add("read")
        for row, values in found.items():
            for value, expected in zip(values, good[row], strict=True):
                np.testing.assert_allclose(value, expected, rtol=0, atol=3e-6)
    assert outcomes == {"refused", "read"}


@pytest.mark.parametrize(
    ("name", "read", "kind"),
    [
        ("vasprun_pstress.xml", read_vasprun, "vasp-xml"),
        ("vasprun_dfpt.xml", read_vasprun, "vasp-xml"),
        ("OUTCAR_example_1", read_outcar, "vasp-out"),
    ],
)
def test_real_files_are_read_like_ase_reads_them(name: str, read: Callable[..., Any], kind: str) -> None:
    """VASP 5.3 and 6.3: free energy, forces, and stress with its sign; the work against PSTRESS is no energy."""
    if not (REAL / name).is_file():
        pytest.skip("ASE came without its test data")
    [frame] = read(REAL / name).frames
    image = ase.io.read(REAL / name, format=kind)
    assert frame.energy == pytest.approx(image.get_potential_energy(force_consistent=True), abs=1e-7)
    np.testing.assert_allclose(frame.forces, image.get_forces(), atol=1e-12)
    np.testing.assert_allclose(frame.stress, image.get_stress(), atol=1e-8)
    np.testing.assert_allclose(frame.positions, image.positions, atol=1e-6)
