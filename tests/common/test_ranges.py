"""What is cut from a run that stays finite but makes no sense."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from aiida_nnpgen.common.dynamics import Conditions, MdRun
from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.common.ranges import cut_to_ranges
from aiida_nnpgen.common.types import RunEnd

CUTOFF = 5.0


def conditions(**changes: object) -> Conditions:
    """Return conditions of a run of five frames under pressure."""
    values = {"ensemble": "npt", "pressure": 1.0, "temperature": 300.0, "timestep": 2.0, "steps": 40, "stride": 10}
    return Conditions(**(values | changes))  # type: ignore[arg-type]


def generate_run(change: Callable[[Atoms, int], None] = lambda *_: None, **changes: object) -> MdRun:
    """Return a run of aluminium, each of whose five frames may be changed."""
    images = []
    for row in range(5):
        image = bulk("Al", cubic=True) * (2, 2, 2)
        change(image, row)
        images.append(image)
    frames = replace(Frames.from_atoms(images), energies=np.full(5, -100.0))
    values = {"frames": frames}
    thermo = {"temperature": np.full(5, 300.0), "volume": frames.volumes}
    values |= {"steps": np.arange(5) * 10, "end": RunEnd.COMPLETED, "message": "done", "thermo": thermo}
    return MdRun(**(values | {"deviation": np.full(5, 0.1)} | changes))  # type: ignore[arg-type]


def stretch(*factors: float) -> Callable[[Atoms, int], None]:
    """Return what multiplies the edges of the third frame and later ones."""

    def change(atoms: Atoms, row: int) -> None:
        if row >= 3:
            atoms.set_cell(atoms.cell.array * np.array(factors)[:, None], scale_atoms=True)

    return change


def lose(atoms: Atoms, row: int) -> None:
    """Empty the surroundings of an atom in the third frame and later ones."""
    if row >= 3:
        atoms.set_cell(3 * atoms.cell.array)
        atoms.positions[5] += 10.0


def test_cut_to_ranges_leaves_a_sane_run_alone() -> None:
    """Nothing is cut from a run that moves within its ranges, and its columns are the same objects."""
    run = generate_run(stretch(1.2, 1.2, 1.2))
    assert cut_to_ranges(run, conditions(), CUTOFF) is run


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (stretch(9.0, 9.0, 9.0), "the volume is 729 times that at the start, outside 0.25 to 4 (`volume_range`)"),
        (stretch(0.6, 0.6, 0.6), "the volume is 0.216 times"),
        (stretch(0.2, 2.0, 2.0), "the width of the cell is 0.2 times that at the start"),
        (stretch(0.5, 0.5, 5.0), "the width of the cell is 5 times that at the start"),
    ],
    ids=["boiled", "collapsed", "flat", "long"],
)
def test_cut_to_ranges_of_the_cell(change: Callable[[Atoms, int], None], text: str) -> None:
    """The run ends before the first frame whose cell cannot be, with its time and what has left which range."""
    cut = cut_to_ranges(generate_run(change), conditions())
    assert (cut.end, cut.failure_time, len(cut.frames)) == (RunEnd.UNPHYSICAL, 60.0, 3)
    assert text in cut.message
    assert cut.deviation is not None
    assert {len(column) for column in (cut.steps, cut.deviation, *cut.thermo.values())} == {3}


@pytest.mark.parametrize(("energy", "text"), [(-400.0, "-9.38 eV/atom"), (100.0, "+6.25 eV/atom")])
def test_cut_to_ranges_of_the_energy(energy: float, text: str) -> None:
    """A hole in the potential is as bad as a hill, also where the run was cut from outside later on."""
    run = generate_run(end=RunEnd.INTERRUPTED)
    assert run.frames.energies is not None
    run.frames.energies[2:] = energy
    cut = cut_to_ranges(run, conditions())
    assert (cut.end, cut.failure_time, len(cut.frames)) == (RunEnd.UNPHYSICAL, 40.0, 2)
    assert text in cut.message


def test_cut_to_ranges_of_the_temperature() -> None:
    """A sampler that lets a hot frame pass is corrected."""
    run = generate_run()
    run.thermo["temperature"][4] = 20_000.0
    assert "20000 K" in cut_to_ranges(run, conditions()).message


def test_cut_to_ranges_of_an_atom_without_neighbours() -> None:
    """The model says nothing about an atom that sees none: it is named."""
    wide = {"volume_range": (0.01, 100.0)}
    cut = cut_to_ranges(generate_run(lose), conditions(**wide), CUTOFF)
    assert (cut.end, len(cut.frames)) == (RunEnd.UNPHYSICAL, 3)
    assert "atom 5 (Al) has no neighbour within 5 Å" in cut.message
    assert cut_to_ranges(generate_run(lose), conditions(**wide)).end is RunEnd.COMPLETED


def test_cut_to_ranges_follows_neighbours_that_change() -> None:
    """An atom that wanders from one neighbour to others is never lone, whatever image it is drawn in."""

    def wander(atoms: Atoms, row: int) -> None:
        atoms.positions[5] += row * np.array([3.1, 2.2, 1.7])
        atoms.positions[7] += row * atoms.cell.array[0]

    assert cut_to_ranges(generate_run(wander), conditions(), CUTOFF).end is RunEnd.COMPLETED


def test_cut_to_ranges_takes_a_gas_for_what_it_is() -> None:
    """Where an atom is alone at the start, others may be later."""

    def scatter(atoms: Atoms, row: int) -> None:
        atoms.set_cell(np.eye(3) * 60.0)
        atoms.positions[0] = 40.0
        atoms.positions[1] += row * 10.0

    assert cut_to_ranges(generate_run(scatter), conditions(), CUTOFF).end is RunEnd.COMPLETED


@pytest.mark.parametrize(
    ("change", "off"),
    [
        (stretch(9.0, 9.0, 9.0), {"volume_range": None, "length_range": None, "allow_lone_atoms": True}),
        (stretch(0.5, 0.5, 5.0), {"length_range": None}),
        (lose, {"volume_range": None, "allow_lone_atoms": True}),
    ],
)
def test_cut_to_ranges_can_be_switched_off(change: Callable[[Atoms, int], None], off: dict[str, object]) -> None:
    """What is not asked for is not judged."""
    assert cut_to_ranges(generate_run(change), conditions(**off), CUTOFF).end is RunEnd.COMPLETED


def test_cut_to_ranges_does_not_depend_on_the_choice_of_the_cell() -> None:
    """A barostat may go over to another cell of the same lattice: nothing has changed its width."""

    def reshape(atoms: Atoms, row: int) -> None:
        atoms.set_cell(np.array([[1, 0, 0], [5 * (row % 2), 1, 0], [0, 0, 1]]) @ atoms.cell.array)

    assert cut_to_ranges(generate_run(reshape), conditions(), CUTOFF).end is RunEnd.COMPLETED


def test_cut_to_ranges_follows_the_path_of_nemd() -> None:
    """A box that is compressed to a tenth is where it should be; one that does not follow is not."""
    nemd = {"ensemble": "nemd", "pressure": None, "volume_ratio": 0.1}

    def follow(atoms: Atoms, row: int) -> None:
        factor = 1 + (0.1 ** (1 / 3) - 1) * row / 4
        atoms.set_cell(atoms.cell.array * factor, scale_atoms=True)

    assert cut_to_ranges(generate_run(follow), conditions(**nemd)).end is RunEnd.COMPLETED
    cut = cut_to_ranges(generate_run(), conditions(**nemd))
    assert (cut.end, len(cut.frames)) == (RunEnd.UNPHYSICAL, 3)
    assert "what the strain prescribes" in cut.message


def test_conditions_take_ranges_from_a_checkpoint() -> None:
    """Lists come back as tuples, and plain values give equal conditions."""
    given = conditions(volume_range=[0.5, 2])
    assert given.volume_range == (0.5, 2.0)
    assert Conditions(**asdict(given)) == given


@pytest.mark.parametrize("name", ["volume_range", "length_range"])
@pytest.mark.parametrize("value", [(1.1, 2.0), (0.5, 1.0), (-1.0, 2.0), (0.5,), (0.5, float("nan"))])
def test_conditions_refuse_a_range_without_the_start(name: str, value: tuple[float, ...]) -> None:
    """A run cannot begin outside of its own range."""
    with pytest.raises(InputError, match=f"`{name}`"):
        conditions(**{name: value})


def test_conditions_refuse_a_change_that_is_not_positive() -> None:
    """The smallest change would end every run."""
    with pytest.raises(InputError, match="`max_energy_change`"):
        conditions(max_energy_change=0.0)
