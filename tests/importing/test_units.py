"""Files in other units are found out by the size of their numbers, and right ones are left alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.dft.reading import ReadFrame
from aiida_nnpgen.importing import FileStatus, FileUnits, read_existing
from aiida_nnpgen.importing.ase_files import read_extxyz
from aiida_nnpgen.importing.units import verdict as unit_verdict
from aiida_nnpgen.importing.units.declared import ENERGIES, LENGTHS, STRESSES, force_factor
from aiida_nnpgen.importing.units.verdict import judge_units
from aiida_nnpgen.importing.units.xtb import compare_with_xtb

CASES = [
    {"length": "bohr"},
    {"energy": "Ha", "force": "Ha/bohr"},
    {"length": "bohr", "energy": "Ha", "force": "Ha/bohr"},
    {"force": "Ha/bohr"},
    {"energy": "Ha"},
    {"energy": "kcal/mol", "force": "kcal/mol/Å"},
    {"length": "nm", "energy": "kJ/mol", "force": "kJ/mol/nm"},
    {"force": "-eV/Å"},
    {"stress": "GPa"},
    {"stress": "-eV/Å³"},
    {"stress": "-kbar"},
]


def in_units(frames: list[ReadFrame], **names: str) -> list[ReadFrame]:
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
def frames(tmp_path: Path, generate_water: Callable[..., list[Atoms]]) -> list[ReadFrame]:
    """Return frames with moving cells."""
    ase.io.write(tmp_path / "frames.extxyz", generate_water(10, strain=0.02))
    return read_extxyz(tmp_path / "frames.extxyz").frames


def test_right_units_raise_no_suspicion(frames: list[ReadFrame]) -> None:
    """Nothing is said against one frame, two or all of them, in any order."""
    for chosen in (frames, frames[:1], frames[3:5], frames[::-1]):
        assert not judge_units(chosen).problem


@pytest.mark.parametrize("names", CASES, ids=lambda names: ", ".join(names.values()))
def test_wrong_units_are_named(frames: list[ReadFrame], names: dict[str, str]) -> None:
    """The message names the unit that the file has, and the setting puts it right."""
    verdict = judge_units(in_units(frames, **names))
    assert verdict.problem
    assert FileUnits(**verdict.units) == FileUnits(**names)


def test_energies_per_atom_are_named(frames: list[ReadFrame]) -> None:
    """The slope of energy against work is one over the number of atoms."""
    verdict = judge_units([replace(frame, energy=frame.energy / 6) for frame in frames])
    assert "per atom" in verdict.problem


def test_positions_converted_twice_are_named(frames: list[ReadFrame]) -> None:
    """Distances of half a bond are no unit but a mistake."""
    factor = LENGTHS["bohr"]
    verdict = judge_units([replace(f, positions=f.positions * factor, cell=f.cell * factor) for f in frames])
    assert "once too often" in verdict.problem


def test_frames_at_rest_are_not_judged(generate_water: Callable[..., list[Atoms]]) -> None:
    """A crystal with tiny forces, and a noble gas, give no ground for suspicion."""
    for name, lattice in (("Al", 4.05), ("Ar", 5.4), ("Cs", 6.1)):
        atoms = bulk(name, cubic=True, a=lattice)
        forces = np.full((len(atoms), 3), 1e-4)
        frame = ReadFrame(
            index=0,
            numbers=atoms.numbers,
            positions=atoms.positions,
            cell=atoms.cell.array,
            energy=-3.0,
            forces=forces - forces.mean(axis=0) + 1e-5 * np.eye(len(atoms), 3),
            stress=np.full(6, 0.01),
        )
        verdict = judge_units([frame])
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
    data = read_existing(tmp_path / "bad.extxyz")
    assert len(data) == 0
    assert data.reports[0].status is FileStatus.WRONG_UNITS
    assert "set `units: {energy: Ha, force: Ha/bohr}`" in data.reports[0].detail
    assert data.reports[0].to_dict()["reasons"] == {"wrong_units": 6}
    [found] = read_existing(tmp_path / "bad.extxyz", units=FileUnits(energy="Ha", force="Ha/bohr")).labelled
    [good] = read_existing(tmp_path / "good.extxyz").labelled
    np.testing.assert_allclose(found.forces, good.forces, atol=1e-5)
    np.testing.assert_allclose(found.energies, good.energies, atol=1e-5)


def test_good_units_declared_wrong_are_refused(tmp_path: Path, generate_water: Callable[..., list[Atoms]]) -> None:
    """A declaration is checked like a default."""
    ase.io.write(tmp_path / "a.extxyz", generate_water(6))
    data = read_existing(tmp_path / "a.extxyz", units=FileUnits(length="bohr"))
    assert data.reports[0].status is FileStatus.WRONG_UNITS


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


def test_xtb_tells_hartree_from_rydberg(frames: list[ReadFrame], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a reference potential is there, a factor of two is told apart."""
    monkeypatch.setattr(unit_verdict, "compare_with_xtb", lambda frames, length=1.0: 1 / force_factor("Ry/bohr"))
    verdict = judge_units(in_units(frames, energy="Ry", force="Ry/bohr"))
    assert verdict.units == {"energy": "Ry", "force": "Ry/bohr"}


@pytest.mark.slow
def test_compare_with_xtb_measures_the_unit_of_forces() -> None:
    """Forces of xTB are those of xTB; at rest, or without tblite, nothing is said."""
    tblite = pytest.importorskip("tblite.ase")
    frames = []
    for seed in range(3):
        atoms = bulk("NaCl", "rocksalt", a=5.64, cubic=True)
        atoms.rattle(0.08, seed=seed)
        atoms.calc = tblite.TBLite(method="GFN1-xTB", verbosity=0)
        frame = ReadFrame(
            index=seed,
            numbers=atoms.numbers,
            positions=atoms.positions,
            cell=atoms.cell.array,
            energy=0.0,
            forces=atoms.get_forces() / force_factor("Ha/bohr"),
        )
        frames.append(frame)
    assert compare_with_xtb(frames) == pytest.approx(1 / force_factor("Ha/bohr"), rel=1e-6)
    assert compare_with_xtb(frames[:1]) is None
