"""Models as ASE calculators."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms

from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.models.calculator import PotentialCalculator


class Spring:
    """A spring of stiffness 2 eV/Å² to the origin, with a constant stress."""

    def predict(self, frames: Frames) -> Frames:
        """Return analytic labels."""
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
