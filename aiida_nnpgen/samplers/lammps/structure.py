"""Where a run of LAMMPS starts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase import Atoms
from ase.data import atomic_masses, atomic_numbers
from numpy.typing import NDArray

from ...common.exceptions import InputError
from .cell import RestrictedCell

__all__ = ["write_structure"]

_MAX_IMAGE = 511  # LAMMPS counts images with ten bits


def write_structure(structure: Atoms, elements: Sequence[str]) -> str:
    """Return a LAMMPS data file, in the orientation of :class:`RestrictedCell`; the order of the atoms is kept.

    Positions are those inside the box, with the images that they were in.

    The box is always written as triclinic, so that input and output have one form.

    :param elements: chemical symbols in the order of the types; they may be more than the structure has.
    :raises InputError: if an element is not among them, a position is not finite, or the cell has no volume.
    """
    types = {symbol: index for index, symbol in enumerate(elements, start=1)}
    symbols = structure.get_chemical_symbols()
    unknown = sorted(set(symbols) - set(types))
    if unknown:
        raise InputError(f"`{', '.join(unknown)}` is not among the elements of the model: {', '.join(elements)}")
    restricted = RestrictedCell.from_cell(structure.cell)
    cell = restricted.cell.tolist()
    lines = ["Structure in LAMMPS' orientation", "", f"{len(structure)} atoms", f"{len(elements)} atom types", ""]
    lines += [f"0.0 {cell[axis][axis]!r} {name}lo {name}hi" for axis, name in enumerate("xyz")]
    lines += [f"{cell[1][0]!r} {cell[2][0]!r} {cell[2][1]!r} xy xz yz", "", "Masses", ""]
    lines += [f"{types[symbol]} {atomic_masses[atomic_numbers[symbol]]} # {symbol}" for symbol in elements]
    lines += ["", "Atoms # atomic", ""]
    positions, images = _wrapped(restricted.rotate(structure.positions), restricted)
    for index, (symbol, (x, y, z), image) in enumerate(zip(symbols, positions.tolist(), images, strict=True), start=1):
        flags = f" {' '.join(map(str, image))}" if images.any() else ""
        lines.append(f"{index} {types[symbol]} {x!r} {y!r} {z!r}{flags}")
    return "\n".join(lines) + "\n"


def _wrapped(
    positions: NDArray[np.float64], restricted: RestrictedCell
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return positions inside the box, and the image that each was in, which LAMMPS adds to what it writes.

    Left outside, LAMMPS would bring an atom back by one lattice vector after the other, which may take for ever.
    Atoms inside stay as they are to the last bit; what is farther than LAMMPS can count is moved to the box.

    :raises InputError: if a position is not finite.
    """
    if not np.isfinite(positions).all():
        raise InputError("a position is not finite: LAMMPS cannot start there")
    images = np.floor(np.linalg.solve(restricted.cell.T, positions.T).T)
    wrapped = positions - images @ restricted.cell
    images = np.where(np.abs(images) > _MAX_IMAGE, 0.0, images)
    return wrapped, images.astype(np.int64)
