"""INCAR, k-points and order of atoms of VASP, for a label and for dynamics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms
from numpy.typing import ArrayLike, NDArray

from ...common.dynamics import Conditions
from ...common.exceptions import InputError
from ...common.types import Thermostat
from ...common.units import AU_TIME, BOHR, DALTON, HARTREE, KB, RYDBERG
from ..method import Method
from .functionals import functional_tags
from .tags import is_per_element

__all__ = ["VaspInput", "group_atoms", "n_md_frames", "nose_mass", "write_md", "write_single_point"]

DALTON_A2_PER_FS2 = DALTON / BOHR**2 * AU_TIME**2 * HARTREE
"""One u Å²/fs² in eV."""
_LARGEST_SEED = 900_000_000
_LARGEST_COUNT = 1_000_000


@dataclass(frozen=True, kw_only=True)
class VaspInput:
    """One input of VASP, less the potentials.

    :ivar incar: values by tag, in capitals.
    :ivar mesh: of k-points around the Gamma point.
    :ivar atoms: grouped by elements in a right-handed cell, as POSCAR needs them.
    """

    incar: dict[str, Any]
    mesh: tuple[int, int, int]
    atoms: Atoms


def group_atoms(numbers: ArrayLike) -> NDArray[np.int64]:
    """Return the places of atoms so that those of one element follow each other, elements as they first appear.

    :param numbers: atomic numbers, (n_atoms,).
    """
    values, first, kinds = np.unique(np.asarray(numbers), return_index=True, return_inverse=True)
    rank = np.empty(len(values), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(values))
    return np.argsort(rank[kinds], kind="stable")


def write_single_point(method: Method, atoms: Atoms, valences: Mapping[str, float]) -> VaspInput:
    """Return the input that labels a structure.

    :param valences: electrons of each element that are not in the core of its potential.
    """
    return _input(method, atoms, valences, {"IBRION": -1, "NSW": 0})


def write_md(
    method: Method, atoms: Atoms, valences: Mapping[str, float], conditions: Conditions, seed: int, *, done: int = 0
) -> VaspInput:
    """Return the input of one job of a molecular dynamics at constant temperature.

    The first configuration is the start itself, so NSW counts configurations. A later job has the same INCAR but for
    their number and the seed; it finds velocities and thermostat in its POSCAR, which is the last job's CONTCAR.

    :param atoms: where the dynamics starts.
    :param seed: of velocities and noise.
    :param done: number of configurations that earlier jobs of the same dynamics computed.
    """
    tags = {
        "IBRION": 0,
        "NSW": n_md_frames(conditions.steps, conditions.stride) - done,
        "POTIM": conditions.timestep,
        "TEBEG": conditions.temperature,
        "TEEND": conditions.temperature,
        "NBLOCK": 1,
        "RANDOM_SEED": [seed % _LARGEST_SEED, done % _LARGEST_COUNT, 0],
    }
    return _input(method, atoms, valences, tags | _thermostat(conditions, atoms))


def n_md_frames(steps: int, stride: int) -> int:
    """Return how many configurations a dynamics computes so that it ends with a frame that is kept."""
    return steps // stride * stride + 1


def nose_mass(n_atoms: int, temperature: float, damping: float, length: float) -> float:
    """Return SMASS for a damping time.

    VASP's mass of the thermostat is Q = SMASS u a², with the length a of the first lattice vector, and its frequency is
    sqrt(2 g k T / Q), with g = 3N - 3: it prints both as `Nose-frequency` and `period in steps`, and
    https://www.vasp.at/wiki/SMASS gives the period that SMASS = 0 stands for. A damping time means Q = g k T damping²,
    as in LAMMPS and ASE, so the period is 2 pi / sqrt(2) of it.

    :param temperature: K.
    :param damping: fs.
    :param length: of the first lattice vector in Å.
    """
    freedoms = max(3 * n_atoms - 3, 1)
    return freedoms * KB * temperature * damping**2 / (DALTON_A2_PER_FS2 * length**2)


def _thermostat(conditions: Conditions, atoms: Atoms) -> dict[str, Any]:
    """Return how the temperature is controlled.

    Langevin: the friction LANGEVIN_GAMMA of each element in 1/ps is 1 / damping, https://www.vasp.at/wiki/LANGEVIN_GAMMA.
    Stochastic rescaling: CSVR_PERIOD is the damping time in time steps, https://www.vasp.at/wiki/CSVR_PERIOD.
    """
    damping = conditions.thermostat_damping
    if conditions.thermostat is Thermostat.LANGEVIN:
        return {"MDALGO": 3, "LANGEVIN_GAMMA": [1e3 / damping] * len(set(atoms.numbers))}
    if conditions.thermostat is Thermostat.CSVR:
        return {"MDALGO": 5, "CSVR_PERIOD": damping / conditions.timestep}
    length = float(np.linalg.norm(atoms.cell.array[0]))
    return {"MDALGO": 2, "SMASS": nose_mass(len(atoms), conditions.temperature, damping, length)}


def _input(method: Method, atoms: Atoms, valences: Mapping[str, float], own: dict[str, Any]) -> VaspInput:
    order = group_atoms(atoms.numbers)
    # VASP refuses a left-handed cell; the opposite of all vectors spans the same lattice.
    cell = atoms.cell.array * (1 if np.linalg.det(atoms.cell.array) > 0 else -1)
    grouped = Atoms(numbers=atoms.numbers[order], positions=atoms.positions[order], cell=cell, pbc=True)
    symbols = grouped.get_chemical_symbols()
    tags = _electrons(method, symbols, valences) | functional_tags(method)
    tags |= {tag: _spread(tag, value, symbols) for tag, value in method.parameters.items()}
    # ISIF=2: the stress is computed, and the cell stays. NWRITE=2: OUTCAR has forces and stress of every step.
    tags |= {"ISIF": 2, "NWRITE": 2, "ISTART": 0, "ICHARG": 2, "LWAVE": False, "LCHARG": False}
    return VaspInput(incar=tags | own, mesh=method.mesh(cell), atoms=grouped)


def _electrons(method: Method, symbols: Sequence[str], valences: Mapping[str, float]) -> dict[str, Any]:
    """Return cutoff, number of electrons and spin."""
    tags: dict[str, Any] = {"ISPIN": 1}
    if method.cutoff is not None:
        tags["ENCUT"] = round(method.cutoff * RYDBERG, 6)
    if method.charge:
        tags["NELECT"] = sum(_valence(symbol, valences) for symbol in symbols) - method.charge
    if method.multiplicity is not None:
        tags |= {"ISPIN": 2, "NUPDOWN": method.multiplicity - 1}
    if method.magmoms:
        tags |= {"ISPIN": 2, "MAGMOM": [method.magmoms.get(symbol, 0.0) for symbol in symbols]}
    return tags


def _valence(symbol: str, valences: Mapping[str, float]) -> float:
    if symbol not in valences:
        raise InputError(f"`charge` needs the potential of `{symbol}`, whose electrons count")
    return valences[symbol]


def _spread(tag: str, value: Any, symbols: Sequence[str]) -> Any:
    """Return a value per element as VASP wants it: for each atom, or for each element in the order of POSCAR."""
    if not is_per_element(tag):
        return value
    wanted = list(symbols) if tag == "MAGMOM" else list(dict.fromkeys(symbols))
    absent = {"MAGMOM": 0.0, "LDAUL": -1, "LDAUU": 0.0, "LDAUJ": 0.0}
    missing = next((symbol for symbol in wanted if symbol not in value and tag not in absent), None)
    if missing is not None:
        raise InputError(f"`parameters.{tag}` has no value for `{missing}`")
    return [value.get(symbol, absent.get(tag)) for symbol in wanted]
