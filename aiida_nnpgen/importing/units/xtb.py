"""Forces of a semi-empirical method, where one is installed, to measure those of a file by."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from ...dft.reading import Reading

__all__ = ["Comparison", "compare_with_xtb"]

# Three frames of this size take a few seconds; fields that converge slowly are given up.
_MAX_ATOMS = 40
_MAX_FRAMES = 3
_MAX_ITERATIONS = 60
_MAX_SECONDS = 10.0
_MIN_CORRELATION = 0.8
_LARGE_FORCE = 1.5  # eV/Å, rms: more than two methods differ by at the minimum of one of them
_LARGE_CHANGE = 0.1  # eV/Å, rms: less is lost in the differences of two methods
_NONMETALS = [1, 5, 6, 7, 8, 9, 14, 15, 16, 17, 32, 33, 34, 35, 52, 53]
# Elements with open d or f shells: fields converge slowly, and forces are no measure.
_OPEN_SHELLS = [*range(21, 31), *range(39, 49), *range(57, 81), *range(89, 119)]


@dataclass(frozen=True)
class Comparison:
    """The slope of the forces of a file against those of GFN1-xTB, about 1 for eV/Å.

    :ivar size: None where it cannot be told.
    :ivar reason: why not.
    """

    size: float | None
    reason: str = ""


def compare_with_xtb(frames: Sequence[Reading], length: float = 1.0) -> Comparison:
    """Compare the forces of a file with those of GFN1-xTB.

    Where several frames have the same atoms, changes of the forces are compared: near a minimum two methods differ by
    more than the forces.

    :param frames: labelled.
    :param length: factor that brings positions to Å.
    """
    chosen = [frame for frame in frames if len(frame.numbers) <= _MAX_ATOMS]
    if not chosen:
        return Comparison(None, f"no frame has {_MAX_ATOMS} atoms or fewer for a comparison with GFN1-xTB")
    chosen = [frame for frame in chosen if _is_known(frame.numbers)]
    if not chosen:
        return Comparison(None, "GFN1-xTB is no measure for metals")
    picked = [chosen[row] for row in np.unique(np.linspace(0, len(chosen) - 1, _MAX_FRAMES).astype(int))]
    try:
        ours = _forces(picked, length)
    except ImportError:
        return Comparison(None, "tblite is not installed")
    except Exception as exception:
        # What the library raises is without limit, and no fault of the file.
        return Comparison(None, f"GFN1-xTB failed: {type(exception).__name__}: {exception}")
    if len(ours) < len(picked):
        return Comparison(None, f"GFN1-xTB took more than {_MAX_SECONDS:g} s")
    return _compare(ours, [np.asarray(frame.forces).ravel() for frame in picked])


def _is_known(numbers: NDArray[np.int64]) -> bool:
    """Return whether the method says something about these elements: at least half of the atoms are no metal."""
    return not np.isin(numbers, _OPEN_SHELLS).any() and bool(np.isin(numbers, _NONMETALS).mean() >= 0.5)


def _forces(frames: Sequence[Reading], length: float) -> list[NDArray[np.float64]]:
    """Return forces in eV/Å of as many frames as there is time for.

    :raises ImportError: if tblite is not installed.
    """
    from tblite.ase import TBLite

    start, forces = time.monotonic(), []
    for frame in frames:
        if time.monotonic() - start > _MAX_SECONDS:
            break
        atoms = Atoms(frame.numbers, positions=frame.positions * length, cell=frame.cell * length, pbc=True)
        calculator = TBLite(method="GFN1-xTB", verbosity=0, max_iterations=_MAX_ITERATIONS)
        forces.append(np.asarray(calculator.get_property("forces", atoms), dtype=np.float64).ravel())
    return forces


def _compare(ours: list[NDArray[np.float64]], theirs: list[NDArray[np.float64]]) -> Comparison:
    needed = _LARGE_FORCE
    if len(ours) == _MAX_FRAMES and len({array.shape for array in ours}) == 1:
        needed = _LARGE_CHANGE
        ours, theirs = list(ours - np.mean(ours, axis=0)), list(theirs - np.mean(theirs, axis=0))
    reference, given = np.concatenate(ours), np.concatenate(theirs)
    if np.sqrt(np.mean(reference**2)) < needed:
        return Comparison(None, "forces are too near to zero to be compared with GFN1-xTB")
    size = float(np.linalg.norm(reference) * np.linalg.norm(given))
    if size == 0 or abs(float(reference @ given)) < _MIN_CORRELATION * size:
        return Comparison(None, "forces do not resemble those of GFN1-xTB")
    return Comparison(float(np.sign(reference @ given) * np.linalg.norm(given) / np.linalg.norm(reference)))
