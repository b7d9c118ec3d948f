"""Frames: configurations of one composition, with or without labels, as plain arrays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.data import chemical_symbols
from numpy.typing import ArrayLike, NDArray

from .exceptions import InputError

__all__ = ["Frames"]

_SHAPES = {"positions": "fa3", "cells": "f33", "energies": "f", "forces": "fa3", "stresses": "f6"}


@dataclass(frozen=True, eq=False, kw_only=True)
class Frames:
    """Configurations that share species and order of atoms.

    :ivar numbers: atomic numbers, (n_atoms,).
    :ivar positions: Å, (n_frames, n_atoms, 3).
    :ivar cells: rows are the cell vectors in Å, (n_frames, 3, 3).
    :ivar energies: eV, the ones that the forces derive from, (n_frames,), or None.
    :ivar forces: eV/Å, (n_frames, n_atoms, 3), or None.
    :ivar stresses: eV/Å³, tension positive, order xx yy zz yz xz xy, (n_frames, 6), or None. A row of NaN: no stress.
    """

    numbers: NDArray[np.int64]
    positions: NDArray[np.float64]
    cells: NDArray[np.float64]
    energies: NDArray[np.float64] | None = None
    forces: NDArray[np.float64] | None = None
    stresses: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "numbers", np.asarray(self.numbers, dtype=np.int64))
        positions = np.asarray(self.positions, dtype=np.float64)
        sizes = {"f": len(positions), "a": len(self.numbers), "3": 3, "6": 6}
        for name, dims in _SHAPES.items():
            value = getattr(self, name)
            if value is None:
                continue
            array = np.asarray(value, dtype=np.float64)
            shape = tuple(sizes[dim] for dim in dims)
            if array.shape != shape:
                raise InputError(f"`{name}` has shape {array.shape}, expected {shape}")
            object.__setattr__(self, name, array)

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, index: ArrayLike | slice) -> Frames:
        """Return the frames at an index array, mask or slice, as new frames."""
        rows = index if isinstance(index, slice) else np.atleast_1d(np.asarray(index))
        if isinstance(rows, np.ndarray) and rows.size == 0:
            rows = rows.astype(np.int64)
        chosen = {name: getattr(self, name)[rows] for name in _SHAPES if getattr(self, name) is not None}
        return replace(self, **chosen)

    @property
    def n_atoms(self) -> int:
        """Return the number of atoms of each frame."""
        return len(self.numbers)

    @property
    def symbols(self) -> list[str]:
        """Return the chemical symbols, in order."""
        return [chemical_symbols[number] for number in self.numbers]

    @property
    def volumes(self) -> NDArray[np.float64]:
        """Return the cell volumes in Å³, (n_frames,)."""
        volumes: NDArray[np.float64] = np.abs(np.linalg.det(self.cells))
        return volumes

    @property
    def is_labelled(self) -> bool:
        """Return whether energies and forces are there."""
        return self.energies is not None and self.forces is not None

    def without_labels(self) -> Frames:
        """Return the bare configurations."""
        return replace(self, energies=None, forces=None, stresses=None)

    def to_atoms(self) -> list[Atoms]:
        """Return one periodic ASE ``Atoms`` a frame, with its labels in a calculator."""
        images = []
        for row, (positions, cell) in enumerate(zip(self.positions, self.cells, strict=True)):
            atoms = Atoms(numbers=self.numbers, positions=positions, cell=cell, pbc=True)
            results = {
                key: getattr(self, name)[row]
                for key, name in (("energy", "energies"), ("forces", "forces"), ("stress", "stresses"))
                if getattr(self, name) is not None
            }
            if results:
                atoms.calc = SinglePointCalculator(atoms, **results)
            images.append(atoms)
        return images

    @classmethod
    def from_atoms(cls, images: Sequence[Atoms]) -> Frames:
        """Return bare frames from ASE ``Atoms`` of one composition and order.

        :raises InputError: if there are none, or they differ in species or order.
        """
        if not images:
            raise InputError("no structures given")
        numbers = images[0].numbers
        for row, atoms in enumerate(images):
            if not np.array_equal(atoms.numbers, numbers):
                raise InputError(f"structure {row} differs from the first in its species or their order")
        return cls(
            numbers=numbers,
            positions=np.array([atoms.positions for atoms in images]),
            cells=np.array([np.array(atoms.cell) for atoms in images]),
        )

    @classmethod
    def concatenate(cls, parts: Iterable[Frames]) -> Frames:
        """Join frames of one composition; a label is kept if every part has it.

        :raises InputError: if there are none, or they differ in species or order.
        """
        items = list(parts)
        if not items:
            raise InputError("no frames given")
        if any(not np.array_equal(item.numbers, items[0].numbers) for item in items):
            raise InputError("frames of different species or order cannot be joined")
        joined = {
            name: np.concatenate([getattr(item, name) for item in items])
            for name in _SHAPES
            if all(getattr(item, name) is not None for item in items)
        }
        return cls(numbers=items[0].numbers, **joined)

    def in_order_of(self, other: Frames) -> Frames:
        """Return the frames with their atoms in the order of others of the same composition.

        Atoms of one element stay in order among themselves.
        """
        order = np.empty(self.n_atoms, dtype=np.int64)
        order[np.argsort(other.numbers, kind="stable")] = np.argsort(self.numbers, kind="stable")
        by_atom = {
            name: getattr(self, name)[:, order]
            for name, dims in _SHAPES.items()
            if dims.startswith("fa") and getattr(self, name) is not None
        }
        return replace(self, numbers=self.numbers[order], **by_atom)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return the arrays that are there, by name; the constructor takes them."""
        arrays = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: array for name, array in arrays.items() if array is not None}

    def save(self, path: Path) -> None:
        """Write the arrays to one ``.npz`` file."""
        with path.open("wb") as handle:
            np.savez(handle, **self.arrays())  # type: ignore[arg-type]

    @classmethod
    def by_composition(cls, parts: Iterable[Frames], *, keep_order: bool = False) -> list[Frames]:
        """Join frames of equal composition, whatever the order of their atoms, which becomes that of the first ones.

        An alloy whose atoms were shuffled is one set, not hundreds.

        :param keep_order: another order is another set, for whoever asks which atom is which, as of a bond.
        """
        groups: dict[bytes, list[Frames]] = {}
        for part in parts:
            key = part.numbers if keep_order else np.sort(part.numbers)
            group = groups.setdefault(key.tobytes(), [])
            group.append(part.in_order_of(group[0]) if group else part)
        return [cls.concatenate(group) for group in groups.values()]

    @classmethod
    def load(cls, path: Path) -> Frames:
        """Read what :meth:`save` wrote."""
        with np.load(path, allow_pickle=False) as archive:
            return cls(**{name: archive[name] for name in archive.files})
