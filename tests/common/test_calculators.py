"""Evaluation of structures by ASE calculators."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.calculator import Calculator, all_changes
from ase.calculators.lj import LennardJones
from ase.constraints import FixAtoms

from aiida_nnpgen.common.calculators import evaluate


class Smeared(Calculator):
    """A calculator whose free energy differs from its energy, as with smeared occupations; it has no stress."""

    implemented_properties: ClassVar = ["energy", "free_energy", "forces"]

    def calculate(self, atoms=None, properties=("energy",), system_changes=tuple(all_changes)):
        super().calculate(atoms, properties, system_changes)
        self.results = {"energy": -1.0, "free_energy": -1.5, "forces": np.ones((len(self.atoms), 3))}


def generate_argon() -> Atoms:
    """Return a rattled crystal of argon."""
    atoms = bulk("Ar", a=5.3, cubic=True)
    atoms.rattle(0.2, seed=1)
    return atoms


def test_evaluate_takes_the_energy_that_the_forces_derive_from() -> None:
    """The free energy has precedence."""
    assert evaluate(Atoms("H"), Smeared()).energy == -1.5


def test_evaluate_gives_nan_where_there_is_no_stress() -> None:
    """Absent stress is six NaN."""
    assert np.isnan(evaluate(Atoms("H"), Smeared()).stress).tolist() == [True] * 6


def test_evaluate_ignores_constraints() -> None:
    """Forces on fixed atoms are labels too."""
    atoms = generate_argon()
    atoms.set_constraint(FixAtoms([0]))
    forces = evaluate(atoms, LennardJones(sigma=3.4, epsilon=0.01, rc=8.0)).forces
    assert np.linalg.norm(forces[0]) > 1e-3


def test_evaluate_stress_has_no_kinetic_part() -> None:
    """Momenta do not change the stress."""
    atoms, calculator = generate_argon(), LennardJones(sigma=3.4, epsilon=0.01, rc=8.0)
    at_rest = evaluate(atoms, calculator).stress
    atoms.set_momenta(np.full((len(atoms), 3), 10.0))
    assert evaluate(atoms, calculator).stress == pytest.approx(at_rest)
