"""Structures in files that ASE reads."""

from __future__ import annotations

from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms
from ase.data import atomic_masses, chemical_symbols

from ..common.bounds import structure_problem
from ..common.exceptions import InputError

__all__ = ["describe_ase_error", "read_images", "read_starts"]

_MASS_TOLERANCE = 0.01  # relative; tables of standard masses differ by less
_MAX_DETAIL = 300  # letters of what ASE says


def read_images(path: Path, index: str = ":") -> list[Atoms]:
    """Return what a file holds, in order; at least one.

    :param index: as in ASE, of the frames to read.
    :raises InputError: if ASE does not read the file, or finds nothing in it.
    """
    try:
        images = ase.io.read(path, index=index)
    except Exception as exception:
        # What ASE raises on a file that it does not expect is without limit.
        raise InputError(f"`{path.name}` cannot be read: {describe_ase_error(exception)}") from exception
    found = images if isinstance(images, list) else [images]
    if not found:
        raise InputError(f"no structure was found in `{path.name}`" + ("" if index == ":" else f" at `{index}`"))
    return found


def describe_ase_error(exception: Exception) -> str:
    """Return in words what ASE raised: a key that it does not have is an element that it does not know."""
    if isinstance(exception, OSError) and exception.strerror:
        return exception.strerror
    if isinstance(exception, KeyError) and exception.args and isinstance(exception.args[0], str):
        name = exception.args[0]
        if name in ("D", "T"):
            return f"`{name}` is no element here: write `H`; masses of isotopes are not used"
        if name.rstrip("0123456789+-_") in chemical_symbols[1:]:
            symbol = name.rstrip("0123456789+-_")
            return f"`{name}` is no element: write `{symbol}`, and what tells atoms of one element apart elsewhere"
        return f"`{name}` is no element" if len(name) <= 3 else f"`{name}` is missing"
    return f"{type(exception).__name__}: {exception}"[:_MAX_DETAIL]


def read_starts(path: Path, index: str = ":") -> list[Atoms]:
    """Return the structures of a file that a calculation can start from, each of them checked.

    :raises InputError: naming the frame, if one is no crystal of known elements, each in its place.
    """
    images = read_images(path, index)
    for number, image in enumerate(images):
        if problem := _problem(image):
            raise InputError(f"frame {number} of `{path.name}` {problem}")
    return images


def _problem(atoms: Atoms) -> str | None:
    """Return what makes a structure useless, as the rest of a sentence."""
    if not len(atoms):
        return "has no atoms"
    if not (np.isfinite(atoms.positions).all() and np.isfinite(atoms.cell.array).all()):
        return "has positions or lattice vectors that are no numbers"
    if not atoms.pbc.all() or atoms.cell.rank < 3:
        return "is not periodic in three directions"
    if not atoms.numbers.all():
        return f"has an atom of no element, `X` (number {int(np.flatnonzero(atoms.numbers == 0)[0])}, from 0)"
    problem = structure_problem(atoms.numbers, atoms.positions, atoms.cell.array)
    return f"has {problem}" if problem else _state(atoms) or _shared_site(atoms)


def _state(atoms: Atoms) -> str | None:
    """Return which state of the atoms is given that no later frame would keep: frames hold elements and places."""
    for name, instead in (
        ("initial_magmoms", "say `reference.magmoms`, one moment for all atoms of an element"),
        ("initial_charges", "say `reference.charge` of the cell"),
    ):
        if atoms.has(name) and np.any(atoms.arrays[name]):
            return f"has `{name}`, which are not used: take them out, and {instead}"
    if atoms.has("masses"):
        masses = atoms.arrays["masses"]
        wrong = np.abs(masses / atomic_masses[atoms.numbers] - 1) > _MASS_TOLERANCE
        if wrong.any():
            place = int(np.flatnonzero(wrong)[0])
            found = f"atom {place} (from 0), `{atoms.symbols[place]}`, the mass `{masses[place]:g}` u"
            return f"gives {found}: isotopes are not used, take the masses out"
    return None


def _shared_site(atoms: Atoms) -> str | None:
    """Return which site holds parts of atoms."""
    shared = [site for site in atoms.info.get("occupancy", {}).values() if sum(site.values()) < 1 or len(site) > 1]
    if shared:
        named = ", ".join(f"{symbol} {share:g}" for symbol, share in sorted(shared[0].items()))
        return f"has a site that is occupied in part ({named}): write a structure with one atom on each site"
    return None
