"""Any loaded model as an ASE calculator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes

from ..common.frames import Frames
from .base import Potential

__all__ = ["PotentialCalculator"]


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
