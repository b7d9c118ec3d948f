"""A molecule of water as a crystal, moved, strained and described in other words: what a labeller is asked to label."""

from __future__ import annotations

import numpy as np
from ase import Atoms

from .equivalents import EQUIVALENTS, Equivalent

__all__ = ["ORDER", "STEP", "STRAIN", "in_other_words", "molecule_frames", "water"]

STEP, STRAIN = 0.004, 0.004
"""Displacement in Å and strain of the finite differences."""


def water() -> Atoms:
    """Return a molecule in a triclinic cell."""
    cell = [[4.6, 0.0, 0.0], [0.7, 4.4, 0.0], [-0.4, 0.5, 4.8]]
    positions = [[2.95, 2.05, 2.0], [2.0, 2.0, 2.0], [1.75, 2.9, 2.2]]
    return Atoms("HOH", positions=positions, cell=cell, pbc=True)


def in_other_words(atoms: Atoms) -> list[Equivalent]:
    """Return a crystal, turned, in a left-handed cell, shuffled, with atoms outside: one step after the other.

    No other lattice vectors are combined: the grid of a plane-wave code would be another one.
    """
    steps: list[Equivalent] = []
    for name in ("rotated", "left_handed", "shuffled", "outside"):
        steps.append(EQUIVALENTS[name](steps[-1].atoms if steps else atoms))
    return steps


def molecule_frames() -> dict[str, Atoms]:
    """Return a frame, the same in other words, moved atoms, strained cells, and one that no code can do."""
    made = {"base": water(), "equivalent": in_other_words(water())[-1].atoms}
    for sign in (1, -1):
        moved, strained = water(), water()
        moved.positions[1, 0] += sign * STEP
        strain = np.eye(3)
        strain[0, 0] += sign * STRAIN
        strain[0, 1] = strain[1, 0] = sign * STRAIN
        strained.set_cell(strained.cell.array @ strain, scale_atoms=True)
        made |= {f"moved_{sign}": moved, f"strained_{sign}": strained}
    crushed = water()
    crushed.positions[1] = crushed.positions[0] + [0.25, 0.0, 0.0]
    return made | {"crushed": crushed}


ORDER = list(molecule_frames())
"""Names of the frames, in the order in which they are labelled."""
