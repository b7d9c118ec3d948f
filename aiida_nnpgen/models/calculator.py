"""Any loaded model, or a whole committee, as an ASE calculator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from numpy.typing import NDArray

from ..common.exceptions import InputError
from ..common.frames import Frames
from .base import Potential

__all__ = ["CommitteeCalculator", "PotentialCalculator"]


class PotentialCalculator(Calculator):  # type: ignore[misc]
    """Energy (eV), forces (eV/Å) and stress (eV/Å³, tension positive) of a loaded model.

    :param potential: what a back end's ``load`` returned. The structure is taken as periodic in all directions.
    """

    implemented_properties: ClassVar[list[str]] = ["energy", "free_energy", "forces", "stress"]

    def __init__(self, potential: Potential) -> None:
        super().__init__()
        self.potential = potential

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = tuple(all_changes),
    ) -> None:
        """Predict all properties at once and keep them for ASE."""
        super().calculate(atoms, properties, system_changes)
        predicted = self.potential.predict(Frames.from_atoms([self.atoms]))
        assert predicted.energies is not None
        assert predicted.forces is not None
        self.results = {
            "energy": float(predicted.energies[0]),
            "free_energy": float(predicted.energies[0]),
            "forces": predicted.forces[0],
        }
        if predicted.stresses is not None:
            self.results["stress"] = predicted.stresses[0]


class CommitteeCalculator(PotentialCalculator):
    """The first model of a committee, which can be asked for the forces of all of them.

    :param potentials: at least one; the first drives.
    """

    def __init__(self, potentials: Sequence[Potential]) -> None:
        if not potentials:
            raise InputError("`potentials` is empty: a committee needs at least one model")
        super().__init__(potentials[0])
        self.others = tuple(potentials[1:])

    def committee_forces(self, atoms: Atoms) -> NDArray[np.float64]:
        """Return the forces of every model in eV/Å, (n_models, n_atoms, 3).

        Those of the first are not computed again where it has just driven a step.
        """
        frames = Frames.from_atoms([atoms])
        others = [potential.predict(frames).forces for potential in self.others]
        return np.array([self.get_property("forces", atoms), *(forces[0] for forces in others if forces is not None)])
