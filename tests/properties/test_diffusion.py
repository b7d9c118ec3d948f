"""Self-diffusion against random walks, whose diffusion is known."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy import constants
from scipy.signal import lfilter

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.properties import (
    PropertyWarning,
    displacement,
    finite_size_correction,
    linear_range,
    self_diffusion,
)

KNOWN = 2.3e-5  # cm²/s, as of water
TIMESTEP = 0.5  # ps


def walk(rng: np.random.Generator, n_frames: int, n_particles: int, memory: float = 0.0):
    """Return positions in Å of particles that diffuse, with steps that remember the last one."""
    variance = 2 * KNOWN * 1e4 * TIMESTEP  # one cm²/s is 1e4 Å²/ps
    steps = rng.normal(scale=np.sqrt(variance) * (1 - memory), size=(n_frames + 100, n_particles, 3))
    start = rng.uniform(0, 20, (n_particles, 3))
    return start + np.cumsum(lfilter([1.0], [1.0, -memory], steps, axis=0)[100:], axis=0)


def test_self_diffusion_of_a_random_walk(rng) -> None:
    """Within three percent, and three error bars."""
    value, uncertainty = self_diffusion(walk(rng, 2000, 300), TIMESTEP)
    assert value == pytest.approx(KNOWN, rel=0.03)
    assert abs(value - KNOWN) < 3 * uncertainty < 0.15 * KNOWN


@pytest.mark.parametrize("memory", [0.0, 0.6])
def test_self_diffusion_covers(coverage, memory: float) -> None:
    """About 68 % of error bars hold the known value, with independent steps and with inertia."""
    assert 0.6 <= coverage(lambda rng: self_diffusion(walk(rng, 600, 8, memory), TIMESTEP), KNOWN) <= 0.76


def test_displacement_is_the_sum_over_pairs_of_frames(rng) -> None:
    """The transform gives what the definition gives, far from the origin too."""
    paths = walk(rng, 60, 4) + 1e4
    found = displacement(paths, TIMESTEP, n_blocks=2, lag_range=(0.5, 3.0))
    blocks = [paths[:30], paths[30:]]
    known = [
        np.mean([((block[lag:] - block[:-lag]) ** 2).sum(axis=2).mean() for block in blocks]) for lag in range(1, 30)
    ]
    assert found.values == pytest.approx(known, rel=1e-6)
    assert found.lags == pytest.approx(0.5 * np.arange(1, 30))


def test_displacement_returns_the_line_that_was_fitted(rng) -> None:
    """Range, slope and intercept draw the line; a sixth of the slope is the diffusion."""
    found = displacement(walk(rng, 1000, 50), TIMESTEP)
    assert found.lag_range == pytest.approx((0.05 * 100, 0.2 * 100))
    fit = (found.lags >= 5) & (found.lags <= 20)
    assert np.polyfit(found.lags[fit], found.values[fit], 1) == pytest.approx(found.line)
    assert found.diffusion.value == pytest.approx(found.line[0] / 6e4)
    assert abs(found.exponent.value - 1) < 3 * found.exponent.uncertainty
    assert (found.uncertainties > 0).all()


def test_short_blocks_are_fitted_over_three_lags(rng) -> None:
    """Where a fifth of a block is less than that."""
    assert displacement(walk(rng, 50, 50), TIMESTEP).lag_range == (0.5, 1.5)


def test_particles_of_one_frame_are_not_independent(rng) -> None:
    """A hundred particles that move as one know no more than one of them."""
    paths = walk(rng, 1000, 1)
    assert self_diffusion(np.repeat(paths, 100, axis=1), TIMESTEP) == pytest.approx(self_diffusion(paths, TIMESTEP))


def test_self_diffusion_warns_of_motion_that_is_not_diffusive(rng) -> None:
    """A drift grows with the square of time, and a particle in a cage not at all."""
    drift = np.arange(500.0)[:, None, None] * np.ones((1, 5, 3)) + rng.normal(scale=0.1, size=(500, 5, 3))
    with pytest.warns(PropertyWarning, match="power of 2.00"):
        self_diffusion(drift, TIMESTEP)
    with pytest.warns(PropertyWarning, match="power of -?0.0"):
        self_diffusion(rng.normal(size=(500, 50, 3)), TIMESTEP)


def test_finite_size_correction_in_si() -> None:
    """Water at 298 K in a box of 2 nm: 2.837297 kT / (6 pi eta L) is 3.5e-6 cm²/s, with the constants written out."""
    known = 2.837297 * 1.380649e-23 * 298 / (6 * np.pi * 8.9e-4 * 20e-10) * 1e4
    assert finite_size_correction(298, 8.9e-4, 20) == pytest.approx(known, rel=1e-9)
    assert known == pytest.approx(3.48e-6, rel=0.01)
    assert constants.k == 1.380649e-23


def test_self_diffusion_of_an_infinite_box(rng) -> None:
    """The correction is added, and needs all that it depends on."""
    paths = walk(rng, 500, 20)
    plain = self_diffusion(paths, TIMESTEP)
    corrected = self_diffusion(paths, TIMESTEP, temperature=298, viscosity=8.9e-4, box_length=20)
    assert corrected.value - plain.value == pytest.approx(finite_size_correction(298, 8.9e-4, 20))
    assert corrected.uncertainty == plain.uncertainty
    with pytest.raises(InputError, match="needs `viscosity`, `box_length` too"):
        self_diffusion(paths, TIMESTEP, temperature=298)


def test_linear_range_leaves_out_what_is_not_linear() -> None:
    """Of a displacement that is ballistic, then linear, the linear part is found, and none of a ballistic one."""
    lags = np.arange(1, 1001) * 0.1
    first, last = linear_range(lags, np.where(lags < 10, lags**2, 10 * lags))
    assert first == pytest.approx(10, rel=0.1)
    assert last == pytest.approx(100)
    with pytest.raises(InputError, match="linearly nowhere"):
        linear_range(lags, lags**2)


CELL = np.array([[12.0, 0.0, 0.0], [3.0, 11.0, 0.0], [-2.0, 4.0, 10.0]])


@pytest.mark.parametrize("with_cells", [False, True])
@pytest.mark.parametrize("cell", [np.diag([10.0, 11.0, 12.0]), CELL], ids=["box", "triclinic"])
def test_self_diffusion_refuses_wrapped_positions(rng, cell, with_cells: bool) -> None:
    """Particles that are put back into the box jump, which shows with and without the cells."""
    paths = walk(rng, 500, 20)
    wrapped = ((paths @ np.linalg.inv(cell)) % 1.0) @ cell
    cells = np.broadcast_to(cell, (500, 3, 3)) if with_cells else None
    with pytest.raises(InputError, match=r"jump by .* unwrap them"):
        self_diffusion(wrapped, TIMESTEP, cells=cells)
    self_diffusion(paths, TIMESTEP, cells=cells)


def test_wrapped_positions_in_a_small_box_are_refused(rng) -> None:
    """Where a box is only some fifteen times as long as the usual step, too."""
    paths = walk(rng, 500, 20)
    size = 15 * np.median(np.abs(np.diff(paths, axis=0)))
    with pytest.raises(InputError, match="unwrap them"):
        self_diffusion(paths % size, TIMESTEP)


def test_one_wrapped_particle_is_enough(rng) -> None:
    """A single crossing among many particles and frames is refused."""
    paths = walk(rng, 300, 50)
    paths[200:, 7, 1] -= 20.0
    with pytest.raises(InputError, match=r"particle 7 jump by .* between frames 199 and 200"):
        self_diffusion(paths, TIMESTEP)


def test_two_runs_after_one_another_are_refused(rng) -> None:
    """Where everything jumps at once, a part of the run is missing, though no jump is as long as the box."""
    paths = walk(rng, 400, 30)
    paths[200:] += rng.choice([-6.0, 6.0], size=(30, 3))
    with pytest.raises(InputError, match=r"all `positions` move by .* frames 199 and 200"):
        self_diffusion(paths, TIMESTEP)


@pytest.mark.filterwarnings("ignore::aiida_nnpgen.properties.PropertyWarning")
def test_rare_hops_of_a_solid_are_no_jumps(rng) -> None:
    """Vacancies let atoms hop over a few Å between long rests; that is a continuous path."""
    sites = rng.integers(0, 8, (64, 3)) * 3.0
    hops = rng.choice([-3.0, 0.0, 3.0], p=[0.002, 0.996, 0.002], size=(500, 64, 3)).cumsum(axis=0)
    assert self_diffusion(sites + hops + rng.normal(scale=0.1, size=hops.shape), TIMESTEP).value > 0


def test_diffusive_motion_is_not_warned_of(rng) -> None:
    """A plain random walk passes."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        self_diffusion(walk(rng, 600, 30), TIMESTEP)


WALK = walk(np.random.default_rng(7), 200, 5)


@pytest.mark.parametrize(
    ("positions", "timestep", "keywords", "message"),
    [
        (WALK[:, 0], TIMESTEP, {}, "shape"),
        (WALK[:1], TIMESTEP, {}, "one frame"),
        (np.where(WALK[3, 2, 1] == WALK, np.nan, WALK), TIMESTEP, {}, "`positions` of frame 3 is `nan`"),
        (np.full_like(WALK, 0.1), TIMESTEP, {}, "do not move"),
        (WALK, 0.0, {}, "`timestep` must be a positive number, not `0.0`"),
        (WALK, TIMESTEP, {"n_blocks": 1}, "`n_blocks`"),
        (WALK, TIMESTEP, {"n_blocks": 200}, "a block has 1 frame"),
        (WALK, TIMESTEP, {"n_blocks": 100}, "holds 1 lags"),
        (WALK, TIMESTEP, {"lag_range": (1.0, 21.0)}, "within a block"),
        (WALK, TIMESTEP, {"lag_range": (3.0, 1.0)}, "holds 0 lags"),
        (WALK, TIMESTEP, {"cells": np.eye(3)[:2]}, "`cells` has shape"),
        (WALK, TIMESTEP, {"cells": np.zeros((3, 3))}, "without a volume"),
        ("path", TIMESTEP, {}, "`positions` is no array of numbers"),
        (WALK, "soon", {}, "`timestep` must be a positive number, not `soon`"),
        (WALK[:, :0], TIMESTEP, {}, "`positions` has shape"),
    ],
)
def test_self_diffusion_refuses(positions, timestep: float, keywords, message: str) -> None:
    """What is no path of particles has no diffusion."""
    with pytest.raises(InputError, match=message):
        self_diffusion(positions, timestep, **keywords)
