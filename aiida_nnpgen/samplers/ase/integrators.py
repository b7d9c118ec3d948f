"""Time integrators of ASE for each ensemble, and what cannot be done with them."""

from __future__ import annotations

import numpy as np
from ase import Atoms, units
from ase.constraints import FixCom
from ase.md.bussi import Bussi
from ase.md.langevinbaoab import LangevinBAOAB
from ase.md.md import MolecularDynamics
from ase.md.nose_hoover_chain import MTKNPT, IsotropicMTKNPT, MaskedMTKNPT, NoseHooverChainNVT

from ...common.dynamics import Conditions
from ...common.exceptions import InputError
from ...common.types import Ensemble, PressureCoupling, Thermostat
from ...common.units import BAR

__all__ = ["ABILITIES", "check_abilities", "degrees_of_freedom", "make_dynamics"]

ABILITIES: frozenset[tuple[Ensemble, PressureCoupling | None, Thermostat]] = frozenset(
    {
        (Ensemble.NVT, None, Thermostat.NOSE_HOOVER),
        (Ensemble.NVT, None, Thermostat.LANGEVIN),
        (Ensemble.NVT, None, Thermostat.CSVR),
        (Ensemble.NPT, PressureCoupling.ISO, Thermostat.NOSE_HOOVER),
        (Ensemble.NPT, PressureCoupling.ANISO, Thermostat.NOSE_HOOVER),
        (Ensemble.NPT, PressureCoupling.TRI, Thermostat.NOSE_HOOVER),
        (Ensemble.NEMD, None, Thermostat.NOSE_HOOVER),
        (Ensemble.NEMD, None, Thermostat.LANGEVIN),
    }
)
"""What this sampler offers: ensemble, coupling (None where there is no barostat), thermostat."""

_BAROSTATS = {
    PressureCoupling.ISO: (IsotropicMTKNPT, {}),
    PressureCoupling.ANISO: (MaskedMTKNPT, {"mask": np.ones(3, dtype=bool)}),
    PressureCoupling.TRI: (MTKNPT, {}),
}


def check_abilities(conditions: Conditions) -> None:
    """Refuse conditions that this sampler does not offer, before anything is launched.

    :raises InputError: if the combination is not in :data:`ABILITIES`.
    """
    coupling = conditions.coupling if conditions.ensemble is Ensemble.NPT else None
    if (conditions.ensemble, coupling, conditions.thermostat) not in ABILITIES:
        raise InputError(
            f"`{conditions.thermostat.value}` is not offered for `{conditions.ensemble.value}` by the ASE sampler: "
            f"use `{Thermostat.NOSE_HOOVER.value}`"
        )


def degrees_of_freedom(n_atoms: int) -> int:
    """Return the number of momenta that move freely when the total momentum is held at zero."""
    return 3 * n_atoms - 3 if n_atoms > 1 else 3


def make_dynamics(atoms: Atoms, conditions: Conditions, generator: np.random.Generator) -> MolecularDynamics:
    """Return the integrator for the conditions.

    Nosé-Hoover chains and their barostats are those of Martyna, Tobias, Klein, J. Chem. Phys. 101, 4177 (1994);
    Langevin is BAOAB, Leimkuhler, Matthews, J. Chem. Phys. 138, 174102 (2013); stochastic rescaling of velocities is
    that of Bussi, Donadio, Parrinello, J. Chem. Phys. 126, 014101 (2007).

    :param atoms: with calculator and momenta of zero sum; the integrator moves it.
    :param generator: source of the noise.
    """
    step = conditions.timestep * units.fs
    damping = conditions.thermostat_damping * units.fs
    if conditions.thermostat is not Thermostat.NOSE_HOOVER and len(atoms) > 1:
        atoms.set_constraint(FixCom())
    if conditions.thermostat is Thermostat.CSVR:
        return Bussi(atoms, step, conditions.temperature, damping, rng=generator)
    if conditions.thermostat is Thermostat.LANGEVIN:
        kind = _DrivenLangevin if conditions.ensemble is Ensemble.NEMD else LangevinBAOAB
        dynamics = kind(atoms, step, temperature_K=conditions.temperature, T_tau=damping, rng=generator)
    else:
        # ASE's chains count 3N degrees of freedom although the total momentum stays zero; this makes up for it.
        target = conditions.temperature * degrees_of_freedom(len(atoms)) / (3 * len(atoms))
        if conditions.pressure is not None:
            barostat, keywords = _BAROSTATS[conditions.coupling]
            pressure, slow = conditions.pressure * BAR, conditions.barostat_damping * units.fs
            return barostat(atoms, step, target, pressure_au=pressure, tdamp=damping, pdamp=slow, **keywords)
        kind = _DrivenNoseHoover if conditions.ensemble is Ensemble.NEMD else NoseHooverChainNVT
        dynamics = kind(atoms, step, target, damping)
    if conditions.volume_ratio is not None:
        dynamics.deformation = _Deformation(conditions.volume_ratio, conditions.steps)
    return dynamics


class _Deformation:
    """Edge lengths that change linearly in time until the volume has changed by a ratio."""

    def __init__(self, volume_ratio: float, steps: int) -> None:
        self.rate = (float(volume_ratio ** (1 / 3)) - 1) / steps
        self.done = 0.0

    def advance(self, steps: float) -> float:
        """Return the factor by which the edges grow over the next steps."""
        before = 1 + self.rate * self.done
        self.done += steps
        return (1 + self.rate * self.done) / before


class _DrivenNoseHoover(NoseHooverChainNVT):  # type: ignore[misc]
    """Nosé-Hoover chain in a box that is scaled with its atoms; momenta are not."""

    deformation: _Deformation

    def _integrate_q(self, delta: float) -> None:
        super()._integrate_q(delta)
        # Inside the step, where the forces are computed next: no second evaluation is needed.
        factor = self.deformation.advance(1.0)
        self._q *= factor
        self.atoms.set_cell(self.atoms.cell * factor, scale_atoms=False)


class _DrivenLangevin(LangevinBAOAB):  # type: ignore[misc]
    """Langevin dynamics in a box that is scaled with its atoms; momenta are not."""

    deformation: _Deformation

    def _BAOAB_A(self) -> None:  # noqa: N802
        super()._BAOAB_A()
        # This half step of the positions comes twice a step.
        self.atoms.set_cell(self.atoms.cell * self.deformation.advance(0.5), scale_atoms=True)
