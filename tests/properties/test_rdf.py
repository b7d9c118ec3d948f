"""Radial distribution functions against crystals, a gas, and a search over images written out."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, make_supercell

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.properties import PropertyWarning, radial_distribution, rdf_difference

pytestmark = pytest.mark.filterwarnings("ignore::aiida_nnpgen.properties.PropertyWarning")


def gas(rng: np.random.Generator, n_frames: int = 40, n_atoms: int = 60, cell=None) -> Frames:
    """Return atoms that do not feel each other, half of them O and half H."""
    box = np.diag([10.0, 11.0, 12.0]) if cell is None else cell
    numbers = np.repeat([8, 1], n_atoms // 2)
    places = rng.uniform(-1.0, 2.0, (n_frames, n_atoms, 3))
    return Frames(numbers=numbers, positions=places @ box, cells=np.broadcast_to(box, (n_frames, 3, 3)))


def shaken(rng: np.random.Generator, atoms: Atoms, amplitude: float = 0.02) -> Frames:
    """Return ten frames of a crystal that vibrates a little."""
    images = [atoms.copy() for _ in range(10)]
    for image in images:
        image.positions += rng.normal(scale=amplitude, size=image.positions.shape)
    return Frames.from_atoms(images)


@pytest.mark.parametrize("name", ["cubic", "primitive"])
def test_neighbours_of_fcc(rng, name: str) -> None:
    """Shells of 12, 6 and 24 atoms, in a box and in the cell of one atom, beyond half of either."""
    crystal = bulk("Cu", "fcc", a=3.6, cubic=name == "cubic")
    found = radial_distribution(shaken(rng, crystal), ("Cu", "Cu"), cutoff=5.0, bin_width=0.1)
    shells = [found.coordination(distance) for distance in (3.1, 4.0, 4.9)]
    assert shells == [(12.0, 0.0), (18.0, 0.0), (42.0, 0.0)]


def test_neighbours_of_two_elements(rng) -> None:
    """In rock salt a cation has 6 anions, and then 12 of its own kind."""
    frames = shaken(rng, bulk("NaCl", "rocksalt", a=5.64, cubic=True))
    assert radial_distribution(frames, ("Na", "Cl"), cutoff=3.4).coordination(3.4).value == 6
    assert radial_distribution(frames, ("Na", "Na"), cutoff=4.5).coordination(4.5).value == 12


def test_gas_has_no_structure(rng) -> None:
    """g is 1 between elements, and 1 - 1/N of one element, within three error bars of the mean."""
    frames = gas(rng, 100)
    for pair, known in ((("O", "H"), 1.0), (("O", "O"), 1 - 1 / 30)):
        found = radial_distribution(frames, pair, cutoff=5.0, bin_width=0.25)
        weights = np.diff(found.edges**3)
        assert np.average(found.values, weights=weights) == pytest.approx(known, abs=0.01)
        away = np.abs(found.values - known)[4:] / found.uncertainties[4:]
        assert 0.5 < np.mean(away <= 1) < 0.9


def test_error_bars_of_bins_cover(rng) -> None:
    """Over two hundred bins of independent gases, about 68 % of error bars hold 1."""
    hits = []
    for _ in range(25):
        found = radial_distribution(gas(rng, 20), ("O", "H"), cutoff=5.0, bin_width=0.5)
        hits.extend(np.abs(found.values - 1)[2:] <= found.uncertainties[2:])
    assert 0.6 <= np.mean(hits) <= 0.76


def test_distances_are_those_over_all_images(rng) -> None:
    """In a skewed cell counts equal those over images written out, up to more than the box."""
    cell = np.array([[6.0, 0.0, 0.0], [3.5, 5.0, 0.0], [-2.0, 2.4, 5.5]])
    frames = gas(rng, 2, 10, cell)
    found = radial_distribution(frames, ("O", "H"), cutoff=9.0, bin_width=0.5, n_blocks=2)
    shifts = np.array(np.meshgrid(*[np.arange(-9, 10)] * 3)).reshape(3, -1).T @ cell
    apart = frames.positions[:, None, 5:] - frames.positions[:, :5, None]
    lengths = np.linalg.norm(apart[..., None, :] + shifts, axis=-1)
    counts = np.histogram(lengths, found.edges)[0] / (2 * 5)
    assert found.neighbours == pytest.approx(counts.cumsum())
    known = counts * frames.volumes[0] / 5 / (4 / 3 * np.pi * np.diff(found.edges**3))
    assert found.values == pytest.approx(known)


def test_a_triclinic_cell_equals_its_orthorhombic_supercell(rng) -> None:
    """A liquid-like structure in the primitive cell of fcc, and in the cubic cell of the same lattice."""
    small = bulk("Ar", "fcc", a=9.0)
    small = Atoms("Ar6", scaled_positions=rng.random((6, 3)), cell=small.cell, pbc=True)
    large = make_supercell(small, [[-1, 1, 1], [1, -1, 1], [1, 1, -1]])
    assert np.allclose(large.cell.angles(), 90)
    one, other = (
        radial_distribution(Frames.from_atoms([atoms] * 2), ("Ar", "Ar"), cutoff=7.0, n_blocks=2)
        for atoms in (small, large)
    )
    assert one.values == pytest.approx(other.values)
    assert rdf_difference(one, other).value == pytest.approx(0.0, abs=1e-12)


def test_pairs_of_one_molecule_are_left_out(rng) -> None:
    """A molecule that lies across the boundary has no pair with itself, though it has with its images."""
    water = Atoms("OHH", [[0.1, 0, 0], [-0.5, 0.75, 0], [-0.5, -0.75, 0]], cell=[4.0, 4.0, 4.0], pbc=True)
    water.wrap()
    frames = Frames.from_atoms([water] * 2)
    everything = radial_distribution(frames, ("O", "H"), cutoff=5.0, n_blocks=2)
    between = radial_distribution(frames, ("O", "H"), cutoff=5.0, molecules=[0, 0, 0], n_blocks=2)
    assert everything.coordination(1.5).value == 2
    assert between.coordination(1.5).value == 0
    assert everything.neighbours[-1] - between.neighbours[-1] == 2


def test_volume_of_each_frame_counts(rng) -> None:
    """In a box that breathes the gas still has no structure."""
    frames = gas(rng, 200)
    scale = rng.uniform(0.8, 1.2, 200)[:, None, None]
    breathing = Frames(numbers=frames.numbers, positions=frames.positions * scale, cells=frames.cells * scale)
    found = radial_distribution(breathing, ("O", "H"), cutoff=6.0, bin_width=0.5)
    assert found.values[4:] == pytest.approx(1.0, abs=0.05)


def test_rdf_difference_is_the_share_of_pairs_elsewhere(rng) -> None:
    """Zero for a function and itself, one for crystals without a common distance; noise is not more than it says."""
    near, far = (
        radial_distribution(shaken(rng, bulk("Cu", "fcc", a=a), 0.001), ("Cu", "Cu"), cutoff=3.2) for a in (3.6, 4.0)
    )
    assert rdf_difference(near, near).value == 0
    assert rdf_difference(near, far).value == pytest.approx(1.0)
    one, other = (radial_distribution(gas(rng), ("O", "H"), cutoff=5.0) for _ in range(2))
    value, noise = rdf_difference(one, other)
    assert value == pytest.approx(noise, rel=0.3)
    with pytest.raises(InputError, match="the same bins"):
        rdf_difference(near, one)


def test_frames_that_resemble_each_other_are_warned_of(rng) -> None:
    """A gas in which each frame is there ten times has too short blocks; one of independent frames does not."""
    frames = gas(rng, 30)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        radial_distribution(frames, ("O", "H"), cutoff=5.0, n_blocks=3)
    with pytest.warns(PropertyWarning, match="`neighbours`"):
        radial_distribution(frames[np.repeat(np.arange(10), 10)], ("O", "H"), cutoff=5.0)


FRAMES = gas(np.random.default_rng(9), 10, 20)


@pytest.mark.parametrize(
    ("frames", "pair", "keywords", "message"),
    [
        (FRAMES, ("O", "Xx"), {}, "element `Xx` of the pair `O-Xx`"),
        (FRAMES, ("O", "C"), {}, "element `C`"),
        (FRAMES, "OH", {}, "two chemical symbols"),
        (FRAMES[:1], ("O", "H"), {}, "1 frames are too few"),
        (FRAMES, ("O", "H"), {"n_blocks": 1}, "`n_blocks`"),
        (FRAMES, ("O", "H"), {"cutoff": -1.0}, "`cutoff` must be a positive number"),
        (FRAMES, ("O", "H"), {"cutoff": 1e-4}, "no pair of `O-H`"),
        (FRAMES, ("O", "H"), {"bin_width": 0.0}, "`bin_width`"),
        (FRAMES, ("O", "H"), {"molecules": [1, 2]}, r"`molecules` has shape \(2,\)"),
    ],
)
def test_radial_distribution_refuses(frames, pair, keywords, message: str) -> None:
    """An element that is not there, one block, no pairs."""
    with pytest.raises(InputError, match=message):
        radial_distribution(frames, pair, **{"cutoff": 5.0, **keywords})


def test_radial_distribution_refuses_damaged_frames() -> None:
    """A position that is no number, and a cell without a volume."""
    positions, cells = FRAMES.positions.copy(), FRAMES.cells.copy()
    positions[3, 1, 0], cells[4, 2] = np.nan, 0.0
    for damaged, message in (
        ({"positions": positions}, "`positions` of frame 3"),
        ({"cells": cells}, "frame 4 has no"),
    ):
        broken = Frames(**{**FRAMES.arrays(), **damaged})
        with pytest.raises(InputError, match=message):
            radial_distribution(broken, ("O", "H"), cutoff=5.0)


def test_coordination_refuses_what_was_not_counted() -> None:
    """Beyond the cutoff nothing is known."""
    with pytest.raises(InputError, match=r"between 0 and 5 Å, not `6.0`"):
        radial_distribution(FRAMES, ("O", "H"), cutoff=5.0).coordination(6.0)
