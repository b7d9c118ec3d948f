"""Properties of real dynamics in LAMMPS: argon against NIST and against finite differences, and an ideal gas."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.common.units import BAR, KB
from aiida_nnpgen.models.deepmd.lammps import find_lammps
from aiida_nnpgen.properties import (
    Estimate,
    block_average,
    density,
    enthalpies,
    isothermal_compressibility,
    radial_distribution,
    self_diffusion,
    thermal_expansion,
)

MASS, N_ATOMS = 39.948, 216
SIGMA, EPSILON = 3.405, 119.8 * KB  # Å, eV: argon, so that all units differ from 1
PRESSURE_UNIT = EPSILON / SIGMA**3 / BAR  # bar

INPUT = """
units metal
lattice sc {spacing}
region box block 0 6 0 6 0 6
create_box 1 box
create_atoms 1 box
mass 1 {mass}
{pair}
velocity all create {temperature} 7 mom yes
timestep 0.01
{ensemble}
thermo 10
thermo_style custom step vol etotal
thermo_modify norm no
run 2500
print "SETTLED"
run {steps}
"""
LIQUID = {
    "spacing": (1 / 0.75) ** (1 / 3) * SIGMA,
    "pair": f"pair_style lj/cut {3 * SIGMA}\npair_coeff 1 1 {EPSILON} {SIGMA}\npair_modify tail yes",
    "ensemble": "fix 1 all npt temp {temperature} {temperature} 1.0 iso {pressure} {pressure} 1.0",
}
# Without collisions a thermostat that scales all velocities alike does not mix them.
GAS = {
    "spacing": 3.5,
    "pair": "pair_style zero 2.0\npair_coeff * *",
    "ensemble": "fix 1 all nph iso {pressure} {pressure} 1.0\nfix 2 all langevin {temperature} {temperature} 0.5 11",
}


@dataclass
class Run:
    """What LAMMPS printed: Å³ and eV, per frame of 0.1 ps, and its conditions in K and bar."""

    volumes: NDArray[np.float64]
    energies: NDArray[np.float64]
    temperature: float
    pressure: float


def call_lammps(folder: Path, text: str) -> str:
    """Run LAMMPS and return what it prints."""
    program = find_lammps()
    if program is None:
        pytest.skip("LAMMPS is not installed")
    (folder / "lammps.in").write_text(text)
    script = f"export OMP_NUM_THREADS=1\n{program.prepend}\nexec {program.path} -in lammps.in -log none"
    done = subprocess.run(["bash", "-c", script], cwd=folder, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout[-2000:]
    return done.stdout


def run(folder: Path, system: dict, temperature: float, pressure: float, steps: int) -> Run:
    """Run LAMMPS at constant pressure (bar) and temperature (K)."""
    words = {**system, "ensemble": system["ensemble"].format(temperature=temperature, pressure=pressure)}
    text = INPUT.format(mass=MASS, steps=steps, temperature=temperature, **words)
    rows = [line.split() for line in call_lammps(folder, text).partition("SETTLED\n")[2].splitlines()]
    numbers = np.array([row for row in rows if len(row) == 3 and row[0].isdigit()], dtype=float)
    assert len(numbers) == steps // 10 + 1
    return Run(numbers[1:, 1], numbers[1:, 2], temperature, pressure)


def agree(first: Estimate, second: Estimate) -> bool:
    """Return whether two values differ by less than three of their common error bars."""
    return abs(first.value - second.value) < 3 * np.hypot(first.uncertainty, second.uncertainty)


def slope(upper: Run, lower: Run, step: float) -> Estimate:
    """Return by how much the logarithm of the volume changes between two runs, per step between them."""
    high, low = (block_average(np.log(found.volumes)) for found in (upper, lower))
    return Estimate((high.value - low.value) / step, np.hypot(high.uncertainty, low.uncertainty) / abs(step))


@pytest.mark.slow
def test_liquid_argon(tmp_path: Path) -> None:
    """Density against NIST; compressibility and expansion against finite differences of the density.

    NIST Standard Reference Simulation Website, Lennard-Jones fluid by Monte Carlo with a cutoff of 3 sigma and
    long-range corrections: at a reduced temperature of 0.85 and a density of 0.82 the pressure is 0.55355.
    https://mmlapps.nist.gov/srs/LJ_PURE/mc.htm
    """
    temperature, pressure = 0.85 * EPSILON / KB, 0.55355 * PRESSURE_UNIT
    whole = run(tmp_path, LIQUID, temperature, pressure, 30_000)
    found = block_average(density([MASS] * N_ATOMS, whole.volumes), n_blocks=10)
    known = float(density(MASS, SIGMA**3 / 0.82)[0])
    assert abs(found.value - known) < 3 * found.uncertainty
    assert found.value == pytest.approx(known, rel=0.005)

    step = 0.5 * PRESSURE_UNIT
    by_pressure = [run(tmp_path, LIQUID, temperature, pressure + sign * step, 8_000) for sign in (1, -1)]
    compressibility = isothermal_compressibility(whole.volumes, temperature, n_blocks=10)
    assert agree(compressibility, slope(*by_pressure, -2 * step))
    assert compressibility.uncertainty < 0.3 * compressibility.value

    step = 0.05 * EPSILON / KB
    by_temperature = [run(tmp_path, LIQUID, temperature + sign * step, pressure, 8_000) for sign in (1, -1)]
    total = enthalpies(whole.energies, pressure, whole.volumes)
    expansion = thermal_expansion(whole.volumes, total, temperature, n_blocks=10)
    assert agree(expansion, slope(*by_temperature, 2 * step))
    assert expansion.uncertainty < 0.3 * expansion.value


@pytest.mark.slow
def test_ideal_gas(tmp_path: Path) -> None:
    """Density, expansion and compressibility are those of the law of gases, up to one atom in 216."""
    temperature, pressure = 300.0, 1000.0
    whole = run(tmp_path, GAS, temperature, pressure, 60_000)
    found = block_average(density([MASS] * N_ATOMS, whole.volumes), n_blocks=10)
    known = float(density(MASS, KB * temperature / (pressure * BAR))[0])
    assert abs(found.value - known) < 3 * found.uncertainty + known / N_ATOMS
    compressibility = isothermal_compressibility(whole.volumes, temperature, n_blocks=10)
    assert agree(compressibility, Estimate(1 / pressure, 0.0))
    total = enthalpies(whole.energies, pressure, whole.volumes)
    expansion = thermal_expansion(whole.volumes, total, temperature, n_blocks=10)
    assert agree(expansion, Estimate(1 / temperature, 0.0))
    assert max(compressibility.uncertainty * pressure, expansion.uncertainty * temperature) < 0.2


@pytest.mark.slow
def test_structure_and_diffusion_of_liquid_argon(tmp_path: Path) -> None:
    """g(r) is the one that LAMMPS counts in the same frames, and two halves of a run diffuse alike.

    LAMMPS takes each atom out of the density around itself, which is a factor of N / (N - 1). Wrapped positions of
    the same run are refused, with and without the box.
    """
    ensemble = (
        "fix 1 all nvt temp {temperature} {temperature} 1.0\n"
        f"compute 1 all rdf 100 cutoff {3 * SIGMA}\n"
        "fix 2 all ave/time 20 1 20 c_1[1] c_1[2] mode vector ave running start 2520 file rdf.txt overwrite\n"
        "dump 1 all custom 20 dump.txt xu yu zu\ndump_modify 1 sort id format float %.8f"
    )
    spacing = (1 / 0.8) ** (1 / 3) * SIGMA
    words = {**LIQUID, "spacing": spacing, "ensemble": ensemble.format(temperature=120.0)}
    call_lammps(tmp_path, INPUT.format(mass=MASS, steps=10_000, temperature=120.0, **words))
    lines = (tmp_path / "dump.txt").read_text().splitlines()
    numbers = [line.split() for line in lines if len(line.split()) == 3]  # only atoms have three columns
    positions = np.array(numbers, dtype=float).reshape(-1, N_ATOMS, 3)[126:]  # the dump holds step 0 too
    assert len(positions) == 500

    cell = np.eye(3) * 6 * spacing
    frames = Frames(numbers=np.full(N_ATOMS, 18), positions=positions, cells=np.broadcast_to(cell, (500, 3, 3)))
    found = radial_distribution(frames, ("Ar", "Ar"), cutoff=3 * SIGMA, bin_width=3 * SIGMA / 100)
    counted = np.loadtxt((tmp_path / "rdf.txt").read_text().splitlines()[-100:])
    assert found.distances == pytest.approx(counted[:, 1], abs=1e-4)
    assert found.values * N_ATOMS / (N_ATOMS - 1) == pytest.approx(counted[:, 2], abs=1e-3)

    one, other = (self_diffusion(part, 0.2, lag_range=(1.0, 5.0)) for part in (positions[:250], positions[250:]))
    assert agree(one, other)
    assert agree(one, self_diffusion(positions, 0.2, cells=cell, lag_range=(1.0, 5.0)))
    for cells in (None, cell):
        with pytest.raises(InputError, match="unwrap them"):
            self_diffusion(positions % (6 * spacing), 0.2, cells=cells)
