"""An ASE calculator for tests: springs between atoms, a log of what it computed, and ways to fail."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, CalculatorSetupError, all_changes


class CountingCalculator(Calculator):
    """Springs of 1 eV/Å² and length 1 Å between all atoms, without periodic images.

    :param log: file that takes one line per frame that was computed.
    :param kill_after: the process is killed when so many lines are in the log, once; None: never.
    :param always: it is killed in every job, before the first frame.
    :param refuse: frames whose first two atoms are farther apart (Å) raise an error.
    """

    implemented_properties = ["energy", "forces", "stress"]

    def __init__(
        self, log: str, kill_after: int | None = None, always: bool = False, refuse: float = np.inf, **_: object
    ) -> None:
        super().__init__()
        self.log, self.marker = Path(log), Path(f"{log}.killed")
        self.kill_after, self.always, self.refuse = kill_after, always, refuse

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: tuple[str, ...] = ("energy",),
        system_changes: list[str] = all_changes,
    ) -> None:
        """Compute one frame, or fail."""
        super().calculate(atoms, properties, system_changes)
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        if self.always or (len(lines) == self.kill_after and not self.marker.exists()):
            self.marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        vectors = self.atoms.positions[:, None] - self.atoms.positions[None]
        distances = np.linalg.norm(vectors, axis=-1)
        if distances[0, 1] > self.refuse:
            raise CalculatorSetupError(f"too far apart: {distances[0, 1]:.2f} Å")
        with self.log.open("a") as handle:
            handle.write(f"{distances[0, 1]!r}\n")
        stretch = distances - 1
        np.fill_diagonal(stretch, 0)
        directions = vectors / np.where(distances, distances, 1)[..., None]
        self.results = {
            "energy": 0.25 * float((stretch**2).sum()),
            "forces": -(stretch[..., None] * directions).sum(axis=1),
            "stress": np.zeros(6),
        }
