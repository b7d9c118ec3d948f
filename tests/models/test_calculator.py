"""Models as ASE calculators."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.models.calculator import CommitteeCalculator, PotentialCalculator


class Spring:
    """A spring of stiffness 2 eV/Å² to the origin, with a constant stress."""

    calls = 0

    def predict(self, frames: Frames) -> Frames:
        """Return analytic labels."""
        self.calls += 1
        energies = (frames.positions**2).sum(axis=(1, 2))
        stresses = np.tile(np.arange(6.0), (len(frames), 1))
        return replace(frames, energies=energies, forces=-2 * frames.positions, stresses=stresses)


def test_calculator_gives_prediction_to_ase() -> None:
    """Energy, forces and stress reach the structure."""
    atoms = Atoms("H2", positions=[[1, 0, 0], [0, 2, 0]], cell=[9, 9, 9], pbc=True)
    atoms.calc = PotentialCalculator(Spring())
    assert atoms.get_potential_energy() == pytest.approx(5.0)
    np.testing.assert_allclose(atoms.get_forces(), [[-2, 0, 0], [0, -4, 0]])
    np.testing.assert_allclose(atoms.get_stress(), np.arange(6))


def test_calculator_follows_moved_atoms() -> None:
    """A displaced structure is predicted anew."""
    atoms = Atoms("H", positions=[[1, 0, 0]], cell=[9, 9, 9], pbc=True)
    atoms.calc = PotentialCalculator(Spring())
    atoms.get_forces()
    atoms.positions[0, 0] = 3
    assert atoms.get_potential_energy() == pytest.approx(9.0)


def test_committee_is_driven_by_the_first_and_asks_all() -> None:
    """The forces of every model are there, and the one that has just driven is not asked again."""
    atoms = Atoms("H2", positions=[[1, 0, 0], [0, 2, 0]], cell=[9, 9, 9], pbc=True)
    committee = [Spring(), Spring(), Spring()]
    atoms.calc = CommitteeCalculator(committee)
    driving = atoms.get_forces()
    forces = atoms.calc.committee_forces(atoms.copy())
    np.testing.assert_allclose(forces, np.tile(driving, (3, 1, 1)))
    assert [potential.calls for potential in committee] == [1, 1, 1]


def test_committee_needs_a_model() -> None:
    """Nothing can be driven by nothing."""
    with pytest.raises(InputError, match="at least one model"):
        CommitteeCalculator([])
