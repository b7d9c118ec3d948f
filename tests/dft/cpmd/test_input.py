"""Inputs that the writer of CPMD makes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms

from aiida_nnpgen.common.dynamics import Conditions
from aiida_nnpgen.common.exceptions import InputError, OutputError
from aiida_nnpgen.dft.cpmd import CpmdSettings, Dispersion, Pseudopotential, write_md, write_single_point
from aiida_nnpgen.dft.cpmd.input import nose_frequency, read_order

FIXTURES = Path(__file__).parents[2] / "fixtures" / "cpmd"
PSEUDO = {
    "C": Pseudopotential(filename="C_GTH_BLYP.psp"),
    "O": Pseudopotential(filename="O_GTH_BLYP.psp"),
    "H": Pseudopotential(filename="H_GTH_BLYP.psp", lmax="S"),
}


def water() -> Atoms:
    """Return the molecule of the sample, hydrogen first."""
    positions = [[4.0, 4.763239, 3.522953], [4.0, 4.0, 4.119262], [4.0, 3.236761, 3.522953]]
    return Atoms("HOH", positions, cell=[8.0] * 3, pbc=True)


def conditions(**changes: Any) -> Conditions:
    """Return the conditions of a dynamics."""
    values = {"ensemble": "nvt", "temperature": 300.0, "timestep": 0.5, "steps": 10, "stride": 1}
    return Conditions(**values | changes)


def lines(text: str, skip: tuple[str, ...] = ()) -> list[str]:
    """Return the words of each line that is not skipped."""
    return [words for line in text.splitlines() if (words := " ".join(line.split())) and words not in skip]


def test_write_single_point_makes_the_sample() -> None:
    """The input of a real run comes out, with the order of the atoms in front."""
    atoms = water()[[1, 0, 2]]
    written = write_single_point(atoms, CpmdSettings(pseudopotentials=PSEUDO, cutoff=70.0)).text
    sample = (FIXTURES / "single_point_h2o" / "cpmd.inp").read_text()
    # S6GRIMME is the documented spelling; VDW PARAMETERS is no keyword of 4.3.
    expected = [line.replace("S6GRIM", "S6GRIMME") for line in lines(sample, skip=("VDW PARAMETERS",))]
    body = lines(written)
    assert body[:4] == ["&INFO", "AIIDA-NNPGEN ORDER", "0 1 2", "&END"]
    assert body[4:] == expected


def test_write_md_makes_the_sample() -> None:
    """The dynamics of a real run come out, apart from the cap on iterations and the seed that only we set."""
    settings = CpmdSettings(pseudopotentials=PSEUDO, cutoff=70.0, convergence=1e-5, store=5)
    damping = 0.02418884326 / (7.26e-7 * 1500.0)
    md = conditions(timestep=40.0 * 0.02418884326, steps=4, thermostat_damping=damping)
    control = set(lines(write_md(water(), settings, md, 123).text.split("&DFT")[0].split("&CPMD")[1]))
    sample = (FIXTURES / "md_pg" / "cpmd.inp").read_text().split("&DFT")[0].split("&CPMD")[1]
    assert set(lines(sample)) - control == {"40.0", "TRAJECTORY FORCES XYZ"}
    assert control - set(lines(sample)) == {"40.000000", "TRAJECTORY FORCES", "MAXITER", "100", "PRNGSEED", "123"}


def test_write_single_point_groups_species_and_keeps_the_order() -> None:
    """Atoms are grouped by species in order of appearance, and the order leads back."""
    written = write_single_point(water(), CpmdSettings(pseudopotentials=PSEUDO))
    assert written.order.tolist() == [0, 2, 1]
    assert lines(written.text)[-10:-2] == [
        "*H_GTH_BLYP.psp",
        "LMAX=S",
        "2",
        "4.0000000000 4.7632390000 3.5229530000",
        "4.0000000000 3.2367610000 3.5229530000",
        "*O_GTH_BLYP.psp",
        "LMAX=P",
        "1",
    ]


def test_read_order_returns_what_the_writer_left() -> None:
    """The order of a large mixed structure survives the file, whose lines stay short enough for CPMD."""
    rng = np.random.default_rng(1)
    numbers = rng.choice([1, 6, 8], size=257)
    atoms = Atoms(numbers, rng.uniform(0, 30, (257, 3)), cell=[30.0] * 3, pbc=True)
    written = write_single_point(atoms, CpmdSettings(pseudopotentials=PSEUDO))
    np.testing.assert_array_equal(read_order(written.text, 257), written.order)
    assert max(map(len, written.text.splitlines())) < 80


def test_read_order_refuses_a_damaged_order() -> None:
    """An order that is no permutation is an error, none at all is none."""
    text = write_single_point(water(), CpmdSettings(pseudopotentials=PSEUDO)).text
    assert read_order(text.partition("&END")[2], 3) is None
    with pytest.raises(OutputError, match="permutation"):
        read_order(text.replace("0 2 1", "0 2 2"), 3)


@pytest.mark.parametrize(("dispersion", "word"), [("d2", "ALL DFT-D2"), ("d3", "ALL DFT-D3")])
def test_write_single_point_asks_for_dispersion(dispersion: str, word: str) -> None:
    """Each dispersion needs its keyword in &CPMD and its lines in &VDW."""
    text = write_single_point(water(), CpmdSettings(pseudopotentials=PSEUDO, dispersion=Dispersion(dispersion))).text
    assert word in text
    assert "VDW CORRECTION" in text.split("&DFT")[0]


def test_write_single_point_without_dispersion_has_no_trace_of_it() -> None:
    """Without dispersion neither keyword nor section is there."""
    text = write_single_point(water(), CpmdSettings(pseudopotentials=PSEUDO, dispersion=Dispersion.NONE)).text
    assert "VDW" not in text


def test_write_single_point_writes_charge_and_spin() -> None:
    """A multiplicity switches to spin polarisation."""
    settings = CpmdSettings(pseudopotentials=PSEUDO, charge=1.0, multiplicity=2, extra={"CPMD": ("ODIIS", "5")})
    text = write_single_point(water(), settings).text
    control, system = text.split("&DFT")[0], text.split("&SYSTEM")[1]
    assert " LSD\n" in control
    assert " ODIIS\n 5\n" in control
    assert " CHARGE\n  1.0\n MULTIPLICITY\n  2\n" in system


def test_write_md_restarts_without_new_velocities() -> None:
    """A restart reads the velocities instead of drawing them."""
    text = write_md(water(), CpmdSettings(pseudopotentials=PSEUDO), conditions(stride=5), 7, done=4).text
    assert "RESTART WAVEFUNCTION COORDINATES VELOCITIES NOSEP ACCUMULATORS LATEST" in text
    assert "TEMPERATURE" not in text
    assert "PRNGSEED" not in text
    assert " MAXSTEP\n  6\n" in text
    assert " TRAJECTORY FORCES SAMPLE\n  5\n" in text


def test_write_single_point_names_a_missing_pseudopotential() -> None:
    """An element without pseudopotential is named."""
    with pytest.raises(InputError, match="`H`"):
        write_single_point(water(), CpmdSettings(pseudopotentials={"O": PSEUDO["O"]}))


def test_write_single_point_needs_a_cell() -> None:
    """A molecule without cell is refused."""
    with pytest.raises(InputError, match="no cell"):
        write_single_point(Atoms("OH"), CpmdSettings(pseudopotentials=PSEUDO))


@pytest.mark.parametrize(
    "changes",
    [
        {"cutoff": 0},
        {"convergence": float("nan")},
        {"multiplicity": 0},
        {"store": 0},
        {"dispersion": "d5"},
        {"extra": {"CPMD": ("&END",)}},
        {"extra": {"ATOMS": ("CONSTRAINTS",)}},
    ],
)
def test_settings_refuse_nonsense(changes: dict[str, object]) -> None:
    """Values that CPMD would misread never reach it."""
    with pytest.raises(InputError):
        CpmdSettings(pseudopotentials=PSEUDO, **changes)


@pytest.mark.parametrize("done", [-1, 10, 11])
def test_write_md_refuses_to_do_nothing(done: int) -> None:
    """A dynamics of ten steps that is done already is not run again."""
    with pytest.raises(InputError, match=f"`{done}`"):
        write_md(water(), CpmdSettings(pseudopotentials=PSEUDO), conditions(), 7, done=done)


def test_write_md_has_the_damping_and_the_seed() -> None:
    """A damping of 100 fs is 333 cm^-1; seeds fit into an integer of CPMD."""
    text = write_md(water(), CpmdSettings(pseudopotentials=PSEUDO), conditions(), 2**63 + 5).text
    assert nose_frequency(100.0) == pytest.approx(333.18, abs=0.01)
    assert f" NOSE IONS\n  300.0 {nose_frequency(100.0):.4f}\n" in text
    assert " STORE\n  20\n" in text
    assert 0 <= int(text.split("PRNGSEED\n")[1].split()[0]) < 2**31


@pytest.mark.parametrize("filename", ["", "with space.psp", "folder/C.psp", "C" * 40])
def test_pseudopotential_refuses_names_that_cpmd_cannot_read(filename: str) -> None:
    """The name must fit into CPMD's line."""
    with pytest.raises(InputError, match="file name"):
        Pseudopotential(filename=filename)
