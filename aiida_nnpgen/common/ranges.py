"""Whether a run is still something that can be: its ranges, relative to its own start.

A committee that was never shown a boiled or collapsed box may agree on it, so a small deviation does not show it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from ase import Atoms
from ase.geometry import minkowski_reduce
from ase.neighborlist import neighbor_list
from numpy.typing import NDArray

from .contacts import Contacts
from .dynamics import Conditions, MdRun
from .types import RunEnd

__all__ = ["RangeJudge", "cut_to_ranges"]

Range = tuple[float, float]


class RangeJudge:
    """Say of each step in turn what has left its range.

    :param start: where the run started.
    :param energy: its potential energy in eV.
    :param cutoff: Å, of the model; None: neighbours are not looked for.
    """

    def __init__(self, conditions: Conditions, start: Atoms, energy: float, cutoff: float | None = None) -> None:
        self.conditions, self.energy = conditions, energy
        self.n_atoms, self.volume = len(start), float(start.get_volume())
        self._cell = np.array(start.cell)
        self._widths = self._start_widths = _widths(self._cell)
        self._bonds = None if cutoff is None or conditions.allow_lone_atoms else _Bonds(start, cutoff)
        limits = conditions.torn_bond, conditions.overlap
        self._contacts = None if limits == (None, None) else Contacts(start, *limits)
        self._reference = "that at the start" if conditions.volume_ratio is None else "what the strain prescribes"

    def judge_thermo(self, step: int, values: Mapping[str, float]) -> str | None:
        """Return what is wrong with temperature, volume or energy of a step; None if nothing is.

        The potential energy is judged, not one that is conserved: a thermostat takes the heat of a fall into a hole of
        the potential, and no quantity is conserved in all ensembles, or told by all samplers.

        :param values: those columns of :attr:`MdRun.thermo` that are known.
        """
        limit = self.conditions.max_temperature
        temperature = values.get("temperature", 0.0)
        if not temperature <= limit:
            return f"the temperature of {temperature:.0f} K exceeds {limit:g} K (`max_temperature`)"
        volume = values.get("volume", self.volume) / self.volume / self.conditions.length_factor(step) ** 3
        if not _is_inside(volume, self.conditions.volume_range):
            return self._outside("volume", volume, self.conditions.volume_range)
        change = (values.get("potential_energy", self.energy) - self.energy) / self.n_atoms
        if not abs(change) <= _or_infinite(self.conditions.max_energy_change):
            limit = _or_infinite(self.conditions.max_energy_change)
            return (
                f"the potential energy is {change:+.3g} eV/atom from the start, beyond {limit:g} (`max_energy_change`)"
            )
        return None

    def judge_geometry(self, step: int, positions: NDArray[np.float64], cell: NDArray[np.float64]) -> str | None:
        """Return what is wrong with cell or atoms of a step; None if nothing is."""
        if not np.array_equal(cell, self._cell):
            self._cell, self._widths = cell.copy(), _widths(cell)
        factors = self._widths / self._start_widths / self.conditions.length_factor(step)
        for factor in factors.tolist():
            if not _is_inside(factor, self.conditions.length_range):
                return self._outside("length", factor, self.conditions.length_range)
        judges = [judge for judge in (self._contacts, self._bonds) if judge is not None]
        return next((fault for judge in judges if (fault := judge.judge(positions, cell))), None)

    def _outside(self, name: str, factor: float, limits: Range | None) -> str:
        noun = {"volume": "volume", "length": "width of the cell"}[name]
        low, high = limits or (0.0, np.inf)
        return f"the {noun} is {factor:.3g} times {self._reference}, outside {low:g} to {high:g} (`{name}_range`)"


class _Bonds:
    """A partner of each atom, followed by its periodic image while it stays inside the cutoff.

    All neighbours are looked for again only where a partner has left. Where an atom has no neighbour at the start, the
    run is meant to be of a gas, and nothing is judged.
    """

    def __init__(self, start: Atoms, cutoff: float) -> None:
        self.cutoff, self.atoms = cutoff, Atoms(start.numbers, start.positions, cell=start.cell, pbc=True)
        self.is_gas = bool(len(self._find()))

    def judge(self, positions: NDArray[np.float64], cell: NDArray[np.float64]) -> str | None:
        """Return which atom has no neighbour; None if all have."""
        if self.is_gas:
            return None
        vectors = positions[self.partners] + self.images @ cell - positions
        if (np.linalg.norm(vectors, axis=1) < self.cutoff).all():
            return None
        self.atoms.set_cell(cell)
        self.atoms.set_positions(positions)
        lone = self._find()
        if not len(lone):
            return None
        symbol = self.atoms.symbols[lone[0]]
        return f"atom {lone[0]} ({symbol}) has no neighbour within {self.cutoff:g} Å (`allow_lone_atoms`)"

    def _find(self) -> NDArray[np.int64]:
        """Find the nearest neighbour of each atom; return the atoms that have none."""
        first, second, images, distances = neighbor_list("ijSd", self.atoms, self.cutoff)
        order = np.lexsort((distances, first))
        found, rows = np.unique(first[order], return_index=True)
        self.partners, self.images = second[order][rows], images[order][rows]
        return np.setdiff1d(np.arange(len(self.atoms)), found)


def cut_to_ranges(run: MdRun, conditions: Conditions, cutoff: float | None = None) -> MdRun:
    """Return the run up to the first frame that has left a range.

    :param conditions: those of the run.
    :param cutoff: as in :class:`RangeJudge`.
    """
    if not len(run.frames):
        return run
    frames, columns = run.frames, run.thermo | {"volume": run.frames.volumes}
    if frames.energies is not None:
        columns["potential_energy"] = frames.energies
    start = frames[:1].without_labels().to_atoms()[0]
    judge = RangeJudge(conditions, start, float(columns.get("potential_energy", [0.0])[0]), cutoff)
    for row, step in enumerate(run.steps.tolist()):
        fault = judge.judge_thermo(step, {name: float(column[row]) for name, column in columns.items()})
        fault = fault or judge.judge_geometry(step, frames.positions[row], frames.cells[row])
        if fault is not None:
            message = f"Failed at step {step} of {conditions.steps}: {fault}."
            return run.cut(row, end=RunEnd.UNPHYSICAL, message=message, failure_time=float(step * conditions.timestep))
    return run


def _widths(cell: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the distances of opposite faces in Å, ascending, of the most compact cell of the lattice.

    Cells of one lattice thus have the same, although a barostat may choose another on its way.
    """
    if not np.isfinite(cell).all() or not abs(np.linalg.det(cell)) > 0:
        return np.full(3, np.nan)
    reduced, _ = minkowski_reduce(cell)
    return np.sort(1 / np.linalg.norm(np.linalg.inv(reduced), axis=0))


def _is_inside(value: float, limits: Range | None) -> bool:
    return limits is None or limits[0] <= value <= limits[1]


def _or_infinite(limit: float | None) -> float:
    return np.inf if limit is None else limit
