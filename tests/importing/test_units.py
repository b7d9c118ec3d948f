"""Files in other units are found out by the size of their numbers, and right ones are left alone."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.dft.reading import Reading
from aiida_nnpgen.importing import FileStatus, FileUnits, read
from aiida_nnpgen.importing.ase_files import read_extxyz
from aiida_nnpgen.importing.units import judge as judge_module
from aiida_nnpgen.importing.units import xtb
from aiida_nnpgen.importing.units.declared import ENERGIES, LENGTHS, STRESSES, force_factor
from aiida_nnpgen.importing.units.judge import judge
from aiida_nnpgen.importing.units.xtb import Comparison, compare_with_xtb

FIXTURES = Path(__file__).parents[1] / "fixtures" / "existing"
CASES = [
    {"length": "bohr"},
    {"energy": "Ha", "force": "Ha/bohr"},
    {"length": "bohr", "energy": "Ha", "force": "Ha/bohr"},
    {"force": "Ha/bohr"},
    {"energy": "Ha"},
    {"energy": "kcal/mol", "force": "kcal/mol/Å"},
    {"length": "nm", "energy": "kJ/mol", "force": "kJ/mol/nm"},
    {"force": "-eV/Å"},
    {"energy": "Ha", "force": "-Ha/bohr"},
    {"energy": "kcal/mol", "force": "-kcal/mol/Å"},
    {"stress": "GPa"},
    {"stress": "-eV/Å³"},
    {"stress": "-kbar"},
]


def in_units(frames: list[Reading], **names: str) -> list[Reading]:
    """Return frames as a file in other units would have them."""
    units = FileUnits(**names)
    stress = STRESSES[units.stress.removeprefix("-")] * (-1 if units.stress.startswith("-") else 1)
    return [
        replace(
            frame,
            positions=frame.positions / LENGTHS[units.length],
            cell=frame.cell / LENGTHS[units.length],
            energy=frame.energy / ENERGIES[units.energy],
            forces=frame.forces / force_factor(units.force),
            stress=None if frame.stress is None else frame.stress / stress,
        )
        for frame in frames
    ]


@pytest.fixture
def frames(tmp_path: Path, generate_water: Callable[..., list[Atoms]]) -> list[Reading]:
    """Return frames with moving cells."""
    ase.io.write(tmp_path / "frames.extxyz", generate_water(10, strain=0.02))
    return read_extxyz(tmp_path / "frames.extxyz").frames


def test_right_units_raise_no_suspicion(frames: list[Reading]) -> None:
    """Nothing is said against one frame, two or all of them, in any order."""
    for chosen in (frames, frames[:1], frames[3:5], frames[::-1]):
        assert not judge(chosen).problem


@pytest.mark.usefixtures("springs_as_reference")
@pytest.mark.parametrize("names", CASES, ids=lambda names: ", ".join(names.values()))
def test_wrong_units_are_named(frames: list[Reading], names: dict[str, str]) -> None:
    """The message names the unit that the file has, and the setting puts it right."""
    verdict = judge(in_units(frames, **names))
    assert verdict.problem
    assert FileUnits(**verdict.units) == FileUnits(**names)


@pytest.mark.parametrize(("factor", "is_refused"), [(2.0, False), (50.0, True)])
def test_a_stress_that_no_unit_explains(frames: list[Reading], factor: float, is_refused: bool) -> None:
    """Pulay stress is a doubt; what is off by far more is a mistake, such as a virial in the place of a stress."""
    verdict = judge([replace(frame, stress=factor * frame.stress) for frame in frames])
    told = verdict.problem if is_refused else verdict.notes[-1]
    assert "no known unit of stress explains" in told
    assert bool(verdict.problem) is is_refused


def test_energies_per_atom_are_named(frames: list[Reading]) -> None:
    """The slope of energy against work is one over the number of atoms."""
    verdict = judge([replace(frame, energy=frame.energy / 6) for frame in frames])
    assert "per atom" in verdict.problem


@pytest.mark.usefixtures("springs_as_reference")
def test_forces_that_no_unit_explains_get_no_advice(frames: list[Reading]) -> None:
    """A factor of a thousand is no unit, whatever the sign."""
    for factor in (1e-3, -1e-3):
        changed = [replace(frame, forces=factor * frame.forces) for frame in frames]
        verdict = judge(changed)
        assert "no known units" in verdict.problem
        assert not verdict.units


def test_positions_converted_twice_are_named(frames: list[Reading]) -> None:
    """Distances of half a bond are no unit but a mistake."""
    factor = LENGTHS["bohr"]
    verdict = judge([replace(f, positions=f.positions * factor, cell=f.cell * factor) for f in frames])
    assert "once too often" in verdict.problem


def test_frames_at_rest_are_not_judged(generate_water: Callable[..., list[Atoms]]) -> None:
    """A crystal with tiny forces, and a noble gas, give no ground for suspicion."""
    for name, lattice in (("Al", 4.05), ("Ar", 5.4), ("Cs", 6.1)):
        atoms = bulk(name, cubic=True, a=lattice)
        forces = np.full((len(atoms), 3), 1e-4)
        frame = Reading(
            index=0,
            numbers=atoms.numbers,
            positions=atoms.positions,
            cell=atoms.cell.array,
            energy=-3.0,
            forces=forces - forces.mean(axis=0) + 1e-5 * np.eye(len(atoms), 3),
            stress=np.full(6, 0.01),
        )
        verdict = judge([frame])
        assert not verdict.problem
        assert any("cannot be judged" in note for note in verdict.notes)


def test_a_file_in_wrong_units_is_refused_until_they_are_given(
    tmp_path: Path, generate_water: Callable[..., list[Atoms]]
) -> None:
    """The report names unit and setting; with the setting the frames are those of the file in eV and Å."""
    images = generate_water(6)
    ase.io.write(tmp_path / "good.extxyz", images)
    for atoms in images:
        atoms.calc.results["energy"] /= ENERGIES["Ha"]
        atoms.calc.results["forces"] = atoms.calc.results["forces"] / force_factor("Ha/bohr")
    ase.io.write(tmp_path / "bad.extxyz", images)
    data = read(tmp_path / "bad.extxyz")
    assert len(data) == 0
    assert data.reports[0].status is FileStatus.WRONG_UNITS
    assert "set `units: {energy: Ha, force: Ha/bohr}`" in data.reports[0].detail
    assert data.reports[0].to_dict()["reasons"] == {"wrong_units": 6}
    [found] = read(tmp_path / "bad.extxyz", units=FileUnits(energy="Ha", force="Ha/bohr")).labelled
    [good] = read(tmp_path / "good.extxyz").labelled
    np.testing.assert_allclose(found.forces, good.forces, atol=1e-5)
    np.testing.assert_allclose(found.energies, good.energies, atol=1e-5)


def test_declared_units_are_believed(tmp_path: Path, generate_water: Callable[..., list[Atoms]]) -> None:
    """What the user declares is taken, and what speaks against it is a note."""
    ase.io.write(tmp_path / "a.extxyz", generate_water(6))
    data = read(tmp_path / "a.extxyz", units=FileUnits(length="bohr"))
    assert data.reports[0].status is FileStatus.READ
    assert data.reports[0].labelled == 6
    assert "converted from bohr once too often" in data.reports[0].notes[-1]
    np.testing.assert_allclose(data.labelled[0].cells[0, 0, 0], 6.2 * LENGTHS["bohr"])


def test_the_default_written_out_is_a_declaration(tmp_path: Path, generate_water: Callable[..., list[Atoms]]) -> None:
    """With units of eV and Å a file is read that is refused without."""
    images = generate_water(6)
    for atoms in images:
        atoms.calc.results["energy"] *= 2
    ase.io.write(tmp_path / "a.extxyz", images)
    assert read(tmp_path / "a.extxyz").reports[0].status is FileStatus.WRONG_UNITS
    assert "set `units: {}`" in read(tmp_path / "a.extxyz").reports[0].detail
    for units in (FileUnits(), {}):
        data = read(tmp_path / "a.extxyz", units=units)
        assert len(data.labelled_sources) == 6
        assert "times the work of the forces" in data.reports[0].notes[-1]


@pytest.mark.parametrize("file", ["expanded_fcc_si.xyz", "near_minimum.xyz", "one_frame_small_forces.xyz"])
def test_right_numbers_that_look_odd_are_labels(file: str) -> None:
    """Wide distances, and forces near zero of either sign, say nothing: the labels come in, with a note."""
    data = read(FIXTURES / "units" / file)
    assert data.reports[0].labelled == 1, data.reports[0]
    assert any("cannot be judged" in note for note in data.reports[0].notes)


def test_a_relaxation_near_its_end_says_nothing(frames: list[Reading]) -> None:
    """Energies that change by less than they are converged to have no slope, whatever their sign."""
    rest = [replace(frame, energy=-500 - 1e-6 * n, forces=1e-3 * frame.forces) for n, frame in enumerate(frames)]
    assert not judge(rest).problem


def test_an_expanded_lattice_beside_a_normal_one_is_no_other_unit(frames: list[Reading]) -> None:
    """Where some frames have distances of bonds, the long ones of others are no bohr."""
    far = [replace(frame, positions=1.9 * frame.positions, cell=1.9 * frame.cell) for frame in frames[:6]]
    assert "bohr" in judge(far).problem
    mixed = [replace(frame, energy=None) for frame in (*frames[6:], *far)]
    assert not judge(mixed).problem


@pytest.mark.parametrize(
    ("symbol", "reason"),
    [("Cu", "no measure for metals"), ("Al", "no measure for metals"), ("Si", "40 atoms or fewer")],
)
def test_compare_with_xtb_says_why_it_does_not(symbol: str, reason: str) -> None:
    """Metals and large cells are not asked about, and the reason is told."""
    atoms = bulk(symbol, cubic=True)
    atoms = atoms.repeat((3, 3, 3)) if symbol == "Si" else atoms
    frame = Reading(
        index=0,
        numbers=atoms.numbers,
        positions=atoms.positions,
        cell=atoms.cell.array,
        energy=0.0,
        forces=atoms.positions,
    )
    compared = compare_with_xtb([frame])
    assert compared.size is None
    assert reason in compared.reason


def test_compare_with_xtb_says_what_failed(frames: list[Reading], monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of the library is no verdict, but it is told."""

    def fail(frames: object, length: float) -> None:
        raise RuntimeError("the field did not converge")

    monkeypatch.setattr(xtb, "_forces", fail)
    assert "RuntimeError: the field did not converge" in compare_with_xtb(frames).reason


def test_compare_with_xtb_stops_in_time(frames: list[Reading], monkeypatch: pytest.MonkeyPatch) -> None:
    """After the time is over no other frame is computed, and there is no verdict."""
    pytest.importorskip("tblite.ase")
    monkeypatch.setattr(xtb, "_MAX_SECONDS", 0.0)
    assert "took more than 0 s" in compare_with_xtb(frames[:3]).reason


@pytest.mark.parametrize("spelling", ["eV/\u212b", "eV/A\u030a", " eV/\u00c5"])
def test_units_are_known_in_each_spelling(spelling: str) -> None:
    """The sign for angstrom, and an A with a ring, are Å."""
    assert FileUnits(force=spelling) == FileUnits()
    assert FileUnits(stress=f"-{spelling.strip()}³").stress == "-eV/Å³"


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({"length": "mile"}, "`mile` is no unit of length"),
        ({"energy": "cal"}, "`cal` is no unit of energy"),
        ({"force": "Ha"}, "`Ha` is no unit of force"),
        ({"force": "Ha/mile"}, "`Ha/mile` is no unit of force"),
        ({"stress": "psi"}, "`psi` is no unit of stress"),
    ],
)
def test_unknown_units_are_refused(names: dict[str, str], message: str) -> None:
    """A unit that we do not know is named, with those that we do."""
    with pytest.raises(InputError, match=message):
        FileUnits(**names)


def test_xtb_tells_hartree_from_rydberg(frames: list[Reading], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a reference potential is there, a factor of two is told apart."""
    monkeypatch.setattr(
        judge_module, "compare_with_xtb", lambda frames, length=1.0: Comparison(1 / force_factor("Ry/bohr"))
    )
    verdict = judge(in_units(frames, energy="Ry", force="Ry/bohr"))
    assert verdict.units == {"energy": "Ry", "force": "Ry/bohr"}


@pytest.mark.slow
def test_compare_with_xtb_measures_the_unit_of_forces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forces of xTB are those of xTB; at rest, or without tblite, nothing is said."""
    tblite = pytest.importorskip("tblite.ase")
    monkeypatch.setattr(xtb, "_MAX_SECONDS", np.inf)
    frames = []
    for seed in range(3):
        atoms = bulk("NaCl", "rocksalt", a=5.64, cubic=True)
        atoms.rattle(0.08, seed=seed)
        atoms.calc = tblite.TBLite(method="GFN1-xTB", verbosity=0)
        frame = Reading(
            index=seed,
            numbers=atoms.numbers,
            positions=atoms.positions,
            cell=atoms.cell.array,
            energy=0.0,
            forces=atoms.get_forces() / force_factor("Ha/bohr"),
        )
        frames.append(frame)
    assert compare_with_xtb(frames).size == pytest.approx(1 / force_factor("Ha/bohr"), rel=1e-6)
    assert compare_with_xtb(frames[:1]) == Comparison(None, "forces are too near to zero to be compared with GFN1-xTB")


def test_comparisons_of_one_import_end_in_time(
    tmp_path: Path, generate_water: Callable[..., list[Atoms]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder of many files takes no more than its share of the slow method, and its reports say so."""
    asked = []
    monkeypatch.setattr(sys.modules[read.__module__], "_MAX_SECONDS", 1e-9)
    monkeypatch.setattr(judge_module, "compare_with_xtb", lambda *args: asked.append(1) or Comparison(None))
    for molecules in (1, 2):
        ase.io.write(tmp_path / f"{molecules}.extxyz", generate_water(2, molecules=molecules), format="extxyz")
    first, second = read(tmp_path).reports
    assert len(asked) == 1
    assert not any("GFN1-xTB: the files before" in note for note in first.notes)
    assert any("GFN1-xTB: the files before" in note for note in second.notes)
    assert (first.status, second.status) == (FileStatus.READ, FileStatus.READ)
