"""Files with numbers that no structure has: they cost their own frame, and no time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from ase.calculators.singlepoint import SinglePointCalculator

from aiida_nnpgen.builders.files import read_starts
from aiida_nnpgen.common.bounds import far_energies, reach_within, structure_problem
from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.importing import ImportedData, read
from aiida_nnpgen.importing.units import judge
from aiida_nnpgen.importing.units.xtb import Comparison
from aiida_nnpgen.samplers.lammps import write_structure

BOX = np.eye(3) * 6.0
CELLS = {
    "long": np.array([[1e8, 0, 0], [0, 6, 0], [0, 0, 6]]),
    "endless": np.eye(3) * 1e300,
    "sheared": np.array([[6.0, 0, 0], [1e7, 6, 0], [0, 0, 6]]),
    "oblique": np.array([[6.0, 0, 0], [900, 6, 0], [0, 0, 6]]),
    "flat": np.array([[900.0, 0, 0], [0, 900, 0], [0, 0, 1e-4]]),
    "thin": np.array([[900.0, 0, 0], [0, 900, 0], [0, 0, 0.7]]),
}


@pytest.fixture(autouse=True)
def no_xtb(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the semi-empirical method out: it has limits of its own."""
    monkeypatch.setattr(judge, "compare_with_xtb", lambda frames, length=1.0: Comparison(None))


def water(count: int = 5) -> list[Atoms]:
    """Return labelled frames of one molecule of water."""
    rng = np.random.default_rng(1)
    images = []
    for row in range(count):
        atoms = molecule("H2O", cell=BOX, pbc=True)
        atoms.positions += rng.normal(scale=0.02, size=(3, 3))
        forces = rng.normal(size=(3, 3))
        atoms.calc = SinglePointCalculator(atoms, energy=-470.0 + 0.1 * row, forces=forces - forces.mean(axis=0))
        images.append(atoms)
    return images


def imported(folder: Path, damage: Callable[[Atoms], None], name: str = "a.extxyz") -> ImportedData:
    """Return what is read of good frames and a damaged one in their midst, and of a good file beside them."""
    images = water()
    damage(images[2])
    ase.io.write(folder / name, images)
    other = water()
    for atoms in other:
        atoms.positions += 0.5
    ase.io.write(folder / "b.extxyz", other)
    return read(folder)


@pytest.mark.parametrize("name", ["a.extxyz", "a.traj"])
@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_read_drops_a_frame_with_an_absurd_cell(cell: np.ndarray, name: str, tmp_path: Path) -> None:
    """The other frames and the other files are read, at once."""
    data = imported(tmp_path, lambda atoms: atoms.set_cell(cell), name)
    reports = sorted(data.reports, key=lambda report: report.path)
    assert [report.labelled for report in reports] == [4, 5]
    [dropped] = reports[0].dropped
    assert (dropped.index, dropped.reason) == (2, "out_of_bounds")


@pytest.mark.parametrize("quiet", [False, True], ids=["forces", "no_forces"])
@pytest.mark.parametrize("value", [1e7, 1e20, 1e300, -1e300])
def test_read_drops_a_frame_with_an_absurd_position(value: float, quiet: bool, tmp_path: Path) -> None:
    """An atom that is nowhere, with and without forces."""

    def damage(atoms: Atoms) -> None:
        atoms.positions[0, 1] = value
        if quiet:
            atoms.calc.results["forces"] = np.zeros((3, 3))

    data = imported(tmp_path, damage)
    assert [report.labelled for report in data.reports] == [4, 5]
    assert [item.reason for item in data.reports[0].dropped] == ["out_of_bounds"]


@pytest.mark.parametrize(
    ("quantity", "value"),
    [
        ("energy", 1e300),
        ("energy", -1470.0),
        ("energy", 470.0),
        ("energy", -4700.2),
        ("forces", np.eye(3) * 1e200),
        ("stress", np.full(6, 1e200)),
    ],
)
def test_read_drops_a_frame_with_an_absurd_label(quantity: str, value: object, tmp_path: Path) -> None:
    """An energy is held against those of its composition: another sign or one more digit is seen."""
    data = imported(tmp_path, lambda atoms: atoms.calc.results.update({quantity: value}))
    assert [report.labelled for report in data.reports] == [4, 5]
    assert [item.reason for item in data.reports[0].dropped] == ["out_of_bounds"]


def test_far_energies_judges_compositions_by_themselves() -> None:
    """Molecules of other sizes, and two frames that contradict each other, are no error."""
    small, large = np.array([1, 1]), np.array([1, 1, 8])
    numbers, energies = [small, small, large, large, large, large[::-1]], [-30.0, 500.0, -470.0, -470.1, -470.2, 0.0]
    assert list(far_energies(numbers, energies)) == [5]


@pytest.mark.parametrize("digits", ["9" * 5000, "1" * 100_000, "٣" * 5000])
@pytest.mark.parametrize("place", ["count", "position", "cell", "energy"])
def test_read_survives_a_number_of_thousands_of_digits(place: str, digits: str, tmp_path: Path) -> None:
    """Python refuses to convert it, or it is infinite: the frames before it and other files are read."""
    images = water()
    ase.io.write(tmp_path / "a.extxyz", images[:2])
    head = {"count": "3", "position": "0.0", "cell": "6.0", "energy": "-470.0"} | {place: digits}
    lattice = f'Lattice="{head["cell"]} 0 0 0 6 0 0 0 6" Properties=species:S:1:pos:R:3:forces:R:3'
    rows = [f"O {head['position']} 0 0 0 0 0", "H 0 0 1 0 0 1", "H 0 1 0 0 0 -1"]
    with (tmp_path / "a.extxyz").open("a") as handle:
        handle.write("\n".join([head["count"], f"{lattice} energy={head['energy']}", *rows]) + "\n")
    ase.io.write(tmp_path / "b.extxyz", water())
    data = read(tmp_path)
    assert data.reports[0].labelled >= 1
    assert len(data.reports[0].dropped) >= 1
    assert len(data.labelled_sources) == 5


@pytest.mark.parametrize("exception", [RecursionError, MemoryError, ValueError, OverflowError, SystemError])
def test_read_survives_whatever_a_reader_raises(
    exception: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A foreign reader that fails costs its own file, with the reason."""
    from aiida_nnpgen.importing import formats

    def fail(path: Path, hints: object) -> None:
        raise exception("x" * 10_000)

    broken = formats.FORMATS["traj"]
    monkeypatch.setitem(formats.FORMATS, "traj", formats.Format(broken.name, broken.matches, fail))  # type: ignore[arg-type]
    data = imported(tmp_path, lambda atoms: None, "a.traj")
    [failed] = [report for report in data.reports if report.path == "a.traj"]
    assert failed.status.value == "unreadable"
    assert failed.detail.startswith(exception.__name__)
    assert len(failed.detail) < 400
    assert len(data.labelled_sources) == 5


@pytest.mark.parametrize("count", [2000, 20_000])
def test_reach_within_bounds_the_pairs_of_a_crowd(count: int) -> None:
    """All atoms in a corner of a large cell: the mean density would ask for all pairs."""
    positions = np.random.default_rng(0).normal(scale=3.0, size=(count, 3))
    reach = reach_within(positions, np.eye(3) * 900.0, 100.0)
    density = count / 8.0**3
    assert reach < 100
    assert count * density * reach**3 < 1e8


def test_reach_within_leaves_crystals_alone() -> None:
    """A liquid, a crystal or a large cell keeps its reach."""
    atoms = bulk("Cu", cubic=True) * (10, 10, 10)
    assert reach_within(atoms.positions, atoms.cell.array, 5.7) == 5.7


@pytest.mark.parametrize("atoms", [bulk("Cu"), bulk("Si", cubic=True), molecule("C60", cell=[300.0] * 3, pbc=True)])
def test_structure_problem_leaves_structures_alone(atoms: Atoms) -> None:
    """Crystals, and a molecule in much vacuum; positions may be unwrapped."""
    positions = atoms.positions + 1e4
    assert structure_problem(atoms.numbers, positions, atoms.cell.array) is None


@pytest.mark.parametrize("name", ["a.vasp", "a.extxyz", "a.traj"])
@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_read_starts_refuses_an_absurd_cell(cell: np.ndarray, name: str, tmp_path: Path) -> None:
    """A start passes the same bounds, with the frame and the file in the message."""
    atoms = Atoms("H2", positions=[[0, 0, 0], [0, 0, 0.3]], cell=cell, pbc=True)
    ase.io.write(tmp_path / name, atoms)
    with pytest.raises(InputError, match=rf"frame 0 of `{name}`|`{name}` cannot be read"):
        read_starts(tmp_path / name)


@pytest.mark.parametrize("value", [1e300, -1e12])
def test_read_starts_refuses_an_absurd_position(value: float, tmp_path: Path) -> None:
    """LAMMPS would wrap it for ever."""
    atoms = Atoms("H2", positions=[[0, 0, 0], [0, value, 1]], cell=BOX, pbc=True)
    ase.io.write(tmp_path / "a.traj", atoms)
    with pytest.raises(InputError, match=r"frame 0 of `a\.traj` has an atom at .*e\+"):
        read_starts(tmp_path / "a.traj")


def rows_of(text: str) -> list[list[str]]:
    """Return the atoms of a LAMMPS data file as words."""
    return [line.split() for line in text.partition("Atoms # atomic\n\n")[2].splitlines()]


def test_write_structure_wraps_positions_and_keeps_their_images() -> None:
    """With its image each atom is where it was, on whichever side of the box, in a skewed cell too."""
    cell = np.array([[5.0, 0, 0], [1.5, 4.0, 0], [-1.0, 0.5, 6.0]])
    positions = np.array([[1.0, 1.0, 1.0], [-3.0, 2.0, 1.0], [40.0, -77.0, 13.0]])
    rows = rows_of(write_structure(Atoms("H3", positions=positions, cell=cell), ["H"]))
    wrapped, images = (np.array([row[part] for row in rows], dtype=float) for part in (slice(2, 5), slice(5, 8)))
    fractional = np.linalg.solve(cell.T, wrapped.T).T
    assert ((fractional > -1e-9) & (fractional < 1 + 1e-9)).all()
    assert wrapped + images @ cell == pytest.approx(positions)


def test_write_structure_leaves_positions_inside_alone() -> None:
    """They are written to the last bit, without images."""
    [row, _] = rows_of(write_structure(Atoms("H2", positions=[[0.1, 0.2, 0.3], [3, 3, 3]], cell=BOX), ["H"]))
    assert row == ["1", "1", "0.1", "0.2", "0.3"]


@pytest.mark.parametrize("value", [1e6, 1e300, np.inf, np.nan])
def test_write_structure_never_writes_a_position_far_outside(value: float) -> None:
    """What LAMMPS cannot count is brought into the box, or refused."""
    atoms = Atoms("H2", positions=[[0.1, 0.2, 0.3], [3, value, 3]], cell=BOX)
    if not np.isfinite(value):
        with pytest.raises(InputError, match="not finite"):
            write_structure(atoms, ["H"])
        return
    for row in rows_of(write_structure(atoms, ["H"])):
        assert all(abs(float(word)) <= 6.001 for word in row[2:5])
        assert all(abs(int(word)) <= 511 for word in row[5:])
