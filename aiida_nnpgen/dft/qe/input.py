"""Namelists, k-points and velocities of pw.x, for a label and for dynamics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from ...common.dynamics import Conditions
from ...common.exceptions import InputError
from ...common.types import Thermostat
from ...common.units import AU_TIME, DALTON, HARTREE, KB
from ..dispersion import D2_SCALES
from ..method import Dispersion, Method, merge

__all__ = ["PwInput", "draw_velocities", "write_md", "write_single_point"]

RYDBERG_TIME = 2 * AU_TIME
"""The unit of time of pw.x in fs."""


@dataclass(frozen=True, kw_only=True)
class PwInput:
    """One input of pw.x, less the structure and the files.

    :ivar namelists: by name, each with its keywords.
    :ivar mesh: of k-points around the Gamma point.
    :ivar gamma_only: whether the wavefunctions are real, at half the price.
    :ivar velocities: bohr per Rydberg unit of time, (n_atoms, 3); None: none are given.
    """

    namelists: dict[str, dict[str, Any]]
    mesh: tuple[int, int, int]
    gamma_only: bool
    velocities: NDArray[np.float64] | None = None


def write_single_point(method: Method, atoms: Atoms, valences: Mapping[str, float] | None = None) -> PwInput:
    """Return the input that labels a structure.

    :param valences: electrons of each element in its pseudopotential, as ``magmoms`` needs them.
    """
    namelists = _namelists(method, atoms, valences)
    namelists.pop("IONS", None)
    return _input(method, atoms, namelists)


def write_md(
    method: Method,
    atoms: Atoms,
    conditions: Conditions,
    seed: int,
    done: int,
    valences: Mapping[str, float] | None = None,
) -> PwInput:
    """Return the input of one job of a molecular dynamics at constant temperature.

    The first job of a dynamics does one step without thermostat, with velocities that we draw; all others go on from
    its restart file. pw.x 6.7 by itself would draw velocities with a seed taken from the clock, and with velocities
    from the input its thermostat divides by a temperature that it does not know yet.

    :param atoms: where the job starts.
    :param seed: of the velocities.
    :param done: number of configurations that earlier jobs computed.
    :param valences: as for :func:`write_single_point`.
    """
    assert conditions.thermostat is Thermostat.CSVR, "the configuration refuses others"
    first = not done
    ions = {"pot_extrapolation": "second_order", "wfc_extrapolation": "second_order", "ion_dynamics": "verlet"}
    namelists = merge({"IONS": ions}, _namelists(method, atoms, valences))
    namelists["CONTROL"] |= {
        "calculation": "md",
        "nstep": 1 if first else conditions.n_frames - done,
        "dt": conditions.timestep / RYDBERG_TIME,
        "restart_mode": "from_scratch" if first else "restart",
    }
    # Symmetry of the start would be forced upon the dynamics.
    namelists["SYSTEM"] |= {"nosym": True}
    if first:
        namelists["IONS"] |= {"ion_temperature": "not_controlled", "ion_velocities": "from_input"}
        return _input(method, atoms, namelists, draw_velocities(atoms.get_masses(), conditions.temperature, seed))
    damping = max(1, round(conditions.thermostat_damping / conditions.timestep))
    namelists["IONS"] |= {"ion_temperature": "svr", "tempw": conditions.temperature, "nraise": damping}
    return _input(method, atoms, namelists)


def draw_velocities(masses: NDArray[np.float64], temperature: float, seed: int) -> NDArray[np.float64]:
    """Return velocities of exactly this temperature without net momentum, bohr per Rydberg unit of time, (n_atoms, 3).

    :param masses: u, (n_atoms,).
    :param temperature: K.
    """
    thermal, weights = KB * temperature / HARTREE, np.asarray(masses)[:, None] * DALTON
    drawn = np.random.default_rng(seed).normal(size=(len(masses), 3)) * np.sqrt(thermal / weights)
    drawn -= (weights * drawn).sum(axis=0) / weights.sum()
    freedoms, energy = 3 * len(masses) - 3, (weights * drawn**2).sum()
    if not freedoms:
        return np.zeros_like(drawn)
    # A Rydberg unit of time is two atomic ones.
    velocities: NDArray[np.float64] = 2 * drawn * np.sqrt(freedoms * thermal / energy)
    return velocities


def _input(
    method: Method, atoms: Atoms, namelists: dict[str, Any], velocities: NDArray[np.float64] | None = None
) -> PwInput:
    mesh = method.mesh(atoms.cell.array)
    is_complex = bool(namelists["SYSTEM"].get("noncolin"))
    return PwInput(
        namelists=namelists, mesh=mesh, gamma_only=mesh == (1, 1, 1) and not is_complex, velocities=velocities
    )


def _namelists(method: Method, atoms: Atoms, valences: Mapping[str, float] | None) -> dict[str, Any]:
    """Return the namelists of a label, the user's own words last."""
    system = _system(method) | _moments(method, sorted(set(atoms.get_chemical_symbols())), valences)
    control = {"calculation": "scf", "tprnfor": True, "tstress": True}
    return merge({"CONTROL": control, "SYSTEM": system, "ELECTRONS": {}}, method.parameters)


def _system(method: Method) -> dict[str, Any]:
    """Return what the method says about the system."""
    # Without it, the work chain around pw.x would look for empty bands and run a molecule twice.
    system: dict[str, Any] = {"occupations": "fixed"}
    if method.cutoff is not None:
        system["ecutwfc"] = method.cutoff
    if method.functional is not None:
        system["input_dft"] = method.functional.upper()
    if method.charge:
        system["tot_charge"] = float(method.charge)
    if method.multiplicity is not None:
        system |= {"nspin": 2, "tot_magnetization": float(method.multiplicity - 1)}
    return system | _dispersion(method)


def _moments(method: Method, elements: list[str], valences: Mapping[str, float] | None) -> dict[str, Any]:
    """Return the moments that atoms start with: pw.x takes them as a share of the valence electrons.

    :raises InputError: if an element has fewer electrons than its moment.
    """
    if not method.magmoms:
        return {}
    shares = {}
    for element in elements:
        moment, valence = method.magmoms.get(element, 0.0), (valences or {}).get(element)
        if valence is None or abs(moment) > valence:
            raise InputError(f"`magmoms.{element}: {moment:g}` needs a pseudopotential with so many electrons")
        shares[element] = moment / valence
    return {"nspin": 2, "starting_magnetization": shares}


def _dispersion(method: Method) -> dict[str, Any]:
    if method.dispersion is Dispersion.D2:
        # A functional that is not in the table came by `input_dft`, together with its scale.
        name = (method.functional or "").upper()
        # Left alone, pw.x would scale with the value of PBE for all functionals.
        return {"vdw_corr": "dft-d"} | ({"london_s6": D2_SCALES[name]} if name in D2_SCALES else {})
    if method.dispersion is Dispersion.D3:
        # Becke-Johnson damping without the three-body term, which pw.x would add.
        return {"vdw_corr": "dft-d3", "dftd3_version": 4, "dftd3_threebody": False}
    return {}
